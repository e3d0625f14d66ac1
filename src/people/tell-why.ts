import { bytes, formatShort } from '../model/bytes.ts';
import type { PersistentVolumeClaim, Pod } from '../model/objects.ts';
import type { Complaint, Disk } from './disks.ts';
import type { Screen } from './screen/screen.ts';
import { table, wrap, type Cell, type Column } from './screen/table.ts';
import { count } from './tell.ts';
import type { TopPlace } from './top.ts';
import type { VolumeRow } from './volumes.ts';
import type { Why, WhyNode } from '../operator/waiting/judge.ts';

/** Nodes that are listed one by one; -o wide lists all. */
const MAX_NODES = 12;

/** What is said of a pod that waits: in sentences, and then node by node. */
export function tellWhy(why: Why, screen: Screen): readonly string[] {
  const { message, fits, perNode } = why;
  const sentences = [
    ...(message === undefined ? [] : [message]),
    ...(fits > 0 ? [whereItFits(why)] : message === undefined ? [obstaclesOf(perNode)] : []),
  ];
  const isSameForAll =
    new Set(perNode.map(({ fits: here, obstacle, lacks }) => `${here} ${obstacle} ${lacks}`)).size < 2;
  const table = isSameForAll && Number.isFinite(screen.width) ? [] : tellNodes(perNode, screen);
  return [...sentences.flatMap((each) => wrap(each, screen.width)), ...table];
}

function whereItFits({ fits, nodes, asked }: Why): string {
  const [have, what] = [fits === 1 ? 'has' : 'have', asked.length === 1 ? 'volume' : 'volumes'];
  return `It may go to ${fits} of ${count(nodes, 'node')}, which ${have} room for its ${what}: it does not wait for room. See what its scheduler says, and kubectl open-local doctor.`;
}

/** Of a pod that may have no volume of ours, of which the operator says nothing. */
function obstaclesOf(nodes: readonly WhyNode[]): string {
  if (nodes.length === 0) return 'There is no node.';
  const counts = Map.groupBy(nodes, ({ obstacle }) => obstacle);
  return [...counts].map(([obstacle, those]) => `On ${count(those.length, 'node')}: ${obstacle}.`).join(' ');
}

function tellNodes(all: readonly WhyNode[], screen: Screen): readonly string[] {
  if (all.length === 0) return [];
  const shown = Number.isFinite(screen.width) ? closestFirst(all).slice(0, MAX_NODES) : all;
  const columns: readonly Column[] = [
    { title: 'NODE', least: 10 },
    { title: 'LACKS', right: true },
    { title: 'IN', least: 8, drop: 1 },
    { title: 'WHY NOT', least: 20 },
  ];
  const rows = shown.map(({ node, fits, obstacle, lacks, where }): Cell[] => {
    const missing = lacks === undefined || lacks === 0 ? '' : formatShort(bytes(lacks));
    return [node, missing, where ?? '', fits ? { text: 'has room', as: 'green' } : obstacle];
  });
  const more = all.length - shown.length;
  return [
    '',
    ...table(columns, rows, screen),
    ...(more > 0 ? [`and ${count(more, 'more node')}, which -o wide lists`] : []),
  ];
}

/** Those that fit, then those that lack least, then the others. */
const closestFirst = (nodes: readonly WhyNode[]): readonly WhyNode[] => nodes.toSorted((a, b) => rank(a) - rank(b));

const rank = ({ fits, lacks }: WhyNode): number => (fits ? -1 : (lacks ?? Number.POSITIVE_INFINITY));

/** What Kubernetes itself says of a pod that is not placed. */
export function schedulerSays(pod: Pod): readonly string[] {
  const told = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (!told)
    return [`No scheduler has said anything of it: it names ${pod.spec?.schedulerName ?? 'default-scheduler'}.`];
  return told.message === undefined ? [] : [`Its scheduler says: ${told.message}`];
}

/** Of a claim that has its volume. */
export function tellBound(claim: PersistentVolumeClaim, volume: VolumeRow | undefined): readonly string[] {
  const { volumeName = '' } = claim.spec ?? {};
  if (!volume) return [`It is bound to PersistentVolume ${volumeName}, which has no LocalVolume.`];
  const { name, node, place, phase, faults } = volume;
  return [
    `It is bound: volume ${name} in ${place} of node ${node}, ${formatShort(bytes(volume.size))}, ${phase}.`,
    ...faults.map(({ kind, reason, message }) => `${kind} (${reason}): ${message}`),
  ];
}

export interface NodeStory {
  readonly notes: readonly string[];
  /** Why no pod may come, whatever room there is. */
  readonly keptOff: readonly string[];
  readonly places: readonly TopPlace[];
  readonly disks: readonly Disk[];
  readonly complaints: readonly Complaint[];
  /** Pods that wait, and what keeps each from this node. */
  readonly pods: readonly (WhyNode & { readonly pod: string })[];
}
