import { closerOf, type PodLacks } from '../../capacity/books/pod-lacks.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { AskedVolume } from '../../capacity/needs/asked-volumes.ts';
import type { Shortfall } from '../../capacity/placing/shortfall.ts';
import type { GroupState, NodeState } from '../../capacity/state.ts';
import type { GroupFacts, PodFacts, UnitFacts } from '../../model/facts.ts';
import { isCordoned } from '../../model/cordon.ts';
import type { ClassTopologies } from '../../model/class-topologies.ts';
import { keptOff, type KeptOff } from '../../model/node-choice.ts';
import type { Refusal } from '../../model/verdict.ts';
import type { NodeView, StorageView } from '../follow/views.ts';
import { OBSTACLE_OF, type ObstacleKind } from './obstacles.ts';

/** What stands in a pod's way on so many nodes. */
export interface Obstacle {
  readonly kind: ObstacleKind;
  /** Part of a sentence about a node. */
  readonly text: string;
  readonly count: number;
  /** One of the nodes. */
  readonly node: string;
}

/** What was found on the nodes so far. */
export interface Survey {
  nodes: number;
  /** Where the pod may go and has room. */
  fits: number;
  asked: readonly AskedVolume[];
  /** By text. */
  readonly obstacles: Map<string, Obstacle>;
  /** Of the nodes that the pod may go to. */
  closest?: Shortfall;
}

export const emptySurvey = (): Survey => ({ nodes: 0, fits: 0, asked: [], obstacles: new Map() });

/** What is known of the nodes. */
export interface Sources {
  readonly lacks: (pod: PodFacts, names: readonly string[]) => PodLacks;
  readonly classesOf: (pod: PodFacts) => readonly ClassTopologies[];
  readonly storageOf: (node: string) => StorageView | undefined;
}

/** The ledger, and the storages as it hears of them. */
export const sourcesOf = (
  ledger: Pick<Ledger, 'lacks' | 'classesOf'>,
  storages: { get(node: string): StorageView | undefined },
): Sources => ({
  lacks: (pod, names) => ledger.lacks(pod, names),
  classesOf: (pod) => ledger.classesOf(pod),
  storageOf: (node) => storages.get(node),
});

/** Adds some nodes, none of which is in it yet. */
export function surveyNodes(survey: Survey, pod: PodFacts, nodes: readonly NodeView[], sources: Sources): void {
  const wish = { ...pod.unscheduled, classes: sources.classesOf(pod) };
  const allowed: string[] = [];
  const others = new Map<string, KeptOff>();
  for (const node of nodes) {
    const kept = keptOff(wish, node);
    if (kept) others.set(node.name, kept);
    else allowed.push(node.name);
  }
  survey.nodes += nodes.length;
  const here = sources.lacks(pod, allowed);
  survey.asked = here.asked;
  if (here.closest && !getsNothing(here.closest, sources)) survey.closest = closerOf(survey.closest, here.closest);
  allowed.forEach((name, i) => {
    const refusal = here.refusals[i];
    if (refusal) note(survey, name, obstacleOf(refusal, here.asked, sources.storageOf(name)));
    else survey.fits += 1;
  });
  const there = sources.lacks(pod, [...others.keys()]);
  [...others].forEach(([name, kept], i) => {
    const refusal = there.refusals[i];
    // What no node can give is said once, of every node.
    const isOfAll = refusal && ['claim-wrong', 'claim-missing'].includes(OBSTACLE_OF[refusal.kind]);
    note(
      survey,
      name,
      isOfAll ? obstacleOf(refusal, here.asked, undefined) : keptOffBy(kept, refusal === undefined && kept.alone),
    );
  });
}

/** The group that came closest: what fills it, and how many volumes its node has reported in it. */
export interface ClosestGroup {
  readonly state: GroupState;
  readonly volumes: number;
}

/** Undefined where no group came close: nothing did, or a disk. */
export function closestGroup(
  { closest }: Survey,
  stateOf: (node: string) => NodeState | undefined,
  { storageOf }: Pick<Sources, 'storageOf'>,
): ClosestGroup | undefined {
  if (!closest) return undefined;
  const isIt = ({ name }: { readonly name: string }): boolean => name === closest.where;
  const state = stateOf(closest.node)?.groups.find(isIt);
  const reported = storageOf(closest.node)?.storage.groups.find(isIt);
  return state && { state, volumes: reported?.volumes.length ?? 0 };
}

/**
 * What a faulty group lacks is a disk, a cordoned one an administrator's word, and that of a silent node an agent, or a
 * kubelet that knows the driver.
 */
function getsNothing({ node, where }: Shortfall, { storageOf }: Sources): boolean {
  const { troubles, cordon, silent, unregistered } = storageOf(node) ?? {};
  const isClosed = silent ?? unregistered ?? (cordon !== undefined && isCordoned(cordon, where));
  return isClosed || (troubles?.groups.has(where) ?? false);
}

type Found = Pick<Obstacle, 'kind' | 'text'>;

function note({ obstacles }: Survey, node: string, { kind, text }: Found): void {
  const known = obstacles.get(text);
  obstacles.set(text, known ? { ...known, count: known.count + 1 } : { kind, text, node, count: 1 });
}

const WITH_ROOM = {
  cordon: 'cordoned-with-room',
  taint: 'tainted-with-room',
  selector: 'unselected-with-room',
  class: 'disallowed-with-room',
} as const;

function keptOffBy(kept: KeptOff, hasRoom: boolean): Found {
  const kind = hasRoom ? WITH_ROOM[kept.by] : 'not-allowed';
  return { kind, text: `${inWords(kept)}${hasRoom ? ', and the node has room' : ''}` };
}

function inWords(kept: KeptOff): string {
  if (kept.by === 'cordon') return 'the node is cordoned';
  if (kept.by === 'selector') return "the pod's nodeSelector or node affinity leaves the node out";
  if (kept.by === 'class') return `allowedTopologies of StorageClass ${kept.storageClass} leave the node out`;
  const { key, value, effect } = kept.taint;
  return `the pod does not tolerate taint ${key}${value ? `=${value}` : ''}:${effect}`;
}

/** The ledger's refusal, or what the node's own report says of its cause. */
function obstacleOf(refusal: Refusal, asked: readonly AskedVolume[], storage: StorageView | undefined): Found {
  return (storage && causeOf(refusal, asked, storage)) ?? { kind: OBSTACLE_OF[refusal.kind], text: refusal.message };
}

function causeOf({ kind }: Refusal, asked: readonly AskedVolume[], storage: StorageView): Found | undefined {
  if (kind === 'wrong-node' || kind === 'held-by-others') return undefined;
  if (storage.lost !== undefined) return { kind: 'lost', text: 'the node is marked as lost' };
  if (!storage.isOurs && Object.keys(storage.disks).length === 0)
    return { kind: 'silent', text: 'the agent of the node has not reported its storage yet' };
  if (kind === 'no-such-group' || kind === 'group-too-small') return noGroup(kind, asked, storage);
  return kind === 'no-free-unit' ? noUnit(asked, storage) : undefined;
}

const noGroup = (
  kind: 'no-such-group' | 'group-too-small',
  asked: readonly AskedVolume[],
  storage: StorageView,
): Found | undefined =>
  faultyGroup(asked, storage) ??
  silentNode(
    groupWithRoom(asked, storage, () => true),
    storage,
  ) ??
  cordonedGroup(asked, storage) ??
  unmanagedGroup(kind, asked, storage);

const noUnit = (asked: readonly AskedVolume[], storage: StorageView): Found | undefined =>
  silentNode(
    unitThatMayDo(asked, storage, () => true),
    storage,
  ) ??
  cordonedUnit(asked, storage) ??
  unofferedDisk(asked, storage) ??
  noneOffered(asked, storage);

const wants = ({ vgName, node, kind }: AskedVolume, group: string): boolean =>
  kind === 'LVM' && node === undefined && (vgName === undefined || vgName === group);

function faultyGroup(asked: readonly AskedVolume[], { troubles }: StorageView): Found | undefined {
  const [name, trouble] = [...troubles.groups].find(([group]) => asked.some((one) => wants(one, group))) ?? [];
  return name === undefined ? undefined : { kind: 'faulty', text: (trouble ?? name).replace(/\.$/, '') };
}

/** Of a node without room, too, nobody needs to wait for the agent, or for the kubelet. */
function silentNode(withRoom: object | undefined, { silent, unregistered }: StorageView): Found | undefined {
  if (!withRoom) return undefined;
  if (silent) return { kind: 'agent-silent', text: 'the agent of the node has stopped reporting' };
  return unregistered && { kind: 'unregistered', text: 'the kubelet of the node does not know the driver' };
}

/** Of a cordoned group that is too small, too, nobody needs to lift the cordon. */
function cordonedGroup(asked: readonly AskedVolume[], view: StorageView): Found | undefined {
  const { cordon } = view;
  const group = cordon && groupWithRoom(asked, view, (name) => isCordoned(cordon, name));
  return group && { kind: 'storage-cordoned', text: `volume group ${group.name} is cordoned` };
}

/** A group of these names that has room for one of the volumes, by what LVM reports. */
const groupWithRoom = (
  asked: readonly AskedVolume[],
  { storage }: StorageView,
  isNamed: (name: string) => boolean,
): GroupFacts | undefined =>
  storage.groups.find(
    ({ name, available }) => isNamed(name) && asked.some((one) => wants(one, name) && one.size <= available),
  );

/** A disk or mount point that is large enough, and of the medium that is asked for, if one is. */
const mayTake = (
  asked: AskedVolume,
  { kind, total, mediaType }: { readonly kind: string; readonly total: number; readonly mediaType?: string },
): boolean =>
  asked.kind === kind && total >= asked.size && (asked.mediaType === undefined || asked.mediaType === mediaType);

const unitThatMayDo = (
  asked: readonly AskedVolume[],
  { storage }: StorageView,
  isNamed: (path: string) => boolean,
): UnitFacts | undefined =>
  storage.units.find(
    ({ path, size, ...unit }) => isNamed(path) && asked.some((one) => mayTake(one, { ...unit, total: size })),
  );

function cordonedUnit(asked: readonly AskedVolume[], view: StorageView): Found | undefined {
  const { cordon } = view;
  const unit = cordon && unitThatMayDo(asked, view, (path) => isCordoned(cordon, path));
  if (!unit) return undefined;
  const what = unit.kind === 'Device' ? 'disk' : 'mount point';
  return { kind: 'storage-cordoned', text: `${what} ${unit.path} is cordoned` };
}

function unmanagedGroup(
  kind: 'no-such-group' | 'group-too-small',
  asked: readonly AskedVolume[],
  { disks, storage }: StorageView,
): Found | undefined {
  if (kind !== 'no-such-group') return undefined;
  const managed = new Set(storage.groups.map(({ name }) => name));
  const name = Object.keys(disks).find((group) => !managed.has(group) && asked.some((one) => wants(one, group)));
  return name === undefined
    ? undefined
    : { kind: 'unmanaged', text: `volume group ${name} is there, and the node's configuration does not include it` };
}

function unofferedDisk(asked: readonly AskedVolume[], { unoffered = [] }: StorageView): Found | undefined {
  const disk = unoffered.find((device) => asked.some((one) => mayTake(one, { ...device, kind: 'Device' })));
  return (
    disk && {
      kind: 'unoffered',
      text: `disk ${disk.name} is large enough, and the node's configuration does not offer it`,
    }
  );
}

function noneOffered(asked: readonly AskedVolume[], { storage }: StorageView): Found | undefined {
  const missing = asked.find(
    ({ kind, mediaType, node }) =>
      (kind === 'Device' || kind === 'MountPoint') &&
      node === undefined &&
      !storage.units.some((unit) => unit.kind === kind && (mediaType === undefined || unit.mediaType === mediaType)),
  );
  if (!missing) return undefined;
  const medium = missing.mediaType ? `${missing.mediaType} ` : '';
  const what = missing.kind === 'Device' ? 'disk' : 'mount point';
  return { kind: 'none-offered', text: `the node offers claims no ${medium}${what}` };
}
