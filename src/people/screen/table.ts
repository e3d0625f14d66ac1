import { paint, type Paint, type Screen } from './screen.ts';

/** A cell, with a colour if it has one. */
export type Cell = string | { readonly text: string; readonly as: Paint };

export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: true;
  /** Texts that may be cut, and to how many characters at least. */
  readonly least?: number;
  /** Where the width does not suffice, columns go: the highest number first. Absent: it stays. */
  readonly drop?: number;
}

const GAP = 2;
const CUT = '…';

/** In one line: what an agent tells may have several. */
const textOf = (cell: Cell): string =>
  (typeof cell === 'string' ? cell : cell.text).trim().replaceAll(/[\r\n\t]+/g, ' ');

/** How wide a text is; ours have one column for each character. */
const widthOf = (text: string): number => Array.from(text).length;

/**
 * Rows under titles, as lines of at most the screen's width: the longest texts are cut in their middle, then columns
 * are left out, then what is left is cut at its end.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  screen: Screen,
): readonly string[] {
  const texts = [columns.map(({ title }) => title), ...rows.map((row) => row.map(textOf))];
  // Not as arguments of one call: a large cluster has more rows than the stack holds.
  const natural = columns.map((_, at) => texts.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), 0));
  const { kept, widths } = fit(columns, natural, screen.width);
  const line = (cells: readonly Cell[]): string => {
    const shown = kept.map((at, i) => {
      const cell = cells[at] ?? '';
      const text = cutMiddle(textOf(cell), widths[i]!);
      const padding = ' '.repeat(widths[i]! - widthOf(text));
      const painted = typeof cell === 'string' ? text : paint(text, cell.as, screen);
      if (columns[at]?.right) return padding + painted;
      return i === kept.length - 1 ? painted : painted + padding;
    });
    return shown.join(' '.repeat(GAP)).trimEnd();
  };
  return [columns.map(({ title }) => title), ...rows].map(line);
}

interface Fitted {
  /** Positions of the columns that are shown. */
  readonly kept: readonly number[];
  readonly widths: readonly number[];
}

function fit(columns: readonly Column[], natural: readonly number[], width: number): Fitted {
  let kept = columns.map((_, at) => at);
  for (;;) {
    const widths = kept.map((at) => natural[at]!);
    const least = kept.map((at, i) => Math.min(widths[i]!, columns[at]?.least ?? Number.POSITIVE_INFINITY));
    let over = sum(widths) + GAP * (kept.length - 1) - width;
    for (; over > 0; over -= 1) {
      const [longest] = widths
        .map((_, i) => i)
        .filter((i) => widths[i]! > least[i]!)
        .toSorted((a, b) => widths[b]! - widths[a]!);
      if (longest === undefined) break;
      widths[longest]! -= 1;
    }
    const next = over > 0 ? lastToStay(columns, kept) : undefined;
    if (next === undefined) return { kept, widths: over > 0 ? shortened(widths, over) : widths };
    kept = kept.filter((at) => at !== next);
  }
}

/** The column that goes first. */
function lastToStay(columns: readonly Column[], kept: readonly number[]): number | undefined {
  const [first] = kept
    .filter((at) => columns[at]?.drop !== undefined)
    .toSorted((a, b) => (columns[b]?.drop ?? 0) - (columns[a]?.drop ?? 0));
  return first;
}

/** Where nothing else is left to do: the last columns are made narrower. */
function shortened(widths: readonly number[], over: number): readonly number[] {
  let left = over;
  return widths
    .toReversed()
    .map((width) => {
      const cut = Math.min(left, Math.max(0, width - 1));
      left -= cut;
      return width - cut;
    })
    .toReversed();
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** Both ends of a text, which tell it from others, with a mark for what is left out. */
export function cutMiddle(text: string, width: number): string {
  const letters = Array.from(text);
  if (letters.length <= width) return text;
  const [front, back] = [Math.ceil((width - 1) / 2), Math.floor((width - 1) / 2)];
  return `${letters.slice(0, front).join('')}${CUT}${back > 0 ? letters.slice(-back).join('') : ''}`;
}

/** A text in lines of at most the width, broken at blanks; a word that is longer stands in a line of its own. */
export function wrap(text: string, width: number, indent = ''): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(indent) + widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].map((each) => `${indent}${each}`);
}

/** A text whose lines are broken at blanks where they are wider, each under its own beginning; not those that match. */
export function paragraphs(text: string, width: number, whole: RegExp): string {
  const broken = (line: string): readonly string[] => {
    if (widthOf(line) <= width || whole.test(line)) return [line];
    const [indent = ''] = /^ */.exec(line) ?? [];
    const [first = '', ...rest] = wrap(line.trim(), width - indent.length - 2);
    return [`${indent}${first}`, ...rest.map((each) => `${indent}  ${each}`)];
  };
  return text.split('\n').flatMap(broken).join('\n');
}
