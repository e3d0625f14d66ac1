import { watch } from 'node:fs';

/**
 * Calls `changed` whenever an entry of the folder is made, removed, renamed or written, and when the folder itself
 * goes, until aborted. One call may stand for several changes: look, do not count. Throws what keeps the folder from
 * being watched, such as ENOENT.
 */
export function watchFolder(folder: string, changed: () => void, signal: AbortSignal): void {
  const watcher = watch(folder, { signal, persistent: false }, changed);
  watcher.on('error', changed); // it watches no more; who looks finds out why
}
