import type { Log } from '../../model/log.ts';
import type { Change } from './object-cache.ts';

/** Told of every change, after the view has it. What a handler throws is logged and counted, no more. */
export interface Handlers<P> {
  /** `before` is absent for a new object. */
  readonly changed?: (now: P, before: P | undefined) => void;
  /** The object as it was last. */
  readonly deleted?: (last: P) => void;
}

/** Subscribers to changes. One that throws disturbs neither the others nor the one who tells them. */
export interface Audience<P> {
  /**
   * Runs `work` and tells every subscriber what it changed. What it or a handler throws is logged and goes no further.
   */
  tell(work: () => readonly Change<P>[]): void;
  /** Tells of all present objects at once, then of changes until the returned function is called. */
  subscribe(handlers: Handlers<P>, present: Iterable<P>): () => void;
  /** Things thrown so far. */
  errors(): number;
}

export interface AudienceOptions<P> {
  /** Named in the log. */
  readonly resource: string;
  readonly same?: ((a: P, b: P) => boolean) | undefined;
  readonly log: Log;
}

export function createAudience<P>({ resource, same, log }: AudienceOptions<P>): Audience<P> {
  const subscribers = new Set<Handlers<P>>();
  let errors = 0;

  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (err) {
      errors += 1;
      log.error({ resource, err }, 'handling a change failed');
    }
  };

  const hand = (handlers: Handlers<P>, change: Change<P>): void => {
    if (!('now' in change)) handlers.deleted?.(change.before as P);
    else if (!('before' in change)) handlers.changed?.(change.now, undefined);
    else if (!same?.(change.before, change.now)) handlers.changed?.(change.now, change.before);
  };

  return {
    tell: (work) =>
      guarded(() => {
        for (const change of work()) {
          for (const handlers of subscribers) guarded(() => hand(handlers, change));
        }
      }),
    subscribe: (handlers, present) => {
      subscribers.add(handlers);
      for (const now of present) guarded(() => hand(handlers, { now }));
      return () => void subscribers.delete(handlers);
    },
    errors: () => errors,
  };
}
