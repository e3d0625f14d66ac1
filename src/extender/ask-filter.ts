import type { PodFacts } from '../model/facts.ts';
import type { AskedNodes, FilterVerdict } from '../model/verdict.ts';
import type { Scheduling } from './scheduling.ts';

/** Room is freed in bursts; a pod that was still refused after so many looks goes back to the queue. */
const MAX_LOOKS = 8;

/**
 * Asks which nodes fit. When none does but other pods' floating holds may settle elsewhere, waits for room, at most
 * `waitMs` in all: kube-scheduler handles one pod at a time, so whoever waits here stops the cluster.
 */
export async function askFilter(
  scheduling: Pick<Scheduling, 'filter' | 'freed'>,
  question: AskedNodes & { readonly pod: PodFacts },
  waitMs: number,
  signal: AbortSignal,
): Promise<FilterVerdict> {
  const { pod } = question;
  const first = scheduling.filter(pod, question);
  if (waitMs === 0 || !worthWaiting(first)) return first;

  const deadline = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
  let last = first;
  for (let look = 1; look < MAX_LOOKS && worthWaiting(last); look++) {
    if (!(await roomFreed(scheduling, deadline))) return last;
    last = scheduling.filter(pod, question);
  }
  return last;
}

const worthWaiting = ({ mayFreeUp, refusals }: FilterVerdict): boolean =>
  mayFreeUp && refusals.length > 0 && refusals.every(Boolean);

async function roomFreed(scheduling: Pick<Scheduling, 'freed'>, deadline: AbortSignal): Promise<boolean> {
  try {
    await scheduling.freed(deadline);
    return !deadline.aborted;
  } catch (error) {
    if (deadline.aborted) return false;
    throw error;
  }
}
