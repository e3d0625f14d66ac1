import type { Refused } from '../wire.ts';

/** A call that was not answered. */
export class CallFailed extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the server has said, and by which tag it knows that. */
export interface Answer<T> {
  readonly body: T;
  readonly tag: string;
}

/**
 * Asks for a path of the API. `last` is given back where nothing has changed since. Throws CallFailed, with status 0
 * where no answer came, and the signal's reason.
 */
export async function ask<T>(
  path: string,
  token: string,
  last: Answer<T> | undefined,
  signal: AbortSignal,
): Promise<Answer<T>> {
  const headers = { authorization: `Bearer ${token}`, ...(last && { 'if-none-match': last.tag }) };
  const reply = await fetch(`api/${path}`, { headers, signal, cache: 'no-store', credentials: 'omit' }).catch(() => {
    signal.throwIfAborted();
    throw new CallFailed(0, 'The operator does not answer. If you look through kubectl port-forward, start it again.');
  });
  if (reply.status === 304 && last) return last;
  const body = (await reply
    .json()
    .catch(() => ({ error: `the answer (${reply.status}) is not the operator's` }))) as T & Partial<Refused>;
  if (!reply.ok) throw new CallFailed(reply.status, wordsOf(body));
  return { body, tag: reply.headers.get('etag') ?? '' };
}

function wordsOf({ error = '', leader }: Partial<Refused>): string {
  const words = `${error.charAt(0).toUpperCase()}${error.slice(1)}.`;
  return leader === undefined ? words : `${words} kubectl port-forward pod/${leader} leads to it.`;
}

/** The text of a query, without what is empty. */
export function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(given).toString();
  return text === '' ? '' : `?${text}`;
}
