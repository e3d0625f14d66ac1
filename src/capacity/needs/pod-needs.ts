import { present } from '../../model/present.ts';
import { sealProblem } from '../../model/encryption.ts';
import { textOf } from '../../model/fault.ts';
import { storeOfClone } from '../../model/snapshot-store.ts';
import { copyProblem, judgeClaim, mountProblem } from '../../model/claim-judge.ts';
import type { ClaimFacts, PodFacts, PodVolume } from '../../model/facts.ts';
import { parseInlineAttributes } from '../../model/inline-attributes.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { Refusal } from '../../model/verdict.ts';
import { claimKey } from './claims.ts';
import type { OurClass } from './classes.ts';
import { findSource, nameOfSource } from './find-source.ts';
import type { Group, Known, Source } from './known.ts';
import {
  badClaim,
  badClass,
  badInline,
  claimDeleting,
  claimMissing,
  claimOfAnother,
  emptyClaim,
  refusedClaim,
  sourceElsewhere,
  sourceMissing,
  sourceUnusable,
  unaskedClaim,
  SPLIT_NODES,
} from './refusal.ts';
import { byNeed, filledFrom, requestOf, type VolumeRequest } from './volume-request.ts';

/** The volumes of a pod that need a place, and the only node that it can go to, if its other volumes decide that. */
export interface PodNeeds {
  /** Who asks: what this pod holds is not another's. */
  readonly podUid?: string;
  readonly requests: readonly VolumeRequest[];
  /**
   * The stores of temporary snapshots that clones of the pod are copied from. They must have room besides. None is held
   * for them: CreateVolume takes it, and refuses the clone if somebody else was faster.
   */
  readonly stores?: readonly VolumeRequest[];
  readonly pin?: string;
}

/** `needs`, or the reason why the pod fits nowhere for now. */
export type PodNeedsOrRefusal = PodNeeds | Refused;

export interface Refused {
  readonly refusal: Refusal;
  /** The scheduler has seen what is missing, so we shall hear of it in a moment. */
  readonly soon?: boolean;
}

/** True when some volume of the pod is, or may be, ours. A claim that we have not seen yet may be. */
export function concernsUs(pod: PodFacts, known: Known): boolean {
  return pod.volumes.some((volume) => {
    if (volume.kind === 'inline') return true;
    const claim = known.findClaim(pod.namespace, volume.claimName);
    if (claim) return known.findClass(claim.storageClass) !== undefined;
    return volume.kind === 'claim' || known.findClass(volume.storageClass) !== undefined;
  });
}

/**
 * Reads all volumes of a pod. Claims of other drivers, of unknown classes and without a class need nothing (R9, not
 * ours, no cost).
 */
export function needsOfPod(pod: PodFacts, known: Known): PodNeedsOrRefusal {
  const requests = new Map<string, VolumeRequest>();
  const stores = new Map<string, VolumeRequest>();
  let pin: string | undefined;
  let byCopy: ByCopy | undefined;
  for (const volume of pod.volumes) {
    const need = needOf(pod, volume, known);
    if ('refusal' in need) return need;
    byCopy ??= need.byCopy;
    if (isElsewhere(need.pin, pin))
      return { refusal: byCopy ? sourceElsewhere(byCopy.key, byCopy.source) : SPLIT_NODES };
    pin ??= need.pin;
    if (need.request) requests.set(need.request.key, need.request);
    if (need.store) stores.set(need.store.key, need.store);
  }
  const sorted = [...requests.values()].toSorted(byNeed);
  return {
    podUid: pod.uid,
    requests: sorted,
    ...(stores.size > 0 && { stores: [...stores.values()] }),
    ...present({ pin }),
  };
}

/** A claim whose node is that of what it is made from. It is named, since making it from another is a way out. */
interface ByCopy {
  readonly key: string;
  readonly source: string;
}

interface Wanted {
  readonly request?: VolumeRequest;
  /** That of the snapshot from which a clone is copied. */
  readonly store?: VolumeRequest;
  readonly pin?: string;
  readonly byCopy?: ByCopy;
}

type Need = Wanted | Refused;

const NOTHING: Need = {};

function needOf(pod: PodFacts, volume: PodVolume, known: Known): Need {
  if (volume.kind === 'inline') return needOfInline(pod, volume);
  const claim = known.findClaim(pod.namespace, volume.claimName);
  const key = claimKey(pod.namespace, volume.claimName);
  if (claim) return isOfAnother(pod, volume, claim) ? needOfForeign(key, claim, known) : needOfClaim(claim, known);
  if (volume.kind === 'claim') return { refusal: claimMissing(key), soon: true };
  return needOfClass({ ...volume, key }, known.findClass(volume.storageClass));
}

/**
 * A claim that has the name of a pod's ephemeral volume and was not made for that pod is never used for it
 * (VolumeIsForPod in k8s.io/component-helpers, storage/ephemeral): the pod waits until it is gone.
 */
const isOfAnother = ({ uid }: PodFacts, { kind }: PodVolume, { ofPod }: ClaimFacts): boolean =>
  kind === 'ephemeral' && ofPod !== uid;

function needOfForeign(key: string, { storageClass, deleting }: ClaimFacts, known: Known): Need {
  if (!known.findClass(storageClass)) return NOTHING;
  return { refusal: deleting ? claimDeleting(key) : claimOfAnother(key) };
}

function needOfClaim(claim: ClaimFacts, known: Known): Need {
  const ours = known.findClass(claim.storageClass);
  if (!ours) return NOTHING;
  const key = claimKey(claim.namespace, claim.name);
  if (claim.deleting) return { refusal: claimDeleting(key) };

  const node = known.nodeOfClaim(claim);
  const pin = node === undefined ? {} : { pin: node };
  if (claim.bound || claim.volumeName !== undefined || known.isProvided(claim)) return pin;
  const wrong = known.wrongWith(claim);
  if (wrong !== undefined) return { refusal: refusedClaim(key, wrong) };

  const need = claim.source
    ? needOfCopy(claim, { key, ours, node }, known)
    : { ...needOfClass({ ...claim, key, claimUid: claim.uid }, ours), ...pin };
  return 'refusal' in need || !known.isUnasked(claim) ? need : { refusal: unaskedClaim(key, claim) };
}

const isElsewhere = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

/**
 * A volume made from another can only be made where the other is: copying and reading a snapshot are done on its node
 * (R10, roomless follows its source).
 */
function needOfCopy(
  claim: ClaimFacts,
  { key, ours, node }: { readonly key: string; readonly ours: OurClass; readonly node: string | undefined },
  known: Known,
): Need {
  const what = nameOfSource(claim);
  const source = findSource(claim, known);
  if (source === undefined) return { refusal: sourceMissing(key, what) };
  if (source.problem !== undefined) return { refusal: sourceUnusable(key, what, source.problem) };
  const strange = ours.policy && source.sealed && sealProblem(ours.policy.encryption, source.sealed);
  if (strange !== undefined) return { refusal: sourceUnusable(key, what, strange) };
  if (isElsewhere(source.node, node)) return { refusal: sourceElsewhere(key, what) };
  const need = source.readOnly ? needOfMount(claim, ours, source) : needOfFilled(claim, ours, source);
  if ('refusal' in need) return need;
  const store = source.group && storeIn(source.group, key);
  return { ...need, ...present({ store }), pin: source.node, byCopy: { key, source: what } };
}

/** What CreateVolume takes for the snapshot from which it copies a volume. */
const storeIn = ({ vgName, size }: Group, key: string): VolumeRequest => ({
  key: `${key} while it is copied`,
  kind: 'LVM',
  vgName,
  size: storeOfClone(size),
});

/** It takes the room of any volume, and all that its source has. CreateVolume would refuse by the same judge. */
function needOfFilled(claim: ClaimFacts, ours: OurClass, source: Source): Need {
  const key = claimKey(claim.namespace, claim.name);
  const problem = ours.policy && copyProblem(ours.policy, claim.requested, source.least ?? source.size);
  if (problem !== undefined) return { refusal: badClaim(key, problem) };
  const need = needOfClass({ ...claim, key, claimUid: claim.uid }, ours);
  return 'request' in need && need.request ? { ...need, request: filledFrom(source, need.request) } : need;
}

/** It takes no room, and CreateVolume would refuse by the same judge. */
function needOfMount(claim: ClaimFacts, ours: OurClass, { size }: Source): Need {
  const key = claimKey(claim.namespace, claim.name);
  if (!ours.policy || claim.requested === 0) return needOfClass({ ...claim, key }, ours);
  const problem = mountProblem(ours.policy, claim.requested, claim.use ?? {}, size);
  return problem === undefined ? NOTHING : { refusal: badClaim(key, problem) };
}

interface ClassAsk extends Pick<ClaimFacts, 'requested' | 'use'> {
  readonly key: string;
  readonly claimUid?: string;
}

/** CreateVolume would refuse by the same judge: such a claim needs no room, and its pod is told. */
function needOfClass({ key, claimUid, requested, use }: ClassAsk, ours: OurClass | undefined): Need {
  if (!ours) return NOTHING;
  if (!ours.policy) return { refusal: badClass(ours.name, ours.problem ?? 'its parameters are wrong') };
  if (requested === 0) return { refusal: emptyClaim(key) };
  const judged = judgeClaim(ours.policy, requested, use);
  if ('problem' in judged) return { refusal: badClaim(key, judged.problem) };
  return { request: requestOf({ key, size: judged.size, ...present({ claimUid }) }, ours.policy) };
}

function needOfInline(pod: PodFacts, volume: PodVolume & { kind: 'inline' }): Need {
  const parsed = parseInline(pod.uid, volume);
  return 'problem' in parsed ? { refusal: badInline(volume.volumeName, parsed.problem) } : { request: parsed };
}

/** The inline volumes that the pod's node will make, as requests. */
export const inlineVolumesOf = ({ uid, volumes }: Pick<PodFacts, 'uid' | 'volumes'>) =>
  volumes.flatMap((volume) => {
    const parsed = volume.kind === 'inline' ? parseInline(uid, volume) : undefined;
    return parsed && !('problem' in parsed) ? [parsed] : [];
  });

/** An inline volume of ours as a request; `problem` says what the node would refuse of it. */
export function parseInline(
  podUid: string,
  { volumeName, attributes, fsType }: PodVolume & { kind: 'inline' },
): (VolumeRequest & { readonly vgName: string }) | { readonly problem: string } {
  try {
    const { vgName, size } = parseInlineAttributes(attributes, fsType);
    return { key: inlineVolumeId(podUid, volumeName), kind: 'LVM', vgName, size };
  } catch (error) {
    return { problem: textOf(error) };
  }
}
