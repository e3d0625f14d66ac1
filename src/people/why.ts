import type { ClusterEvent } from '../doctor/model/kinds.ts';
import { countedStorages } from '../doctor/checks/counted-storages.ts';
import { lastAbout } from '../doctor/model/last-event.ts';
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

/** What csi-provisioner repeats of CreateVolume; without it, it refused the claim itself. */
const OF_CREATE_VOLUME = 'rpc error: code = ';

/** The claim of a pod for which there was no volume last, by csi-provisioner's Events; undefined for none. */
export function refusedClaimOf(
  { namespace, volumes }: PodFacts,
  events: readonly ClusterEvent[],
  claims: readonly PersistentVolumeClaim[],
): RefusedClaim | undefined {
  const names = new Set(volumes.flatMap((volume) => (volume.kind === 'inline' ? [] : [volume.claimName])));
  const own = claims.filter(({ metadata }) => metadata.namespace === namespace && names.has(metadata.name ?? ''));
  const last = lastAbout(own, events);
  if (!last) return undefined;
  const { message: words = '', involvedObject: { name = '' } = {} } = last;
  return { name, words, ...(words.includes(OF_CREATE_VOLUME) ? {} : { by: 'csi-provisioner' }) };
}
