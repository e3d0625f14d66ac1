import { createBoundedMap } from './bounded-map.ts';
import type { Clock } from '../../wait/clock.ts';

export interface TokenBucketOptions {
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** Ms in which one token grows back. */
  readonly refillMs: number;
  /** Buckets remembered; one that is forgotten is full again. */
  readonly max: number;
}

/** A bucket of tokens by key; `take` tells whether there was one left. */
export interface TokenBuckets {
  take(key: string): boolean;
}

export function createTokenBuckets({ burst, refillMs, max }: TokenBucketOptions, clock: Clock): TokenBuckets {
  const buckets = createBoundedMap<{ readonly tokens: number; readonly at: number }>(max);
  return {
    take: (key) => {
      const now = clock.now();
      const { tokens: before, at } = buckets.get(key) ?? { tokens: burst, at: now };
      const tokens = Math.min(burst, before + (now - at) / refillMs);
      const isLeft = tokens >= 1;
      buckets.set(key, { tokens: isLeft ? tokens - 1 : tokens, at: now });
      return isLeft;
    },
  };
}
