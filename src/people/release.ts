import { Fault } from '../model/fault.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { Node, NodeLocalStorage } from '../model/objects.ts';
import { storageTroubles } from '../model/storage-troubles.ts';
import { LOST } from '../model/well-known.ts';
import { dataLeft, isLeaving, isTheNodesOwn } from '../operator/volumes/lost-volume.ts';

/** What is known of the node that is to be called lost. */
export interface NodeState {
  readonly name: string;
  /** Undefined where it is gone. */
  readonly node: Node | undefined;
  readonly storage: NodeLocalStorage | undefined;
  /** All that the node has. */
  readonly volumes: readonly LocalVolume[];
}

/** What calling something lost does: sentences for a person who decides. */
export type Consequences = readonly string[];

/** Throws Fault where the node answers, or nothing would be released. */
export function releaseNode(state: NodeState): Consequences {
  const { name, node, storage, volumes } = state;
  if (!storage) throw new Fault('invalid', `node ${name} has no NodeLocalStorage: there is nothing to release`);
  const said = storage.metadata.annotations?.[LOST];
  if (said !== undefined) throw new Fault('invalid', `node ${name} is called lost already (${said})`);
  if (isReady(node))
    throw new Fault(
      'precondition',
      `node ${name} is Ready: its agent removes the volumes that are deleted there. Only a node that will not come back is released`,
    );
  const [now, later] = split(volumes);
  return [
    `Node ${name} ${node ? 'is there, and not Ready' : 'is gone'}. It is called lost from then on: its room counts as gone, and nothing is placed there.`,
    now.length === 0
      ? "No volume there is deleted, or is the node's alone."
      : `Let go of at once, since nobody but the node would remove them: ${namesOf(now)}.`,
    later.length === 0
      ? 'It has no other volumes.'
      : `Let go of once their claims are deleted: ${namesOf(later)}. Until then they stay as they are.`,
    `No data is touched. If the node comes back after all: kubectl annotate nls ${name} ${LOST}-`,
  ];
}

/** Throws Fault where the volume's node answers and reports the volume whole. */
export function releaseVolume(volume: LocalVolume, { node, storage }: NodeState): Consequences {
  const { name = '', annotations } = volume.metadata;
  const said = annotations?.[LOST];
  if (said !== undefined) throw new Fault('invalid', `volume ${name} is called lost already (${said})`);
  if (isReady(node) && !(storage && isBroken(volume, storage)))
    throw new Fault(
      'precondition',
      `node ${volume.spec.nodeName} is Ready and reports nothing wrong with volume ${name}: delete its claim, and the node's agent removes it`,
    );
  const when =
    isLeaving(volume) || isTheNodesOwn(volume)
      ? 'at once: nobody but its node would remove it'
      : 'once its claim is deleted; until then it stays as it is';
  return [
    `Volume ${name} is called lost from then on. Its object is let go of ${when}.`,
    `No data is touched: ${dataLeft(volume, [])} stays what it is.`,
    `If the disk comes back after all: kubectl annotate lvol ${name} ${LOST}-`,
  ];
}

const isReady = (node: Node | undefined): boolean =>
  node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

function isBroken({ metadata, spec }: LocalVolume, nls: NodeLocalStorage): boolean {
  const { groups, volumes, units } = storageTroubles(nls);
  if (spec.kind !== 'LVM') return units.has(spec.path ?? '');
  const group = spec.vgName ?? '';
  return groups.has(group) || (volumes.get(group)?.includes(metadata.name ?? '') ?? false);
}

function split(volumes: readonly LocalVolume[]): readonly [now: readonly LocalVolume[], later: readonly LocalVolume[]] {
  const isNow = (volume: LocalVolume): boolean => isLeaving(volume) || isTheNodesOwn(volume);
  return [volumes.filter(isNow), volumes.filter((volume) => !isNow(volume))];
}

const SHOWN = 20;

function namesOf(volumes: readonly LocalVolume[]): string {
  const names = volumes.map(({ metadata, spec }) =>
    spec.claim ? `${metadata.name} (claim ${spec.claim.namespace}/${spec.claim.name})` : (metadata.name ?? ''),
  );
  const more = names.length - SHOWN;
  return more > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${more} more` : names.join(', ');
}
