import { createBoundedMap } from '../../kube/events/bounded-map.ts';
import type { Clock } from '../../wait/clock.ts';

/** The claims that CreateVolume refused lately, by `namespace/name`, with its words; bounded in number and time. */
export interface RefusedClaims {
  note(claim: string, words: string): void;
  /** It has its volume, or is gone. */
  forget(claim: string): void;
  wordsOf(claim: string): string | undefined;
  /** Calls `tell` with every claim that is noted. Returns how to stop. */
  subscribe(tell: (claim: string) => void): () => void;
}

/** csi-provisioner asks again and again, so one that is left out comes back. */
const MAX_CLAIMS = 2000;
/** csi-provisioner asks again after ten minutes at the latest (WRONG_TTL_MS of the ledger). */
const TTL_MS = 15 * 60_000;

export function createRefusedClaims(clock: Pick<Clock, 'now'>): RefusedClaims {
  const refusals = createBoundedMap<{ readonly words: string; readonly until: number }>(MAX_CLAIMS);
  const listeners = new Set<(claim: string) => void>();
  return {
    note: (claim, words) => {
      refusals.set(claim, { words, until: clock.now() + TTL_MS });
      for (const tell of listeners) tell(claim);
    },
    forget: (claim) => refusals.delete(claim),
    wordsOf: (claim) => {
      const refusal = refusals.get(claim);
      return refusal && refusal.until > clock.now() ? refusal.words : undefined;
    },
    subscribe: (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
  };
}
