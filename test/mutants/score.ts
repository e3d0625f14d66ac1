import type { Mutant } from './plant.ts';

/** A fault with the lines that it stands in, each before and after. */
export interface Planted extends Mutant {
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

/** The lines that a fault is in, before and after, on one line and without indentation. */
export function linesOf(text: string, { location, replacement }: Pick<Mutant, 'location' | 'replacement'>) {
  const lines = text.split('\n').slice(location.start.line - 1, location.end.line);
  const compact = (some: string): string => some.trim().replaceAll(/\s*\n\s*/g, ' ');
  const head = (lines[0] ?? '').slice(0, location.start.column - 1);
  const tail = (lines.at(-1) ?? '').slice(location.end.column - 1);
  return { before: compact(lines.join('\n')), after: compact(head + replacement + tail) };
}

/** Whether a test noticed: one failed, did not end, or nothing could run at all. */
export const isFound = ({ status }: Pick<Mutant, 'status'>): boolean => FOUND.includes(status);

const FOUND: readonly Mutant['status'][] = ['Killed', 'Timeout', 'RuntimeError', 'CompileError'];

export const isEquivalent = ({ file, before, after }: Planted, known: readonly Equivalent[]): boolean =>
  known.some((each) => each.file === file && each.before === before && each.after === after);

export const sameFault = (a: Mutant, b: Mutant): boolean =>
  a.file === b.file && a.replacement === b.replacement && JSON.stringify(a.location) === JSON.stringify(b.location);

/**
 * Where a fault is, as Stryker takes it: `file:line:column-line:column`. Columns count from 0 there, and from 1 in its
 * report: one column more, and nothing is planted.
 */
export const rangeOf = ({ file, location: { start, end } }: Mutant): string =>
  `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;

/**
 * Lines of a part of a file that a sample takes whole or not at all; a fault that is longer than its part is not in it.
 */
const SAMPLED_LINES = 8;

/**
 * So many parts of files, chosen at random, as Stryker takes them: `file:line-line`. The same files and the same random
 * numbers give the same parts. `random` gives an integer below its argument.
 */
export function sampleOf(
  files: readonly { readonly file: string; readonly lines: number }[],
  count: number,
  random: (below: number) => number,
): string[] {
  const parts = files.flatMap(({ file, lines }) =>
    Array.from({ length: Math.ceil(lines / SAMPLED_LINES) }, (_, at) => {
      const first = at * SAMPLED_LINES + 1;
      return `${file}:${first}-${Math.min(first + SAMPLED_LINES - 1, lines)}`;
    }),
  );
  for (let at = 0; at < Math.min(count, parts.length); at += 1) {
    const other = at + random(parts.length - at);
    [parts[at], parts[other]] = [parts[other]!, parts[at]!];
  }
  return parts.slice(0, count).toSorted();
}

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
    const percent = possible === 0 ? 100 : Math.floor((1000 * found) / possible) / 10;
    return { folder, planted: all.length, found, equivalent: count('equivalent'), percent };
  };
  const byFolder = Map.groupBy(verdicts, ({ planted }) => folderOf(planted.file));
  const scores = [...byFolder].map(([folder, all]) => scoreOf(folder, all));
  return scores.length < 2 ? scores : [...scores, scoreOf('all', verdicts)];
}
