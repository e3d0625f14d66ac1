import { readFile } from 'node:fs/promises';
import { Fault, textOf } from '../../model/fault.ts';
import type { Clock } from '../../wait/clock.ts';

/** A text that may change while we run. */
export interface TextSource {
  read(): Promise<string>;
  /** The server refused what this text gave: the next read opens the file again. */
  refresh(): void;
}

/** Kubelet rotates tokens well ahead of their end, and asks readers to look about once a minute. */
const REREAD_MS = 60_000;

export const inlineText = (text: string): TextSource => ({ read: () => Promise.resolve(text), refresh: () => {} });

/**
 * The text of a file, without blanks around it, read again at most once a minute. The first read throws Fault `invalid`
 * when the file cannot be read or is empty; a later one keeps the last good text, for a file is absent for a moment
 * while it is replaced.
 * @param field where the file was named, for the message
 */
export function fileText(file: string, field: string, clock: Clock): TextSource {
  let last = '';
  let readAt = -Infinity;
  let reading = Promise.resolve(last);

  const load = async (): Promise<string> => {
    try {
      last = (await readFile(file, 'utf8')).trim() || last;
    } catch (error) {
      if (last === '') throw new Fault('invalid', `${field}: cannot read ${file}: ${textOf(error)}`, { cause: error });
    }
    if (last === '') throw new Fault('invalid', `${field}: ${file} is empty`);
    return last;
  };

  return {
    read: () => {
      if (clock.now() - readAt >= REREAD_MS) {
        readAt = clock.now();
        reading = load();
      }
      return reading;
    },
    refresh: () => {
      readAt = -Infinity;
    },
  };
}
