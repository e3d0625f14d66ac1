import type { IncomingHttpHeaders } from 'node:http';

/**
 * The time by the API server's clock, from the Date of its answers: the clock of whoever runs the doctor may be wrong,
 * and all ages would be.
 */
export function createServerClock(now: () => number) {
  let ahead = 0;
  return {
    heard: ({ date }: IncomingHttpHeaders): void => {
      const told = Date.parse(date ?? '');
      if (!Number.isNaN(told)) ahead = told - now();
    },
    /** Ms since 1970; our own clock before the first answer. */
    now: (): number => now() + ahead,
  };
}
