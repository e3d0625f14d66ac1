import type { Unread } from '../client.ts';

/**
 * JSON.parse, but for what is in these parts, which must come in this order: built-in kinds are written in the order of
 * their Go structs, custom ones in that of their keys. Where a text is in another order, a cut would
 *
 * - begin or end at another depth: the rest is no JSON;
 * - stay at its depth and take other fields along: it has the key of one that is read (`never`).
 *
 * In both cases the whole text is parsed: slower, never wrong. Throws what JSON.parse throws; what is left out is not
 * checked.
 */
export function parseWithout(text: string, unread: readonly Unread[]): unknown {
  const read = without(text, unread);
  if (read === undefined) return JSON.parse(text);
  try {
    return JSON.parse(read);
  } catch {
    return JSON.parse(text);
  }
}

/** The text without these parts; undefined when none is there, or when a cut would take along what is read. */
function without(text: string, unread: readonly Unread[]): string | undefined {
  let read = '';
  let done = 0;
  for (const { after, before, never } of unread) {
    const at = text.indexOf(after, done);
    const isKey = at >= 0 && text[at - 1] !== '\\';
    const start = at + after.length;
    const end = isKey ? text.indexOf(before, start) : -1;
    if (end < 0) continue;
    const part = text.slice(start, end);
    if (never.some((key) => part.includes(key))) return undefined;
    read += text.slice(done, start);
    done = end;
  }
  return done === 0 ? undefined : read + text.slice(done);
}
