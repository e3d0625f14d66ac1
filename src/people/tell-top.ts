import type { Amounts } from '../capacity/amounts.ts';
import { bytes, formatShort } from '../model/bytes.ts';
import { bar } from './screen/bar.ts';
import type { Screen } from './screen/screen.ts';
import { table, wrap, type Cell, type Column } from './screen/table.ts';
import { count } from './tell.ts';
import type { Top, TopNode, TopPlace, TopVolume } from './top.ts';

/** What `top` can show. */
export const TOPS = ['nodes', 'groups', 'volumes'] as const;

export type TopWhat = (typeof TOPS)[number];

const size = (amount: number): string => formatShort(bytes(amount));

const AMOUNTS: readonly Column[] = [
  { title: 'CAPACITY', right: true },
  { title: 'USED', right: true },
  { title: 'HELD', right: true, drop: 3 },
  { title: 'RESERVED', right: true, drop: 4 },
  { title: 'FREE', right: true },
  { title: 'USE', drop: 1 },
];

const amounts = ({ capacity, used, held, reserved, free }: Amounts): Cell[] => [
  ...[capacity, used, held, reserved, free].map(size),
  bar(capacity, used, held + reserved),
];

/** The lines of `top WHAT`. */
export function tellTop(what: TopWhat, top: Top, screen: Screen): readonly string[] {
  if (what === 'volumes') return tellVolumes(top.volumes, screen);
  const lines = what === 'nodes' ? tellNodes(top.nodes, screen) : tellPlaces(top.places, screen);
  return [...lines, '', ...wrap(summary(top), screen.width)];
}

function tellNodes(nodes: readonly TopNode[], screen: Screen): readonly string[] {
  if (nodes.length === 0) return wrap(NO_STORAGE, screen.width);
  const columns = [{ title: 'NODE', least: 10 }, ...AMOUNTS, { title: 'NOTES', least: 20, drop: 2 }];
  return table(
    columns,
    nodes.map((node) => [node.name, ...amounts(node), { text: node.notes.join(', '), as: 'yellow' }]),
    screen,
  );
}

const NO_STORAGE =
  'No node reports storage: apply a NodeLocalStorageInitConfig (examples/nlsc.yaml), and see kubectl open-local doctor.';

export function tellPlaces(places: readonly TopPlace[], screen: Screen): readonly string[] {
  if (places.length === 0)
    return wrap('No node manages a volume group, a disk or a mount point: see kubectl open-local disks.', screen.width);
  const columns = [{ title: 'NODE', least: 8 }, { title: 'GROUP', least: 10 }, ...AMOUNTS];
  return table(
    columns,
    places.map((place) => [place.node, place.name, ...amounts(place)]),
    screen,
  );
}

const summary = ({ nodes, places, total }: Top): string => {
  const groups = places.filter(({ kind }) => kind === 'LVM').length;
  const units = places.length - groups;
  const what = [count(nodes.length, 'node'), count(groups, 'group'), ...(units > 0 ? [count(units, 'unit')] : [])];
  return `${what.join(', ')}: ${size(total.capacity)}, of which ${size(total.used)} used, ${size(total.held)} held, ${size(total.reserved)} reserved, ${size(total.free)} free`;
};

function tellVolumes(volumes: readonly TopVolume[], screen: Screen): readonly string[] {
  if (volumes.length === 0) return ['There are no volumes.'];
  const columns: readonly Column[] = [
    { title: 'VOLUME', least: 12, drop: 3 },
    { title: 'CLAIM', least: 10 },
    { title: 'NODE', least: 8 },
    { title: 'GROUP', least: 8 },
    { title: 'SIZE', right: true },
    { title: 'OF GROUP', right: true, drop: 1 },
    { title: 'STORE', drop: 2 },
  ];
  const rows = volumes.map(({ name, claim, node, place, size: taken, role, groupSize, storeUsed }): Cell[] => [
    ...[name, claim ?? role.toLowerCase(), node, place, size(taken)],
    groupSize === undefined || groupSize === 0 ? '' : `${Math.round((taken / groupSize) * 100)}%`,
    storeUsed === undefined ? '' : bar(taken, storeUsed, 0),
  ]);
  const used = rows.some((row) => row.at(-1) !== '') ? columns : columns.slice(0, -1);
  return [...table(used, rows, screen), '', ...wrap(FILLED, screen.width)];
}

/** What no object says. */
const FILLED =
  'SIZE is what a volume takes of its group. How full its filesystem is only its kubelet knows: metric kubelet_volume_stats_used_bytes.';
