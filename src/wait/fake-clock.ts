import { setImmediate } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import { untilCalled } from './abort.ts';

export interface FakeClock extends Clock {
  /** Lets time pass, waking each sleeper at its moment and letting what it does settle (promises, not sockets). */
  advance(ms: number): Promise<void>;
  /** The ms that the sleeper which wakes first still has; waits until there is a sleeper. */
  untilAsleep(): Promise<number>;
}

interface Sleeper {
  readonly due: number;
  wake(): void;
}

/** A clock for tests: it stands still until told. `startsAt` is the calendar's ms, so that two clocks can disagree. */
export function createFakeClock(startsAt = Date.UTC(2026, 0, 1)): FakeClock {
  let now = 0;
  const sleepers = new Set<Sleeper>();
  let announce = Promise.withResolvers<void>();

  const first = (): Sleeper | undefined => {
    let earliest: Sleeper | undefined;
    for (const sleeper of sleepers) if (!earliest || sleeper.due < earliest.due) earliest = sleeper;
    return earliest;
  };

  return {
    now: () => now,
    date: () => new Date(startsAt + now),
    sleep: async (ms, signal) => {
      await untilCalled((resolve) => {
        const sleeper = { due: now + ms, wake: resolve };
        sleepers.add(sleeper);
        announce.resolve();
        return () => sleepers.delete(sleeper);
      }, signal);
    },
    advance: async (ms) => {
      const end = now + ms;
      await setImmediate();
      for (let next = first(); next && next.due <= end; next = first()) {
        now = Math.max(now, next.due);
        sleepers.delete(next);
        next.wake();
        await setImmediate();
      }
      now = end;
    },
    untilAsleep: async () => {
      for (let next = first(); ; next = first()) {
        if (next) return next.due - now;
        announce = Promise.withResolvers();
        await announce.promise;
      }
    },
  };
}
