import { watch } from 'node:fs';
import { onAbort } from '../wait/abort.ts';

/**
 * Of inotify a user has so many instances and watches (fs.inotify.max_user_instances, 128 as a rule), which all
 * containers of the node that run as that user share: inotify(7).
 */
const USED_UP = ['EMFILE', 'ENOSPC'];
const LOOK_EVERY_MS = 5000;

/**
 * Calls `changed` whenever an entry of the folder is made, removed, renamed or written, and when the folder itself
 * goes, until aborted. One call may stand for several changes, or for none: look, do not count. Where other programs
 * have used up inotify it is called every so many ms. Throws what else keeps the folder from being watched, such as
 * ENOENT.
 */
export function watchFolder(
  folder: string,
  changed: () => void,
  signal: AbortSignal,
  lookEveryMs = LOOK_EVERY_MS,
): void {
  try {
    const watcher = watch(folder, { signal, persistent: false }, changed);
    watcher.on('error', changed); // it watches no more; who looks finds out why
  } catch (error) {
    if (!USED_UP.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const looking = setInterval(changed, lookEveryMs).unref();
    onAbort(signal, () => clearInterval(looking));
  }
}
