import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { whenAborted } from '../wait/abort.ts';
import { watchFolder } from './watch-folder.ts';

/**
 * Watches the folder of a socket from now on. What it returns is to be called once the socket is made, and resolves
 * when the one that is there then was removed, or another took its place, and when aborted. Throws whatever keeps the
 * folder from being watched.
 */
export function watchSocket(socketPath: string, signal: AbortSignal): () => Promise<void> {
  const gone = Promise.withResolvers<void>();
  let mine: string | undefined;
  const look = async (): Promise<void> => {
    if (mine !== undefined && (await fileAt(socketPath)) !== mine) gone.resolve();
  };
  watchFolder(path.dirname(socketPath), () => void look(), signal);
  void whenAborted(signal).then(gone.resolve);
  return async () => {
    mine = await fileAt(socketPath);
    if (mine === NONE) gone.resolve();
    await look();
    await gone.promise;
  };
}

const NONE = 'none';

/** Which file it is: numbers of inodes are used again at once. */
const fileAt = (file: string): Promise<string> =>
  lstat(file).then(
    ({ ino, birthtimeMs }) => `${ino} ${birthtimeMs}`,
    () => NONE,
  );
