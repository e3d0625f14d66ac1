import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Fault } from '../../model/fault.ts';

/** A list call of CSI, as it came. */
export interface PageAsk {
  /** At most so many entries; 0: all that are left. */
  readonly maxEntries: number;
  /** Empty: from the beginning. */
  readonly startingToken: string;
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** Empty: there are no more. */
  readonly nextToken: string;
}

/**
 * Cuts a list into pages. `list` names the list and its filters: a token of one is no token of another. Throws Fault
 * `invalid` for a negative number of entries, and `aborted`, as the CSI specification wants it, for a token that this
 * process did not give for this list: the caller begins again.
 */
export type Pager = <T>(list: string, items: Iterable<readonly [id: string, item: T]>, ask: PageAsk) => Page<T>;

/**
 * Pages go by id, and a token names the last id that was told. So a page may be asked for after entries came or went,
 * also the one that the token names: whatever is there all the time is told exactly once.
 * https://github.com/container-storage-interface/spec/blob/v1.13.0/spec.md#listvolumes
 */
export function createPager(secret: Buffer = randomBytes(32)): Pager {
  const seal = (list: string, id: string): string =>
    createHmac('sha256', secret).update(`${list}\0${id}`).digest('base64url');
  const tokenOf = (list: string, id: string): string => `${Buffer.from(id).toString('base64url')}.${seal(list, id)}`;
  const lastTold = (list: string, token: string): string => {
    const id = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString();
    if (isSame(token, tokenOf(list, id))) return id;
    throw new Fault('aborted', 'starting_token is none that this list gave since the driver started: begin without it');
  };
  return (list, items, { maxEntries, startingToken }) => {
    if (maxEntries < 0) throw new Fault('invalid', `max_entries ${maxEntries} is negative`);
    const after = startingToken === '' ? '' : lastTold(list, startingToken);
    const left = [...items].filter(([id]) => id > after).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const told = maxEntries === 0 ? left : left.slice(0, maxEntries);
    const last = told.at(-1)?.[0];
    const nextToken = last === undefined || told.length === left.length ? '' : tokenOf(list, last);
    return { entries: told.map(([, item]) => item), nextToken };
  };
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
