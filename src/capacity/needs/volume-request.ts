import { present } from '../../model/present.ts';
import { judgeClaim } from '../../model/claim-judge.ts';
import type { Bytes } from '../../model/bytes.ts';
import type { ClaimFacts, SourceFacts } from '../../model/facts.ts';
import type { MediaType, VolumeKind, VolumePolicy } from '../../model/storage-class.ts';
import { claimKey } from './claims.ts';

/** One volume that needs a place. */
export interface VolumeRequest {
  /** `namespace/name` of the claim, or the id of an inline volume. */
  readonly key: string;
  /** Absent for an inline volume and for a claim that is not made yet. */
  readonly claimUid?: string;
  readonly kind: VolumeKind;
  /** Absent: any group. */
  readonly vgName?: string;
  /** Absent: any medium. */
  readonly mediaType?: MediaType;
  readonly size: Bytes;
}

/**
 * What a claim of a class of ours asks for; undefined if the class is not ours or wrong, or the claim asks for
 * nothing.
 */
export function requestOfClaim(claim: ClaimFacts, policy: VolumePolicy | undefined): VolumeRequest | undefined {
  if (!policy || claim.requested === 0) return undefined;
  const judged = judgeClaim(policy, claim.requested, claim.use);
  if ('problem' in judged) return undefined;
  return requestOf({ key: claimKey(claim.namespace, claim.name), claimUid: claim.uid, size: judged.size }, policy);
}

/** A volume of so many bytes, as the class wants it. */
export function requestOf(ask: Pick<VolumeRequest, 'key' | 'claimUid' | 'size'>, policy: VolumePolicy): VolumeRequest {
  const { kind, vgName, mediaType } = policy;
  return { ...ask, kind, ...present({ vgName }), ...(mediaType ? { mediaType } : {}) };
}

/** Whether both can be in the same places, whoever asks. */
export const isSameRequest = (a: VolumeRequest, b: VolumeRequest | undefined): boolean =>
  b !== undefined && a.size === b.size && a.kind === b.kind && a.vgName === b.vgName && a.mediaType === b.mediaType;

/** What a volume takes that is filled from the snapshot. */
export const filledFrom = ({ size }: Pick<SourceFacts, 'size'>, request: VolumeRequest): VolumeRequest =>
  size === undefined || size <= request.size ? request : { ...request, size };

/** The order in which volumes must be planned: those with the least choice first, then the largest. */
export function byNeed(a: VolumeRequest, b: VolumeRequest): number {
  return choice(a) - choice(b) || b.size - a.size || (a.key < b.key ? -1 : 1);
}

const choice = (request: VolumeRequest): number => (request.vgName || request.mediaType ? 0 : 1);
