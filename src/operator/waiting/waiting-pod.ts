import type { Ledger } from '../../capacity/ledger.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { RefusedClaims } from './refused-claims.ts';
import type { RefusedClaim } from './sentences.ts';

/** It may come to wait for room: it has no node yet, and volumes. */
export const isOpen = ({ nodeName, finished, volumes }: PodFacts): boolean =>
  nodeName === undefined && !finished && volumes.length > 0;

/** Of an open pod: its scheduler found no node for it, or CreateVolume had no volume. */
export const isWaiting = (pod: PodFacts, refused: Pick<RefusedClaims, 'wordsOf'>): boolean =>
  pod.unscheduled !== undefined || refusedClaimOf(pod, refused) !== undefined;

/** The same, and what it waits for is ours. */
export const waitsForUs = (
  pod: PodFacts,
  { ledger, refused }: { readonly ledger: Pick<Ledger, 'concerns'>; readonly refused: Pick<RefusedClaims, 'wordsOf'> },
): boolean => isWaiting(pod, refused) && ledger.concerns(pod);

/** The first claim of the pod that CreateVolume refused lately. */
export function refusedClaimOf(
  { namespace, volumes }: PodFacts,
  refused: Pick<RefusedClaims, 'wordsOf'>,
): RefusedClaim | undefined {
  for (const volume of volumes) {
    const words = volume.kind === 'inline' ? undefined : refused.wordsOf(`${namespace}/${volume.claimName}`);
    if (words !== undefined && volume.kind !== 'inline') return { name: volume.claimName, words };
  }
  return undefined;
}
