import type { Route, Verb } from './route.ts';

/** Which requests meet a trouble; what is absent matches all. */
export interface TroubleMatch {
  readonly verb?: Verb;
  /** Plural, such as `pods`. */
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/**
 * What happens instead of an answer: a Status with this code; `reset`, the connection breaks and nothing was done;
 * `lost`, it breaks after the work was done; `hang`, nothing ever comes.
 */
export type Trouble =
  | 'reset'
  | 'lost'
  | 'hang'
  | { readonly code: number; readonly reason?: string; readonly message?: string; readonly retryAfterSeconds?: number };

/** A trouble that was put in. */
export interface Injected {
  /** How many requests it has met. */
  hits(): number;
  remove(): void;
}

/** Troubles to order, for tests. */
export interface Troubles {
  /** The next `times` matching requests (1 unless told) get into this trouble. */
  fail(match: TroubleMatch, trouble: Trouble, times?: number): Injected;
  /** Matching requests are answered `ms` later than they came. */
  delay(match: TroubleMatch, ms: number): Injected;
  /** Matching watches, open or to come, stay open and never say anything again. */
  silenceWatches(match?: TroubleMatch): Injected;
  /** Ends matching open watches: properly, or by breaking the connection. Returns how many. */
  cutWatches(how: 'end' | 'reset', match?: TroubleMatch): number;
  /** Forgets all history: older watches and pages get 410. */
  compact(): void;
  /** Removes every trouble that was put in. */
  clear(): void;
}

/** An open watch, as troubles get at it. */
export interface OpenWatch {
  readonly route: Route;
  end(): void;
  reset(): void;
  silence(): void;
}

/** The server's side: what is in store for a request. */
export interface TroublePlan {
  readonly troubles: Troubles;
  /** Takes one trouble off, if there is one for this request. */
  troubleFor(route: Route): Trouble | undefined;
  /** In ms. */
  delayFor(route: Route): number;
  /** Notes a watch until the function that is returned is called. */
  opened(watch: OpenWatch): () => void;
}

interface Entry {
  readonly match: TroubleMatch;
  readonly trouble?: Trouble;
  readonly delayMs?: number;
  readonly silent?: boolean;
  readonly times: number;
  hits: number;
}

/** `compact` forgets the store's history. */
export function createTroublePlan(compact: () => void): TroublePlan {
  const entries = new Set<Entry>();
  const watches = new Set<OpenWatch>();
  const find = (route: Route) => [...entries].filter((entry) => matches(entry.match, route));

  return {
    troubles: orders(entries, watches, compact),
    troubleFor(route) {
      const entry = find(route).find(({ trouble }) => trouble !== undefined);
      if (entry === undefined) return undefined;
      entry.hits += 1;
      if (entry.hits >= entry.times) entries.delete(entry);
      return entry.trouble;
    },
    delayFor(route) {
      const delays = find(route).filter(({ delayMs }) => delayMs !== undefined);
      for (const entry of delays) entry.hits += 1;
      return Math.max(0, ...delays.map(({ delayMs = 0 }) => delayMs));
    },
    opened(watch) {
      watches.add(watch);
      for (const entry of find(watch.route).filter(({ silent }) => silent === true)) {
        entry.hits += 1;
        watch.silence();
      }
      return () => void watches.delete(watch);
    },
  };
}

/** The test's side. */
function orders(entries: Set<Entry>, watches: ReadonlySet<OpenWatch>, compact: () => void): Troubles {
  function put(order: Omit<Entry, 'hits'>): Injected {
    const entry: Entry = { ...order, hits: 0 };
    entries.add(entry);
    for (const watch of entry.silent === true ? open(entry.match) : []) {
      entry.hits += 1;
      watch.silence();
    }
    return { hits: () => entry.hits, remove: () => void entries.delete(entry) };
  }
  const open = (match: TroubleMatch) => [...watches].filter((watch) => matches(match, watch.route));
  const always = Number.POSITIVE_INFINITY;

  return {
    fail: (match, trouble, times = 1) => put({ match, trouble, times }),
    delay: (match, delayMs) => put({ match, delayMs, times: always }),
    silenceWatches: (match = {}) => put({ match, silent: true, times: always }),
    cutWatches(how, match = {}) {
      const cut = open(match);
      for (const watch of cut) {
        if (how === 'end') watch.end();
        else watch.reset();
      }
      return cut.length;
    },
    compact,
    clear: () => entries.clear(),
  };
}

const matches = (match: TroubleMatch, route: Route): boolean =>
  (match.verb === undefined || match.verb === route.verb) &&
  (match.resource === undefined || match.resource === route.kind.plural) &&
  (match.namespace === undefined || match.namespace === route.namespace) &&
  (match.name === undefined || match.name === route.name) &&
  (match.subresource === undefined || match.subresource === route.subresource);
