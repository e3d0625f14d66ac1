import { bytes, formatShort } from '../model/bytes.ts';
import type { Screen } from './screen/screen.ts';
import { table, wrap, type Cell, type Column } from './screen/table.ts';
import type { VolumeRow } from './volumes.ts';

const COLUMNS: readonly Column[] = [
  { title: 'CLAIM', least: 24 },
  { title: 'POD', least: 15, drop: 2 },
  { title: 'NODE', least: 10 },
  { title: 'GROUP', least: 8, drop: 4 },
  { title: 'SIZE', right: true },
  { title: 'PHASE' },
  { title: 'LIMITS', least: 18, drop: 3 },
  { title: 'VOLUME', least: 30, drop: 5 },
];

/** A table, and then in full what is wrong. Columns in which nothing stands are left out. */
export function tellVolumes(rows: readonly VolumeRow[], screen: Screen): readonly string[] {
  if (rows.length === 0) return ['There are no such volumes.'];
  const cells = rows.map(cellsOf);
  const used = COLUMNS.map((_, at) => cells.some((row) => row[at] !== ''));
  const told = rows.flatMap(({ name, claim, faults }) =>
    faults.flatMap(({ kind, reason, message }) => [
      '',
      ...wrap(`${claim ?? name}: ${kind} (${reason}): ${message}`, screen.width),
    ]),
  );
  const shown = (row: readonly Cell[]): Cell[] => row.filter((_, at) => used[at]);
  return [
    ...table(
      COLUMNS.filter((_, at) => used[at]),
      cells.map(shown),
      screen,
    ),
    ...told,
  ];
}

function cellsOf(row: VolumeRow): Cell[] {
  const { claim, role, pods, node, place, size, limits = '', name } = row;
  const [first = '', ...more] = pods;
  return [
    claim ?? role.toLowerCase(),
    more.length === 0 ? first : `${first} +${more.length}`,
    ...[node, place, formatShort(bytes(size))],
    phaseOf(row),
    ...[limits, name],
  ];
}

function phaseOf({ phase, deleting, progress, faults }: VolumeRow): Cell {
  const text = [deleting ? 'Deleting' : phase, ...(progress === undefined ? [] : [`${progress}%`])].join(' ');
  if (phase === 'Failed' || faults.some(({ kind }) => kind === 'data-loss')) return { text, as: 'red' };
  return faults.some(({ kind }) => kind !== 'waiting') ? { text: `${text} !`, as: 'yellow' } : text;
}
