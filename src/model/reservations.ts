import { bytes, NO_BYTES, type Bytes } from './bytes.ts';
import { textOf } from './fault.ts';
import type { NodeLocalStorage } from './objects.ts';
import { parseWholeQuantity } from './quantity.ts';
import { STORAGE_RESERVED } from './well-known.ts';

/** What is to be kept back of groups, by their names; `all` where the annotation cannot be read. */
export type Reservations = ReadonlyMap<string, string> | 'all';

const UNTIL = 'no volume is made or grown there until it can be read';

/** Reads the annotation. Adds to `problems` what is wrong with it: sentences that say what to write. */
export function reservationsOf(nls: NodeLocalStorage, problems: string[]): Reservations {
  const annotation = nls.metadata.annotations?.[STORAGE_RESERVED];
  if (!annotation) return new Map();
  const parsed = parse(annotation);
  if ('problem' in parsed) {
    problems.push(
      `annotation ${STORAGE_RESERVED} ${parsed.problem}: all of the node's volume groups are reserved, ${UNTIL}; ` +
        'write an object such as {"pool-0":"100Gi","pool-1":"10%"}',
    );
    return 'all';
  }
  problems.push(...unknownGroups(nls, parsed.wanted));
  return new Map(Object.entries(parsed.wanted).map(([group, value]) => [group, String(value)]));
}

function parse(annotation: string): { readonly wanted: object } | { readonly problem: string } {
  try {
    const wanted: unknown = JSON.parse(annotation);
    if (typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted)) return { wanted };
    return { problem: 'is no JSON object' };
  } catch (error) {
    return { problem: `is not JSON (${textOf(error)})` };
  }
}

/** A name that is misspelled would keep nothing back. A node that has not reported knows no names. */
function unknownGroups({ spec, status }: NodeLocalStorage, wanted: object): readonly string[] {
  const found = status?.nodeStorageInfo?.volumeGroups;
  if (!found) return [];
  const all = [...found, ...(status.knownGroups ?? []), ...(spec?.resourceToBeInited?.vgs ?? [])];
  const known = new Set(all.map(({ name }) => name));
  return Object.keys(wanted)
    .filter((name) => !known.has(name))
    .map(
      (name) =>
        `annotation ${STORAGE_RESERVED} names ${name}, which is no volume group of this node: take it out, or correct it`,
    );
}

/** How much of a group is kept back: all of it where that cannot be read, since what was meant may be as much. */
export function reservedBytes(group: string, reservations: Reservations, total: Bytes, problems: string[]): Bytes {
  if (reservations === 'all') return total;
  const value = reservations.get(group);
  if (value === undefined) return NO_BYTES;
  const percent = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(value)?.[1];
  try {
    if (percent === undefined) return parseWholeQuantity(value);
    if (Number(percent) <= 100) return bytes(Math.ceil((total * Number(percent)) / 100));
  } catch {
    // told below, together with a share of more than the whole
  }
  problems.push(
    `annotation ${STORAGE_RESERVED}: "${value}" for ${group} is neither a quantity such as 100Gi nor a share such as ` +
      `10%: all of ${group} is reserved, ${UNTIL}`,
  );
  return total;
}
