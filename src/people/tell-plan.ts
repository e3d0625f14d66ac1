import { bytes, formatShort } from '../model/bytes.ts';
import type { NodePlan, Plan, PlannedDisk, Will } from './plan.ts';
import { paint, type Paint, type Screen } from './screen/screen.ts';
import { table, wrap, type Cell } from './screen/table.ts';
import { count } from './tell.ts';

const COLOURS: Readonly<Partial<Record<Will, Paint>>> = {
  take: 'green',
  'take-if-blank': 'yellow',
  refuse: 'red',
  unknown: 'yellow',
  withdraw: 'yellow',
};

/** Node by node, each disk with what would become of it; then a summary. */
export function tellPlan({ verdict, nodes }: Plan, screen: Screen): readonly string[] {
  return [
    ...wrap(verdict.message, screen.width),
    ...nodes.flatMap((node) => ['', ...tellNode(node, screen)]),
    '',
    ...wrap(summary(nodes), screen.width),
  ];
}

function tellNode({ node, isChanged, disks, notes }: NodePlan, screen: Screen): readonly string[] {
  const title = `${node}${isChanged ? '' : ': its configuration stays as it is'}`;
  const rows = disks.map(({ disk, size }): Cell[] => [disk, size === undefined ? '' : formatShort(bytes(size))]);
  const [, ...lines] = table(
    [
      { title: '', least: 12 },
      { title: '', right: true },
    ],
    rows,
    {
      ...screen,
      width: screen.width - 4,
    },
  );
  // What would be done is never cut: it stands below its disk where the line is too short.
  return [
    paint(title, 'bold', screen),
    ...lines.flatMap((line, at) => besides(`  ${line}  `, disks[at]!, screen)),
    ...notes.flatMap((note) => wrap(note, screen.width, '  ')),
  ];
}

function besides(start: string, { what, will }: PlannedDisk, screen: Screen): readonly string[] {
  const colour = COLOURS[will];
  const tint = (text: string): string => (colour === undefined ? text : paint(text, colour, screen));
  const left = screen.width - start.length;
  const [first = '', ...rest] = left >= LEAST ? wrap(what, left) : ['', ...wrap(what, screen.width - 4)];
  const indent = ' '.repeat(left >= LEAST ? start.length : 4);
  return [`${start}${tint(first)}`.trimEnd(), ...rest.map((line) => `${indent}${tint(line)}`)];
}

/** So many columns are enough to read in. */
const LEAST = 30;

function summary(nodes: readonly NodePlan[]): string {
  const disks = nodes.flatMap((node) => node.disks);
  const those = (...wills: readonly Will[]): number => disks.filter(({ will }) => wills.includes(will)).length;
  const changed = nodes.filter(({ isChanged }) => isChanged).length;
  const found: readonly (readonly [number: number, what: string])[] = [
    [those('take'), 'taken'],
    [those('take-if-blank'), 'taken if blank'],
    [those('offer'), 'offered to claims'],
    [those('withdraw'), 'offered no more'],
    [those('refuse'), 'left alone though listed'],
    [those('unknown'), 'listed of which nothing can be said'],
  ];
  const said = found.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return `${changed} of ${count(nodes.length, 'node')} would be configured anew. Of ${count(disks.length, 'disk')}: ${said.length > 0 ? said.join(', ') : 'nothing changes'}. Nothing is ever taken out of a group, and no disk that is not provably blank is written to.`;
}
