import { setImmediate } from 'node:timers/promises';

/** After more changes than this it is quicker to sort anew. */
const MAX_CHANGES = 500;

/**
 * A set of names that is read in order of their code units. While nobody reads, a change costs next to nothing: the
 * order is made at the first look, and kept up to date from then on as long as somebody looks.
 */
export class SortedNames {
  readonly #names = new Set<string>();
  #sorted: string[] | undefined;
  #changed: string[] = [];

  get size(): number {
    return this.#names.size;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(name: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    this.#note(name);
  }

  delete(name: string): void {
    if (this.#names.delete(name)) this.#note(name);
  }

  /** In order; to be asked anew after every pause, and not to be written to. */
  sorted(): readonly string[] {
    this.#sorted ??= [...this.#names].toSorted(byCodeUnits);
    for (const name of this.#changed) this.#place(this.#sorted, name);
    this.#changed = [];
    return this.#sorted;
  }

  /** The position of the first name that is not before this one. */
  at(name: string): number {
    return positionIn(this.sorted(), name);
  }

  #note(name: string): void {
    if (!this.#sorted) return;
    this.#changed.push(name);
    if (this.#changed.length <= MAX_CHANGES) return;
    this.#sorted = undefined;
    this.#changed = [];
  }

  /** Takes the name in or out, as it is now. */
  #place(sorted: string[], name: string): void {
    const at = positionIn(sorted, name);
    const isThere = sorted[at] === name;
    if (this.#names.has(name) === isThere) return;
    if (isThere) sorted.splice(at, 1);
    else sorted.splice(at, 0, name);
  }
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

function positionIn(sorted: readonly string[], name: string): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (sorted[middle]! < name) from = middle + 1;
    else to = middle;
  }
  return from;
}

export interface Scan {
  /** The last name that was given before; absent: from the first. */
  readonly after?: string;
  /** All names begin so; absent: any. */
  readonly prefix?: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Names looked at without a break: a few microseconds each. */
const AT_ONCE = 500;

/**
 * What `take` makes of the names, without those of which it makes nothing, until there are enough; some at a time, with
 * others heard in between. A name that comes or goes meanwhile is neither told twice nor does it keep another from
 * being told. Throws the signal's reason.
 */
export async function scan<R>(
  names: SortedNames,
  { after, prefix = '', limit, signal }: Scan,
  take: (name: string) => R | undefined,
): Promise<{ readonly rows: readonly R[]; readonly last?: string }> {
  const rows: R[] = [];
  let last: string | undefined;
  // The name after `after`, as a whole.
  let next = after === undefined || after < prefix ? prefix : `${after}\0`;
  for (;;) {
    const sorted = names.sorted();
    const from = names.at(next);
    const until = Math.min(from + AT_ONCE, sorted.length);
    for (let i = from; i < until; i += 1) {
      const name = sorted[i]!;
      if (!name.startsWith(prefix)) return { rows };
      const row = take(name);
      if (row === undefined) continue;
      if (rows.length === limit) return { rows, ...(last !== undefined && { last }) };
      rows.push(row);
      last = name;
    }
    if (until === sorted.length) return { rows };
    next = `${sorted[until - 1]}\0`;
    await setImmediate();
    signal.throwIfAborted();
  }
}
