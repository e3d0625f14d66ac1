import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { Fault, textOf } from '../model/fault.ts';

/** One JSON document on disk, for simulated programs: always whole, also when its writer is killed at any moment. */
export interface StateFile<T> {
  /** Throws Fault `unavailable` naming the file when it cannot be read or is not JSON. */
  read(signal: AbortSignal): Promise<T>;
  /** Replaces the document by what `change` makes of it; a throw in there leaves it as it was. One after another. */
  update(change: (state: T) => T, signal: AbortSignal): Promise<void>;
}

/**
 * `initial` stands for a file that is not there yet; without it that is an error. Everything in a process that writes
 * one file must share one StateFile: two of them each read before the other wrote, and lose that write. `mayBeLost`:
 * what is no JSON, such as an empty file after a repair of its filesystem, counts as not there.
 */
export function createStateFile<T>(file: string, initial?: T, { mayBeLost = false } = {}): StateFile<T> {
  let last: Promise<unknown> = Promise.resolve();

  const read = async (signal: AbortSignal): Promise<T> => {
    try {
      return JSON.parse(await readFile(file, { encoding: 'utf8', signal })) as T;
    } catch (error) {
      signal.throwIfAborted();
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT' || (mayBeLost && error instanceof SyntaxError);
      if (initial !== undefined && isGone) return initial;
      throw new Fault('unavailable', `state file ${file}: ${textOf(error)}`, { cause: error });
    }
  };

  const update = async (change: (state: T) => T, signal: AbortSignal): Promise<void> => {
    const before = await read(signal);
    const after = change(before);
    if (after !== before) await replace(file, `${JSON.stringify(after, undefined, 2)}\n`);
  };

  return {
    read,
    update: (change, signal) => {
      const mine = last.then(() => update(change, signal));
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** Not abortable: a document is written as a whole or not at all. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
