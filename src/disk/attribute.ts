import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Reads a small text of /sys or /proc, without blanks around it; undefined when it is not there (any more). */
export async function attribute(folder: string, file: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await readFile(path.join(folder, file), { encoding: 'utf8', signal })).trim();
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** Names of what is in a folder of /sys; none when it is not there. */
export const children = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
