import type { ClaimFacts, PvFacts, PvOffer } from '../../model/facts.ts';
import { matches } from '../../model/label-selector.ts';

/** A PersistentVolume that a claim may still be bound to. */
export type OfferedPv = PvFacts & { readonly offer: PvOffer };

export const isOffered = (pv: PvFacts): pv is OfferedPv => pv.offer !== undefined;

/** A claim for which kube-scheduler may look for a PersistentVolume on each node. */
export type OpenClaim = Pick<
  ClaimFacts,
  'uid' | 'namespace' | 'name' | 'storageClass' | 'requested' | 'use' | 'selector' | 'attributesClass'
>;

/**
 * Whether the scheduler still looks for an existing PersistentVolume for the claim: once a node is selected, a volume
 * is made there (FindPodVolumes in kube-scheduler's volumebinding/binder.go).
 */
export const isOpen = ({ bound, deleting, selectedNode, volumeName }: ClaimFacts): boolean =>
  !bound && !deleting && selectedNode === undefined && volumeName === undefined;

/**
 * The PersistentVolume that kube-scheduler binds the claim to if its pod goes to the node: the one that is reserved for
 * the claim, else the smallest that suits; undefined when a volume is made there. `pvs`: those of the claim's class.
 */
export function choosePv(claim: OpenClaim, pvs: Iterable<OfferedPv>, node: string): OfferedPv | undefined {
  let smallest: OfferedPv | undefined;
  for (const pv of pvs) {
    const { offer } = pv;
    if (!suits(claim, offer)) continue;
    const reaches = offer.nodes === undefined || offer.nodes.includes(node);
    if (offer.claim) return reaches ? pv : undefined;
    if (!reaches || !offer.available || !isSelected(claim, offer)) continue;
    if (!smallest || offer.capacity < smallest.offer.capacity) smallest = pv;
  }
  return smallest;
}

/** Whether a claim could have the PersistentVolume on some node. */
export const mayServe = (claim: OpenClaim, { offer }: OfferedPv): boolean => suits(claim, offer);

function suits(claim: OpenClaim, { attributesClass, block, capacity, claim: owner }: PvOffer): boolean {
  const { use = {} } = claim;
  if (owner && !isReservedFor(owner, claim)) return false;
  return capacity >= claim.requested && block === (use.block ?? false) && attributesClass === claim.attributesClass;
}

function isReservedFor({ namespace, name, uid }: NonNullable<PvOffer['claim']>, claim: OpenClaim): boolean {
  return namespace === claim.namespace && name === claim.name && (uid === undefined || uid === claim.uid);
}

function isSelected({ selector, use }: OpenClaim, { accessModes, labels }: PvOffer): boolean {
  const wanted = use?.accessModes ?? ['ReadWriteOnce'];
  return wanted.every((mode) => accessModes.includes(mode)) && (selector === undefined || selects(selector, labels));
}

/** A selector that nobody can read, which the API server refuses, selects nothing. */
function selects(selector: NonNullable<OpenClaim['selector']>, labels: PvOffer['labels']): boolean {
  try {
    return matches(selector, labels);
  } catch {
    return false;
  }
}
