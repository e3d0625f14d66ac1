import type { Ledger } from '../../capacity/ledger.ts';
import type { Log } from '../../model/log.ts';
import { repeat } from '../../daemon/repeat.ts';

export interface ExpireHoldsDeps {
  readonly ledger: Pick<Ledger, 'expire'>;
  /** How long room stays held for a pod of which nothing more is heard. Ms. */
  readonly holdTtlMs: number;
  /** Told how many pods lost the room held for them. */
  readonly onExpired: (pods: number) => void;
  readonly log: Log;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

const LOOK_EVERY_MS = 5000;

/** Frees the room held for pods and claims whose time is over. Works until aborted. */
export async function expireHolds(deps: ExpireHoldsDeps, signal: AbortSignal): Promise<void> {
  const { ledger, holdTtlMs, onExpired, log } = deps;
  const turn = (): void => {
    const { pods, claims } = ledger.expire(deps.now());
    if (claims.length > 0)
      log.warn(
        { count: claims.length, action: claims },
        'nobody asks for the volumes of claims: their room is free again',
      );
    if (pods.length === 0) return;
    onExpired(pods.length);
    log.info({ count: pods.length }, 'nothing was heard of pods for which room was held; it is free again');
  };
  const everyMs = Math.min(LOOK_EVERY_MS, holdTtlMs);
  await repeat(everyMs, turn, (err) => log.error({ err }, 'looking for expired holds failed'), signal);
}
