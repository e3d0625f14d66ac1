import { Gate } from '../daemon/gate.ts';
import { Denied } from './denied.ts';

/** So many calls are answered at a time, and so many wait for one of them to end. */
const AT_ONCE = 4;
const WAITING = 64;

/** Runs work of which only some is done at a time: people who look must not keep the operator from its work. */
export type Turnstile = <T>(work: () => Promise<T>) => Promise<T>;

/** Its function throws Denied 503 when too many wait. */
export function createTurnstile(atOnce = AT_ONCE, mayWait = WAITING): Turnstile {
  const gate = new Gate(atOnce);
  const never = new AbortController().signal;
  return async (work) => {
    if (!gate.isOpen && gate.waiting >= mayWait) throw new Denied(503, 'too many people look at once: ask again', 5);
    return gate.run(work, never);
  };
}
