import type { AskedVolume } from '../../capacity/needs/asked-volumes.ts';
import type { PodFacts } from '../../model/facts.ts';
import { inWords } from '../../model/in-words.ts';
import { describeAsked, type Told } from './sentences.ts';

/** A scheduler that is busy with a burst comes to a pod sooner. Ms. */
export const UNSEEN_MS = 120_000;

/**
 * What to say of a pod of which its scheduler has said nothing for UNSEEN_MS: nobody else tells that there may be no
 * scheduler of that name. Undefined for a pod that asks for no volume of ours.
 */
export function sayUnseen({ unseenBy }: PodFacts, [first]: readonly AskedVolume[]): Told | undefined {
  if (unseenBy === undefined || first === undefined) return undefined;
  const message =
    `Waits with ${describeAsked(first)}. For ${inWords(UNSEEN_MS)} no scheduler has said anything of the pod, which ` +
    `names ${unseenBy} (spec.schedulerName). What helps: see whether a scheduler of that name runs, and its log; ` +
    "the cluster's own is called default-scheduler.";
  return { reason: 'NoScheduler', message };
}
