import type { Mutation } from './mutate.ts';

export interface Planted extends Mutation {
  readonly file: string;
  /** Line of the text before and after. */
  readonly before: string;
  readonly after: string;
}

/** A fault that changes nothing anybody could see; `file`, `before` and `after` say which. */
export interface Equivalent {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

export interface Verdict {
  readonly planted: Planted;
  readonly outcome: 'found' | 'survived' | 'equivalent';
}

/** The line that a fault begins in, before and after, without indentation. */
export function linesOf(text: string, { start, end, replacement }: Mutation): { before: string; after: string } {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const next = text.indexOf('\n', end);
  const to = next < 0 ? text.length : next;
  const after = text.slice(from, start) + replacement + text.slice(end, to);
  const compact = (lines: string): string => lines.trim().replaceAll(/\s*\n\s*/g, ' ');
  return { before: compact(text.slice(from, to)), after: compact(after) };
}

export const isEquivalent = ({ file, before, after }: Planted, known: readonly Equivalent[]): boolean =>
  known.some((each) => each.file === file && each.before === before && each.after === after);

/** Folder that a file counts for: `src/capacity`, `src/agent`. */
export const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/');

export interface Score {
  readonly folder: string;
  readonly planted: number;
  readonly found: number;
  readonly equivalent: number;
  /** Part that was found of what could be, in percent. */
  readonly percent: number;
}

/** The scores of each folder, and of all of them together when there are several. */
export function scoresOf(verdicts: readonly Verdict[]): Score[] {
  const scoreOf = (folder: string, all: readonly Verdict[]): Score => {
    const count = (outcome: Verdict['outcome']): number => all.filter((each) => each.outcome === outcome).length;
    const found = count('found');
    const possible = found + count('survived');
    const percent = possible === 0 ? 100 : Math.round((1000 * found) / possible) / 10;
    return { folder, planted: all.length, found, equivalent: count('equivalent'), percent };
  };
  const byFolder = Map.groupBy(verdicts, ({ planted }) => folderOf(planted.file));
  const scores = [...byFolder].map(([folder, all]) => scoreOf(folder, all));
  return scores.length < 2 ? scores : [...scores, scoreOf('all', verdicts)];
}

/** A repeatable choice of `count` items (mulberry32), in their order. */
export function sample<T>(items: readonly T[], count: number, seed: number): T[] {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const keyed = items.map((item, index) => ({ item, index, key: next() }));
  const chosen = keyed.toSorted((a, b) => a.key - b.key).slice(0, count);
  return chosen.toSorted((a, b) => a.index - b.index).map(({ item }) => item);
}
