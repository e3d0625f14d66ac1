import { formatBytes, type Bytes } from '../../model/bytes.ts';
import type { ClaimFacts } from '../../model/facts.ts';
import type { Refusal, RefusalKind } from '../../model/verdict.ts';
import type { VolumeRequest } from './volume-request.ts';

/**
 * Every sentence that the ledger refuses with. It carries what was asked and never what is left, nor a node's name:
 * kube-scheduler folds equal sentences of 500 nodes into one. All are unresolvable: a volume outlives its pod, and room
 * that is held comes free by itself, so evicting a pod helps neither way.
 */
export const UNKNOWN_NODE = refusal('unknown-node', 'the node has no storage managed by open-local');
export const WRONG_NODE = refusal('wrong-node', 'a volume of the pod, or what it is made from, is on another node');
export const SPLIT_NODES = refusal('wrong-node', 'the volumes of the pod are on different nodes');
export const HELD_ELSEWHERE = refusal(
  'wrong-node',
  'the room for a claim that another pod uses too is held on other nodes',
);
export const LEFT_OUT = refusal(
  'held-by-others',
  'other nodes have more room, so this one is left to pods that need it',
);
export const UNKNOWN_POD = refusal('bad-request', 'the pod is not known yet: it must be filtered before it is bound');

export const BROKEN = refusal(
  'held-by-others',
  'open-local found that its numbers are wrong, and counts them anew: ask again in a moment',
);

export const claimMissing = (claim: string): Refusal => refusal('claim-missing', `the claim ${claim} is not known yet`);

export const claimDeleting = (claim: string): Refusal =>
  refusal('claim-missing', `the claim ${claim} is being deleted`);

export const claimOfAnother = (claim: string): Refusal =>
  refusal(
    'claim-missing',
    `the claim ${claim} was not made for this pod's ephemeral volume of that name: rename one of them`,
  );

export const sourceMissing = (claim: string, source: string): Refusal =>
  refusal('claim-missing', `the claim ${claim} is made from ${source}, which is not known yet or not ready`);

export const sourceUnusable = (claim: string, source: string, problem: string): Refusal =>
  refusal('bad-request', `the claim ${claim} is made from ${source}: ${problem}`);

/** A pod with several sources, or with a volume and a source. */
export const sourceElsewhere = (claim: string, source: string): Refusal =>
  refusal(
    'wrong-node',
    `the claim ${claim} is made from ${source}, which is on another node than the pod's other volumes and sources`,
  );

export const badClass = (name: string, problem: string): Refusal =>
  refusal('bad-class', `StorageClass ${name}: ${problem}`);

export const badClaim = (claim: string, problem: string): Refusal =>
  refusal('bad-request', `the claim ${claim}: ${problem}`);

/** More of an answer of CreateVolume is no help in a sentence of kube-scheduler's. */
const MAX_WORDS = 400;

/** R21, what cannot be made holds nothing. */
export const refusedClaim = (claim: string, words: string): Refusal =>
  refusal('bad-request', `CreateVolume refuses claim ${claim}: ${words.slice(0, MAX_WORDS)}`);

/** R23, unasked is not held. Whoever makes the volume tells on the claim why it does not. */
export function unaskedClaim(
  claim: string,
  { populated, restore }: Pick<ClaimFacts, 'populated' | 'restore'>,
): Refusal {
  const filled = restore ? 'Velero has not begun to restore it' : 'no volume populator has begun to fill it';
  const since = populated ? filled : 'csi-provisioner has not asked for its volume';
  return refusal(
    'claim-missing',
    `the node of claim ${claim} was chosen, and ${since} for so long that no room is held any more: kubectl describe pvc tells what it waits for`,
  );
}

export const badInline = (volume: string, problem: string): Refusal =>
  refusal('bad-request', `inline volume ${volume}: ${problem}`);

export const emptyClaim = (claim: string): Refusal =>
  refusal('bad-request', `the claim ${claim} asks for no storage: set spec.resources.requests.storage`);

/**
 * Why one volume does not fit, whatever is only floating there. `exists`: the node has such a group or unit, full or
 * not.
 */
export function tooSmall({ kind, vgName, mediaType, size }: VolumeRequest, exists: boolean): Refusal {
  if (kind !== 'LVM') {
    const what = `${mediaType ? `${mediaType} ` : ''}${kind === 'Device' ? 'disk' : 'mount point'}`;
    return refusal('no-free-unit', `no free ${what} of ${formatBytes(size)} or more`);
  }
  if (!exists)
    return refusal('no-such-group', vgName ? `there is no volume group ${vgName}` : 'there is no volume group');
  const where = vgName ? `in volume group ${vgName}` : 'in any volume group';
  return refusal('group-too-small', `not enough room for ${formatBytes(size)} ${where}`);
}

/**
 * A group or unit has room by its numbers, and the node could not make such a volume there (R16, a no is remembered).
 */
export function refusedByNode({ kind, vgName, size }: VolumeRequest): Refusal {
  const group = vgName ? `volume group ${vgName}` : 'a volume group';
  const where = kind === 'LVM' ? group : kind === 'Device' ? 'a disk' : 'a mount point';
  return refusal(
    'refused-by-node',
    `a volume of ${formatBytes(size)} could not be made in ${where} that reports room for it`,
  );
}

/** The first volume without a place would fit alone, but not with the others. */
export function notTogether(requests: readonly VolumeRequest[]): Refusal {
  const sizes = requests.map(({ size }) => formatBytes(size)).join(', ');
  return refusal('group-too-small', `not enough room for ${requests.length} volumes together (${sizes})`);
}

export function heldByOthers(requests: readonly VolumeRequest[]): Refusal {
  const sizes = requests.map(({ size }) => formatBytes(size)).join(', ');
  return refusal('held-by-others', `the room for ${sizes} is held for other pods that are being placed`);
}

export const cannotGrow = (size: Bytes, where: string): Refusal =>
  refusal('group-too-small', `not enough room in ${where} to grow to ${formatBytes(size)}`);

export const volumeMissing = (name: string): Refusal => refusal('bad-request', `the volume ${name} is not known`);

function refusal(kind: RefusalKind, message: string): Refusal {
  return { kind, message, unresolvable: true };
}
