import { ApiFailure, badRequest, expired } from './failure.ts';
import type { Collection } from './collection.ts';
import type { Selection } from './selection.ts';
import type { Version } from './version.ts';

export interface ListQuery {
  /** 0: everything in one page. */
  readonly limit: number;
  readonly continue: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
}

export interface Page {
  readonly versions: readonly Version[];
  readonly revision: number;
  /** Empty on the last page. */
  readonly continue: string;
  /** How many are left; undefined when a selector would have to be tried on them. */
  readonly remaining: number | undefined;
}

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. ' +
  'You can start a new list without the continue parameter.';

/**
 * One page of a kind's objects. All pages of one list show the same moment. Throws 400, 410 when that moment is
 * forgotten, 504 for one that is yet to come.
 */
export function listPage(collection: Collection, selection: Selection, query: ListQuery, current: number): Page {
  const token = query.continue === '' ? undefined : readToken(query);
  const revision = token?.revision ?? wantedRevision(query, current);
  const all = revision === current ? collection.list(selection.prefix) : collection.listAt(selection.prefix, revision);
  if (all === undefined) {
    throw expired(token === undefined ? `too old resource version: ${revision} (${collection.oldest()})` : TOO_OLD);
  }

  const { versions, next } = take(all, { after: token?.after, limit: query.limit, selection });
  const left = all.length - next;
  if (left === 0) return { versions, revision, continue: '', remaining: undefined };
  const last = all[next - 1] as Version;
  return {
    versions,
    revision,
    continue: writeToken(revision, last.key),
    remaining: selection.narrow ? undefined : left,
  };
}

/** Up to `limit` of what is selected behind the key `after`, and the place where the next page starts. */
function take(
  all: readonly Version[],
  page: { readonly after: string | undefined; readonly limit: number; readonly selection: Selection },
): { versions: Version[]; next: number } {
  const versions: Version[] = [];
  let next = page.after === undefined ? 0 : all.findIndex(({ key }) => key > (page.after as string));
  if (next < 0) next = all.length;
  for (; next < all.length && (page.limit === 0 || versions.length < page.limit); next += 1) {
    const version = all[next] as Version;
    if (page.selection.matches(version)) versions.push(version);
  }
  return { versions, next };
}

/** The revision of a list that is no later page of another. */
function wantedRevision(query: ListQuery, current: number): number {
  const { resourceVersion: version, resourceVersionMatch: match } = query;
  const revision = version === '' ? 0 : revisionOf(version);
  if (revision > current) throw tooNew(revision, current);
  return match === 'Exact' ? revision : current;
}

/** Throws 400 for what is no resourceVersion of ours. */
export function revisionOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}`);
}

const tooNew = (revision: number, current: number): ApiFailure =>
  new ApiFailure(504, 'Timeout', `Timeout: Too large resource version: ${revision}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }],
    retryAfterSeconds: 1,
  });

const writeToken = (revision: number, after: string): string =>
  Buffer.from(JSON.stringify({ v: 'open-local/v1', rv: revision, after })).toString('base64url');

function readToken(query: ListQuery): { revision: number; after: string } {
  if (query.resourceVersion !== '' && query.resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  try {
    const token = JSON.parse(Buffer.from(query.continue, 'base64url').toString()) as { rv?: unknown; after?: unknown };
    if (typeof token.rv === 'number' && typeof token.after === 'string')
      return { revision: token.rv, after: token.after };
  } catch {
    // Not JSON: no token of ours.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}
