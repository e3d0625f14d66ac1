import type { Unread } from '../client.ts';

/**
 * JSON.parse, but for what is in these parts, which must come in this order: built-in kinds are written in the order of
 * their Go structs, custom ones in that of their keys. A part that is not there, or whose end belongs to something
 * else, so that the rest is no JSON, costs time only. Throws what JSON.parse throws; what is left out is not checked.
 */
export function parseWithout(text: string, unread: readonly Unread[]): unknown {
  const read = without(text, unread);
  if (read.length === text.length) return JSON.parse(text);
  try {
    return JSON.parse(read);
  } catch {
    return JSON.parse(text);
  }
}

function without(text: string, unread: readonly Unread[]): string {
  let read = '';
  let done = 0;
  for (const { after, before } of unread) {
    const at = text.indexOf(after, done);
    const isKey = at >= 0 && text[at - 1] !== '\\';
    const end = isKey ? text.indexOf(before, at + after.length) : -1;
    if (end < 0) continue;
    read += text.slice(done, at + after.length);
    done = end;
  }
  return read + text.slice(done);
}
