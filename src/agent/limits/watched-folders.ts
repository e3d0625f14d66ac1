import { watchFolder } from '../../daemon/watch-folder.ts';

/** Watches a set of folders that changes: tells of every entry made or removed in them. */
export interface WatchedFolders {
  /** From now on these are watched, as far as they are there. Ended by the signal given last. */
  set(folders: readonly string[], signal: AbortSignal): void;
}

export function createWatchedFolders(changed: () => void): WatchedFolders {
  const watches = new Map<string, AbortController>();
  const start = (folder: string, signal: AbortSignal): void => {
    const ending = new AbortController();
    try {
      watchFolder(folder, changed, AbortSignal.any([signal, ending.signal]));
      watches.set(folder, ending);
    } catch {
      // It went meanwhile; who names it again will see.
    }
  };
  return {
    set: (folders, signal) => {
      for (const [folder, ending] of watches) {
        if (folders.includes(folder)) continue;
        ending.abort();
        watches.delete(folder);
      }
      for (const folder of folders) if (!watches.has(folder)) start(folder, signal);
    },
  };
}
