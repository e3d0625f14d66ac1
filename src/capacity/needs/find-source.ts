import { formatBytes } from '../../model/bytes.ts';
import type { ClaimFacts, SourceFacts } from '../../model/facts.ts';
import { present } from '../../model/present.ts';
import type { Known, Source } from './known.ts';
import { filledFrom, type VolumeRequest } from './volume-request.ts';

/** The source in words, with its namespace where that is not the claim's. */
export const nameOfSource = ({ source }: ClaimFacts): string =>
  `${source?.kind} ${source?.namespace === undefined ? '' : `${source.namespace}/`}${source?.name}`;

/** What a claim is made from; undefined while that is not known, or not ready. */
export function findSource(claim: ClaimFacts, known: Known): Source | undefined {
  const { namespace: own, source } = claim;
  if (source === undefined) return undefined;
  const { namespace = own } = source;
  if (source.kind === 'PersistentVolumeClaim') return findOrigin(claim, known.findClaim(namespace, source.name), known);
  const snapshot = known.findSnapshot(namespace, source.name);
  return (
    snapshot && { ...snapshot, sealed: snapshot.sealed ?? {}, ...present({ problem: restoreProblem(claim, snapshot) }) }
  );
}

function findOrigin(claim: ClaimFacts, origin: ClaimFacts | undefined, known: Known): Source | undefined {
  if (!origin?.bound) return undefined;
  const volume = known.volumeOfClaim(origin);
  const problem = cloneProblem(claim, origin) ?? volume.problem;
  const node = known.nodeOfClaim(origin) ?? (problem === undefined ? undefined : '');
  return node === undefined ? undefined : { node, readOnly: false, ...volume, ...present({ problem }) };
}

/**
 * Why the claim cannot be a clone of the other, whatever the volume of that is; undefined when it can. csi-provisioner
 * refuses so before it asks us, and leaves the claim its node (getPVCSource in its pkg/controller/controller.go).
 */
function cloneProblem(claim: ClaimFacts, origin: ClaimFacts): string | undefined {
  if (origin.deleting) return 'it is being deleted';
  if (claim.requested < origin.requested)
    return `it asks for ${formatBytes(origin.requested)}: ask for no less than that`;
  return modeProblem(claim, modeOf(origin));
}

/** Why the claim cannot be made from the snapshot. Of the mode csi-provisioner judges before us (getSnapshotSource). */
const restoreProblem = (claim: ClaimFacts, { problem, mode }: SourceFacts): string | undefined =>
  problem ?? (mode === undefined ? undefined : modeProblem(claim, mode));

function modeProblem(claim: ClaimFacts, has: string): string | undefined {
  const wants = modeOf(claim);
  return has === wants
    ? undefined
    : `it has volumeMode ${has}, and so has what is made from it: do not ask for ${wants}`;
}

const modeOf = ({ use }: ClaimFacts): string => (use?.block ? 'Block' : 'Filesystem');

/**
 * What a claim takes that is made from another volume: nothing if it mounts a snapshot (R10, roomless follows its
 * source), or cannot be made.
 */
export function takenFrom(claim: ClaimFacts, request: VolumeRequest, known: Known): VolumeRequest | undefined {
  const { namespace: own, source } = claim;
  if (source === undefined) return request;
  const { namespace = own } = source;
  if (source.kind === 'PersistentVolumeClaim') {
    const origin = known.findClaim(namespace, source.name);
    return origin && cloneProblem(claim, origin) === undefined ? request : undefined;
  }
  const snapshot = known.findSnapshot(namespace, source.name);
  if (snapshot === undefined) return known.mayServe(namespace, source.name) ? request : undefined;
  return snapshot.readOnly || restoreProblem(claim, snapshot) !== undefined ? undefined : filledFrom(snapshot, request);
}
