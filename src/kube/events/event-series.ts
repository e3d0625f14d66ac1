import { createBoundedMap } from './bounded-map.ts';
import type { Clock } from '../../wait/clock.ts';
import { seriesKey, subjectKey, type Occurrence, type Series } from './event-object.ts';
import { createTokenBuckets, type TokenBucketOptions } from './token-buckets.ts';

/** The same thing happening again and again, and what the server knows of it. */
export interface EventSeries extends Series {
  readonly occurrence: Occurrence;
  name: string;
  count: number;
  last: Date;
  /** The server has an object for it. */
  isCreated: boolean;
  /** Writes of it that failed in a row. */
  failures: number;
}

/** Folds occurrences into series, and holds those that wait to be written; bounded in every direction. */
export interface SeriesQueue {
  /** Adds an occurrence. False when it will not be written: its subject has had too many, or too many wait. */
  add(occurrence: Occurrence): boolean;
  /** The series that has waited longest. */
  take(): EventSeries | undefined;
  /** It waits again, behind all others. */
  putBack(series: EventSeries): void;
}

export interface SeriesQueueOptions extends TokenBucketOptions {
  /** Series that may wait. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  /** A name for the Event of a new series. */
  readonly nameFor: (occurrence: Occurrence) => string;
}

export function createSeriesQueue(options: SeriesQueueOptions): SeriesQueue {
  const { maxWaiting, max, clock, nameFor } = options;
  const known = createBoundedMap<EventSeries>(max);
  const buckets = createTokenBuckets(options, clock);
  const waiting = new Map<string, EventSeries>();

  const countUp = (key: string, occurrence: Occurrence): EventSeries => {
    const now = clock.date();
    const series = known.get(key) ?? {
      occurrence,
      name: nameFor(occurrence),
      count: 0,
      first: now,
      last: now,
      isCreated: false,
      failures: 0,
    };
    series.count += 1;
    series.last = now;
    known.set(key, series);
    return series;
  };

  return {
    add: (occurrence) => {
      const key = seriesKey(occurrence);
      const series = countUp(key, occurrence);
      if (waiting.has(key)) return true;
      if (waiting.size >= maxWaiting || !buckets.take(subjectKey(occurrence.subject))) return false;
      waiting.set(key, series);
      return true;
    },
    take: () => {
      for (const [key, series] of waiting) {
        waiting.delete(key);
        return series;
      }
      return undefined;
    },
    putBack: (series) => void waiting.set(seriesKey(series.occurrence), series),
  };
}
