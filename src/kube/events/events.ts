import { randomBytes } from 'node:crypto';
import { backoffMs, type Backoff } from '../../wait/backoff.ts';
import type { KubeClient } from '../client.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { orAborted, whenAborted } from '../../wait/abort.ts';
import { ApiError } from '../errors.ts';
import {
  countOf,
  eventName,
  eventNamespace,
  eventObject,
  EVENTS,
  type EventSource,
  type Occurrence,
} from './event-object.ts';
import { createSeriesQueue, type EventSeries } from './event-series.ts';
import type { Log } from '../../model/log.ts';
import { unlessGone } from '../find.ts';

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  /** Shown as the Event's source. */
  readonly source: EventSource;
  readonly log: Log;
  /**
   * Events that one object may cause at once, and ms until it may cause one more. Absent: 25 and five minutes, as other
   * controllers.
   */
  readonly burst?: number;
  readonly refillMs?: number;
  /** Different Events that may wait to be written; more are left out. Absent: 500. */
  readonly maxWaiting?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Tells people what happens to an object, where `kubectl describe` shows it. */
export interface EventRecorder {
  /** Never waits and never throws. The same thing again raises the count of its Event. */
  record(occurrence: Occurrence): void;
  /** Writes until aborted, and then for two seconds at most what still waits. To be called once. */
  run(signal: AbortSignal): Promise<void>;
}

const FLUSH_MS = 2000;
const MAX_TRIES = 5;
const BACKOFF: Backoff = { baseMs: 1000, maxMs: 30_000 };
/** Series and subjects remembered. */
const MAX_KNOWN = 4096;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, source, log, clock = systemClock, random = Math.random } = options;
  const { burst = 25, refillMs = 300_000, maxWaiting = 500 } = options;
  const queue = createSeriesQueue({ burst, refillMs, max: MAX_KNOWN, maxWaiting, clock, nameFor });
  let arrival = Promise.withResolvers<void>();

  /** Ms to wait before the next write. */
  const failed = (series: EventSeries, err: unknown, isEnding: boolean): number => {
    series.failures += 1;
    const fields = { ...toldOf(series.occurrence), err };
    if (isEnding || series.failures >= MAX_TRIES || !isPassing(err)) {
      series.failures = 0;
      log.warn(fields, 'an Event could not be written');
      return 0;
    }
    log.debug(fields, 'an Event waits for another try');
    queue.putBack(series);
    return Math.max(err instanceof ApiError ? (err.retryAfterMs ?? 0) : 0, backoffMs(series.failures, BACKOFF, random));
  };

  const writeNext = async (stop: AbortSignal, end: AbortSignal): Promise<boolean> => {
    const series = queue.take();
    if (!series) return false;
    try {
      await write(client, source, series, end);
      series.failures = 0;
    } catch (error) {
      const waitMs = failed(series, error, stop.aborted);
      if (waitMs > 0) await clock.sleep(waitMs, stop).catch(() => {});
    }
    return true;
  };

  return {
    record: (occurrence) => {
      if (queue.add(occurrence)) arrival.resolve();
      else log.debug(toldOf(occurrence), 'an Event was left out');
    },
    run: async (stop) => {
      const end = new AbortController();
      void whenAborted(stop)
        .then(() => clock.sleep(FLUSH_MS, end.signal))
        .then(
          () => end.abort(new Error('no time left to write Events')),
          () => {},
        );
      while (!end.signal.aborted) {
        // Both before the queue is asked: what arrives meanwhile must not be missed.
        arrival = Promise.withResolvers();
        const isEnding = stop.aborted;
        if (await writeNext(stop, end.signal)) continue;
        if (isEnding) break;
        await orAborted(arrival.promise, stop).catch(() => {});
      }
      end.abort();
    },
  };
}

/** What a line about an Event names. */
const toldOf = ({ reason, subject }: Occurrence) => ({ code: reason, object: `${subject.kind}/${subject.name}` });

const nameFor = ({ subject }: Occurrence): string => eventName(subject, randomBytes(8).toString('hex'));

/** Whether another try may do better: no answer, too many calls, trouble in the server. */
const isPassing = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 0 || error.code === 429 || error.code >= 500);

async function write(
  client: EventRecorderOptions['client'],
  source: EventSource,
  series: EventSeries,
  signal: AbortSignal,
): Promise<void> {
  const { occurrence } = series;
  if (series.isCreated) {
    const key = { name: series.name, namespace: eventNamespace(occurrence.subject) };
    if (await unlessGone(client.patch(EVENTS, key, { type: 'merge', body: countOf(series) }, signal))) return;
    // The server forgets Events, after an hour as a rule: the thing goes on under a new name.
    series.isCreated = false;
    series.name = nameFor(occurrence);
  }
  await client.create(EVENTS, eventObject(occurrence, source, series), signal);
  series.isCreated = true;
}
