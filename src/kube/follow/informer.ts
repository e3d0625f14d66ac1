import { textOf } from '../../model/fault.ts';
import type { KubeObject } from '../../model/objects.ts';
import { createAudience, type Handlers } from './audience.ts';
import { backoffMs, type Backoff } from '../../wait/backoff.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { orAborted } from '../../wait/abort.ts';
import { ApiError, isGone, WatchEventError } from '../errors.ts';
import { createListWatch, WHOLE_WATCH_MS, type ListWatch, type ListWatchOptions } from './list-watch.ts';
import type { Log } from '../../model/log.ts';
import { createObjectCache, type ObjectCache } from './object-cache.ts';

export interface InformerOptions<T extends KubeObject, P> extends ListWatchOptions<T> {
  /**
   * The part of an object that is kept: what it leaves out costs no memory. An object it throws on is logged and left
   * as it was.
   */
  readonly project: (object: T) => P;
  /** Whether two projections are the same for all handlers, which are not told then. */
  readonly same?: (a: P, b: P) => boolean;
  readonly log: Log;
  readonly backoff?: Backoff;
  readonly clock?: Clock;
}

export interface InformerHealth {
  readonly synced: boolean;
  /** Tries to list or watch that failed in a row. */
  readonly failures: number;
  readonly lastError: string | undefined;
  /** Errors that handlers or `project` have thrown since the start. */
  readonly handlerErrors: number;
  /** Lists that were read to their end since the start. More than one: the server no longer knew our version. */
  readonly lists: number;
  /** Ms since the server last told something, bookmarks too (one a minute); undefined before the first list. */
  readonly silentMs: number | undefined;
}

/** Our view of the objects of one kind. */
export interface Informer<T extends KubeObject, P> {
  /** Follows the server until aborted, whatever happens; resolves then. To be called once. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * True once all that existed at the start has been told. Stays true: a later failure makes the view old, not partial.
   */
  hasSynced(): boolean;
  whenSynced(signal: AbortSignal): Promise<void>;
  /** By `namespace/name`, or `name` of a cluster-scoped object. */
  get(key: string): P | undefined;
  readonly values: ReadonlyMap<string, P>;
  /** Tells of all present objects at once, then of changes until the returned function is called. */
  subscribe(handlers: Handlers<P>): () => void;
  /** Takes in the answer to a write of our own before its event comes; does nothing when the view is past it. */
  wrote(object: T): void;
  health(): InformerHealth;
}

const BACKOFF: Backoff = { baseMs: 1000, maxMs: 30_000 };
/** A watch that told nothing and ended sooner counts as failed, or a broken server would be asked without pause. */
const SHORT_MS = 1000;
/** A watch that lived so long was healthy, though it told nothing. */
const HEALTHY_MS = 60_000;
/**
 * After so many of these failures in a row only a new list helps: an etcd restored from a backup is behind our version,
 * or what comes after it cannot be read.
 */
const MAX_VERSION_FAILURES = 3;
const VERSION_REFUSALS = [400, 504];

/**
 * Lists in pages, watches from there with bookmarks, and goes on after any failure from the last version heard; lists
 * again only when the server no longer knows that version, or does not know it yet. The waits between failures are
 * jittered and never shorter than the server asked for.
 */
export function createInformer<T extends KubeObject, P>(options: InformerOptions<T, P>): Informer<T, P> {
  const { same, log, clock = systemClock, backoff = BACKOFF, random = Math.random } = options;
  const resource = options.resource.plural;
  const cache = createObjectCache(options.project);
  const audience = createAudience<P>({ resource, same, log });
  const listWatch = createListWatch(options, cache, audience);
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  const hearing = createHearing(clock);
  const doubt = createDoubt(listWatch, cache, () =>
    log.warn({ resource }, 'the API server knows less than before, as after a restore of etcd: all is listed anew'),
  );

  const retries = createRetries(listWatch, { resource, backoff, random, log });

  const follow = async (signal: AbortSignal): Promise<void> => {
    await doubt.settle(signal);
    if (cache.version() === '') {
      await listWatch.list(retries.isWell, signal);
      hearing.listed();
    }
    isSynced = true;
    synced.resolve();
    const told = (): void => {
      retries.isWell();
      hearing.told();
    };
    await listWatch.watch(told, signal);
  };

  return {
    run: async (signal) => {
      while (!signal.aborted) {
        const startedAt = clock.now();
        const error = await follow(signal).catch((error: unknown) => error ?? new Error('failed without an error'));
        if (signal.aborted) return;
        const livedMs = clock.now() - startedAt;
        doubt.note(error, livedMs);
        const retryMs = retries.waitAfter(error, livedMs);
        if (retryMs > 0) await clock.sleep(retryMs, signal).catch(() => {});
      }
    },
    hasSynced: () => isSynced,
    whenSynced: (signal) => orAborted(synced.promise, signal),
    get: (key) => cache.values.get(key),
    values: cache.values,
    subscribe: (handlers) => audience.subscribe(handlers, cache.values.values()),
    wrote: (object) => audience.tell(() => cache.wrote(object)),
    health: () => ({
      ...{ synced: isSynced, handlerErrors: audience.errors() },
      ...retries.health(),
      ...hearing.health(),
    }),
  };
}

/** Counts failures in a row, and says how long to wait after each. */
function createRetries(
  { startOver }: Pick<ListWatch, 'startOver'>,
  {
    resource,
    backoff,
    random,
    log,
  }: { readonly resource: string; readonly backoff: Backoff; readonly random: () => number; readonly log: Log },
) {
  let failures = 0;
  let lastError: string | undefined;
  const isWell = (): void => {
    failures = 0;
    lastError = undefined;
  };
  return {
    isWell,
    /** Ms to wait before the next try, after an error or (undefined) a watch that simply ended. */
    waitAfter: (error: unknown, livedMs: number): number => {
      if (livedMs >= HEALTHY_MS) isWell();
      if (error === undefined && livedMs >= SHORT_MS) return 0;
      failures += 1;
      if (isGone(error) || (failures >= MAX_VERSION_FAILURES && isOfVersion(error))) startOver();
      const retryMs = Math.max(retryAfterMs(error), Math.round(backoffMs(failures, backoff, random)));
      if (error !== undefined) {
        lastError = textOf(error);
        log.warn({ resource, count: failures, ms: retryMs, err: error }, 'lost touch with a resource');
      }
      return retryMs;
    },
    health: (): Pick<InformerHealth, 'failures' | 'lastError'> => ({ failures, lastError }),
  };
}

/** Whether the server may have another store since the watch was cut; calls `onBehind` where it has an older one. */
function createDoubt(
  { isBehind, startOver }: Pick<ListWatch, 'isBehind' | 'startOver'>,
  { version }: Pick<ObjectCache<KubeObject, unknown>, 'version'>,
  onBehind: () => void,
) {
  let isInDoubt = false;
  return {
    note: (error: unknown, livedMs: number): void => {
      isInDoubt ||= error !== undefined || livedMs < WHOLE_WATCH_MS;
    },
    settle: async (signal: AbortSignal): Promise<void> => {
      if (isInDoubt && version() !== '' && (await isBehind(signal))) {
        onBehind();
        startOver();
      }
      isInDoubt = false;
    },
  };
}

/** Remembers when the server last told something, and how many lists it gave. */
function createHearing(clock: Clock) {
  let lists = 0;
  let heardAt: number | undefined;
  const told = (): void => {
    heardAt = clock.now();
  };
  return {
    told,
    listed: (): void => {
      lists += 1;
      told();
    },
    health: (): Pick<InformerHealth, 'lists' | 'silentMs'> => ({
      lists,
      silentMs: heardAt === undefined ? undefined : clock.now() - heardAt,
    }),
  };
}

const isOfVersion = (error: unknown): boolean =>
  error instanceof WatchEventError ||
  (error instanceof ApiError && (VERSION_REFUSALS.includes(error.code) || error.reason === 'BadAnswer'));

const retryAfterMs = (error: unknown): number => (error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
