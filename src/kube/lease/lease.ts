import { Fault, textOf } from '../../model/fault.ts';
import type { KubeClient } from '../client.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { follow } from '../../wait/abort.ts';
import { withClockDeadline } from '../../wait/deadline.ts';
import { createLeaseGrip, type LeaseGrip } from './lease-grip.ts';
import type { Log } from '../../model/log.ts';

export interface LeaderOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Names this contender. No other living one may have the same name, so it best has a random part. */
  readonly identity: string;
  /** Leads until the signal is aborted, which is when the leadership is lost or the caller stops. */
  readonly onElected: (signal: AbortSignal) => Promise<void>;
  /**
   * Called after every look at the Lease that the server answered, with whoever owns it: this contender could lead.
   */
  readonly onLooked?: (owner: string | undefined) => void;
  /** What the leader tells about itself in annotations of the Lease, with each renewal. */
  readonly annotations?: () => Readonly<Record<string, string>>;
  /** Others take over so long after our last renewal. Absent: 15,000. */
  readonly leaseDurationMs?: number;
  /**
   * We give up so long after our last renewal; shorter, so that we have stopped before another begins. Absent: 10,000.
   */
  readonly renewDeadlineMs?: number;
  /** Between two tries. Absent: 2000. */
  readonly retryMs?: number;
  readonly log: Log;
  readonly random?: () => number;
  readonly clock?: Clock;
}

/**
 * Waits to be the leader, and leads then. Resolves after a clean stop (the signal, or `onElected` returned) with the
 * Lease given back. Rejects with what `onElected` threw, the Lease given back too; or with Fault `aborted` at once when
 * the leadership is lost: the process should end then, for what still runs in it must not lead. Throws Fault `invalid`
 * for times that do not fit each other. https://kubernetes.io/docs/concepts/architecture/leases/
 */
export async function runLeader(options: LeaderOptions, signal: AbortSignal): Promise<void> {
  const { client, namespace, name, identity, onElected, log, clock = systemClock } = options;
  const times = checkedTimes(options);
  const contender = { identity, leaseDurationMs: times.leaseDurationMs };
  const grip = createLeaseGrip({
    ...{ client, key: { name, namespace }, contender, clock },
    annotations: options.annotations,
  });
  const { random = Math.random, onLooked = () => {} } = options;
  const pace: Pace = { ...times, lease: name, log, clock, random, onLooked };

  const since = await acquire(grip, pace, signal);
  if (since === undefined) return;
  log.info({ object: `Lease/${name}`, action: `leads as ${identity}` }, 'elected as leader');

  const term = follow(signal);
  const renewing = new AbortController();
  const ended = onElected(term.signal).then(
    () => ({ isLost: false, error: undefined }),
    (error: unknown) => ({ isLost: false, error }),
  );
  const lost = untilLost(grip, pace, since, renewing.signal).then((error: unknown) => ({ isLost: true, error }));
  const { isLost, error } = await Promise.race([ended, lost]);
  renewing.abort();
  term.abort(error);
  term.release();
  // The Lease is given back only when the work has ended: while we may still write, nobody else may begin.
  if (!isLost) await release(grip, pace);
  if (error !== undefined && error !== signal.reason) throw error;
}

interface Pace {
  readonly lease: string;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onLooked: NonNullable<LeaderOptions['onLooked']>;
}

function checkedTimes(options: LeaderOptions): Record<'leaseDurationMs' | 'renewDeadlineMs' | 'retryMs', number> {
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2000 } = options;
  if (retryMs > 0 && retryMs < renewDeadlineMs && renewDeadlineMs < leaseDurationMs) {
    return { leaseDurationMs, renewDeadlineMs, retryMs };
  }
  throw new Fault(
    'invalid',
    `leader election needs retry (${retryMs} ms) < renew deadline (${renewDeadlineMs} ms) < lease duration (${leaseDurationMs} ms)`,
  );
}

/**
 * Tries until the Lease is ours. The moment from which it is, which is before the write was sent; undefined when
 * aborted first.
 */
async function acquire(grip: LeaseGrip, pace: Pace, signal: AbortSignal): Promise<number | undefined> {
  const { clock, lease, log, renewDeadlineMs, retryMs, random } = pace;
  while (!signal.aborted) {
    const startedAt = clock.now();
    const isTaken = await withClockDeadline({ ms: renewDeadlineMs, clock }, signal, async (signal) => {
      const isTaken = await grip.tryToTake(signal);
      pace.onLooked(grip.owner());
      return isTaken;
    }).catch((err: unknown) => {
      if (!signal.aborted) log.warn({ object: `Lease/${lease}`, err }, 'could not try to lead');
      return false;
    });
    if (isTaken) return startedAt;
    await clock.sleep(retryMs * (1 + random()), signal).catch(() => {});
  }
  return undefined;
}

/** Renews again and again; resolves with the reason as soon as another may own the Lease, or when aborted. */
async function untilLost(grip: LeaseGrip, pace: Pace, since: number, signal: AbortSignal): Promise<Fault> {
  const { clock, lease, log, renewDeadlineMs, retryMs } = pace;
  let renewedAt = since;
  let problem = 'the process stood still';
  for (;;) {
    const left = (): number => renewedAt + renewDeadlineMs - clock.now();
    await clock.sleep(Math.max(0, Math.min(retryMs, left())), signal).catch(() => {});
    if (signal.aborted) return new Fault('aborted', 'no longer renewing');
    if (left() <= 0) {
      return new Fault('aborted', `could not renew the Lease ${lease} for ${renewDeadlineMs} ms: ${problem}`);
    }
    const startedAt = clock.now();
    // One call gets at most half of the time, so that another can follow a call that is lost.
    try {
      await withClockDeadline({ ms: Math.min(left(), renewDeadlineMs / 2), clock }, signal, (signal) =>
        grip.renew(signal),
      );
      renewedAt = startedAt;
    } catch (err) {
      if (err instanceof Fault) return err;
      problem = textOf(err);
      if (!signal.aborted) log.warn({ object: `Lease/${lease}`, err }, 'could not renew the leadership');
    }
  }
}

/** Gives the Lease back. A failure is only logged, since a Lease that nobody renews runs out by itself. */
async function release(grip: LeaseGrip, { clock, lease, log, retryMs }: Pace): Promise<void> {
  try {
    await withClockDeadline({ ms: retryMs, clock }, new AbortController().signal, (signal) => grip.giveBack(signal));
  } catch (err) {
    log.warn({ object: `Lease/${lease}`, err }, 'could not give the leadership back');
  }
}
