import { bytes, formatShort } from '../model/bytes.ts';
import type { Complaint, Disk, DiskState } from './disks.ts';
import type { Paint, Screen } from './screen/screen.ts';
import { table, wrap, type Cell, type Column } from './screen/table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'NODE', least: 8 },
  { title: 'DISK', least: 10 },
  { title: 'SIZE', right: true },
  { title: 'MEDIA', drop: 1 },
  { title: 'USE', least: 24 },
];

/** What stands before the reason for which a disk is not used. */
const STATES: Readonly<Record<DiskState, { readonly word?: string; readonly as?: Paint }>> = {
  group: {},
  volume: {},
  mount: {},
  offered: { as: 'green' },
  refused: { word: 'refused', as: 'red' },
  other: { word: 'not ours', as: 'dim' },
  unused: { word: 'unused', as: 'yellow' },
};

/** A table, and then in full what the nodes say of what they were asked for and do not do. */
export function tellDisks(disks: readonly Disk[], complaints: readonly Complaint[], screen: Screen): readonly string[] {
  const rows = disks.map(({ node, name, size, media = '', state, use, why }): Cell[] => {
    const { word, as } = STATES[state];
    const text = [use ?? word, ...why.map(firstClause)].join(': ');
    return [node, name, size === undefined ? '' : formatShort(bytes(size)), media, as ? { text, as } : text];
  });
  const told = complaints.flatMap(({ node, type, reason, message }) => [
    '',
    ...wrap(`${node} ${type} (${reason}): ${message}`, screen.width),
  ]);
  if (rows.length === 0) return ['No node has reported a disk.', ...told];
  return [...table(COLUMNS, rows, screen), ...told];
}

/** What is said in full below. */
const firstClause = (said: string): string => said.split(/: |\. /)[0] ?? said;
