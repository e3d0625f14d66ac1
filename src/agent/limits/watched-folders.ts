import { watchFolder } from '../../daemon/watch-folder.ts';

/** Watches a set of folders, which may change, for entries that are made or removed in them. */
export interface WatchedFolders {
  /** Replaces the set. Folders that do not exist are skipped. The signal ends the watches that this call starts. */
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
      // The folder was removed meanwhile: the next call names the folders that exist then.
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
