import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KubeClient } from '../kube/client.ts';
import { createTokenBuckets } from '../kube/events/token-buckets.ts';
import { textOf } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import type { Clock } from '../wait/clock.ts';
import { Denied } from './denied.ts';
import { reviewAccess, reviewToken, type Person, type Right } from './reviews.ts';

/** Who asks, and what they may see: by the API server's word alone. */
export interface Gate {
  /** Throws Denied 401 for nobody, 429 after too many tokens that were never good, 503 without the API server. */
  admit(authorization: string | undefined, address: string): Promise<Visitor>;
}

export interface Visitor {
  readonly name: string;
  /** Throws Denied 503 without the API server. */
  may(right: Right): Promise<boolean>;
}

export interface GateOptions {
  readonly client: Pick<KubeClient, 'create'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A right that is taken away ends so much later. */
const REMEMBER_MS = 30_000;
const REVIEW_MS = 10_000;
const MAX_TOKENS = 1000;
const MAX_RIGHTS = 4000;
/** Tokens that were never good: so many at once from one address, and one more in each of these times. */
const STRANGERS = { burst: 20, refillMs: 3000, max: 1000 };
/** The same from everywhere. */
const ALL_STRANGERS = { burst: 100, refillMs: 500, max: 1 };

/**
 * Asks for each token once in `REMEMBER_MS`, and for each right too. Of tokens only their hashes are kept. Whoever was
 * let in once is asked about however many strangers knock from the same address, as behind a proxy.
 */
export function createGate({ client, clock, log }: GateOptions): Gate {
  // Without a resolution it reads the clock each time.
  const remember = { ttl: REMEMBER_MS, ttlResolution: 0, perf: clock };
  const visitors = new LRUCache<string, Promise<Visitor | undefined>>({ max: MAX_TOKENS, ...remember });
  const known = new LRUCache<string, true>({ max: MAX_TOKENS });
  const rights = new LRUCache<string, Promise<boolean>>({ max: MAX_RIGHTS, ...remember });
  const strangers = createTokenBuckets(STRANGERS, clock);
  const allStrangers = createTokenBuckets(ALL_STRANGERS, clock);
  const visitorOf = (person: Person, hash: string): Visitor => ({
    name: person.username,
    may: (right) =>
      once(rights, `${hash} ${right.group}/${right.resource} ${right.namespace ?? ''}`, () =>
        asked('whether you may see that', reviewAccess(client, person, right, AbortSignal.timeout(REVIEW_MS))),
      ),
  });
  const review = async (token: string, hash: string, address: string): Promise<Visitor | undefined> => {
    const person = await asked('whose token it is', reviewToken(client, token, AbortSignal.timeout(REVIEW_MS)));
    if (!person) {
      known.delete(hash);
      log.warn({ method: 'page', code: 401, address }, 'a token was refused');
      return undefined;
    }
    if (!known.has(hash)) log.info({ method: 'page', user: person.username, address }, 'let in');
    known.set(hash, true);
    return visitorOf(person, hash);
  };
  return {
    admit: async (authorization, address) => {
      const token = tokenOf(authorization);
      const hash = createHash('sha256').update(token).digest('base64');
      const mayAsk = (): boolean => known.has(hash) || (strangers.take(address) && allStrangers.take(''));
      if (!visitors.has(hash) && !mayAsk())
        throw new Denied(429, 'too many tokens from your address were tried: wait a minute', 60);
      const visitor = await once(visitors, hash, () => review(token, hash, address));
      if (!visitor) throw new Denied(401, 'the API server does not know this token, or its time is over: get another');
      return visitor;
    },
  };
}

/** What RFC 6750 calls a bearer token. Throws Denied 401. */
function tokenOf(authorization = ''): string {
  const [, token] = /^bearer +([\w\-.~+/]+=*)$/i.exec(authorization) ?? [];
  if (token === undefined) throw new Denied(401, 'log in: a token of Kubernetes is needed, as Authorization: Bearer');
  return token;
}

/** The answer that is remembered, or under way; one that failed is forgotten. */
function once<T>(cache: LRUCache<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const known = cache.get(key);
  if (known) return known;
  const asking = ask();
  cache.set(key, asking);
  asking.catch(() => cache.delete(key));
  return asking;
}

async function asked<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new Denied(503, `the API server could not be asked ${what}: ${textOf(error)}`, 5);
  }
}
