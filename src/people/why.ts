import type { ClusterEvent } from '../doctor/model/kinds.ts';
import { countedStorages } from '../doctor/checks/counted-storages.ts';
import { claimFacts } from '../model/decode-claim.ts';
import type { PodFacts } from '../model/facts.ts';
import type { PersistentVolumeClaim } from '../model/objects.ts';
import { createJudge, type Judge } from '../operator/waiting/judge.ts';
import type { RefusedClaim } from '../operator/waiting/sentences.ts';
import type { Room } from './room.ts';

/** Judges by what was read now. */
export const judgeOf = (room: Room): Judge => createJudge(room, countedStorages(room));

/** A pod of this one claim, to ask about a claim that no pod uses. */
export const podOfClaim = (claim: PersistentVolumeClaim): PodFacts => {
  const { namespace, name } = claimFacts(claim);
  return {
    ...{ uid: '', namespace, name: '', finished: false, unscheduled: {} },
    volumes: [{ kind: 'claim', claimName: name }],
  };
};

/** The claim of a pod for which CreateVolume had no volume last, by csi-provisioner's Events; undefined for none. */
export function refusedClaimOf(
  { namespace, volumes }: PodFacts,
  events: readonly ClusterEvent[],
): RefusedClaim | undefined {
  const names = new Set(volumes.flatMap((volume) => (volume.kind === 'inline' ? [] : [volume.claimName])));
  const last = events
    .filter(({ involvedObject: on }) => on?.kind === 'PersistentVolumeClaim' && on.namespace === namespace)
    .filter(({ involvedObject: on }) => names.has(on?.name ?? ''))
    .toSorted((a, b) => Date.parse(a.lastTimestamp ?? '') - Date.parse(b.lastTimestamp ?? ''))
    .at(-1);
  return last && { name: last.involvedObject?.name ?? '', words: last.message ?? '' };
}
