import type { Component } from '../daemon/lifecycle.ts';
import { background } from '../daemon/background.ts';
import { textOf } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import { systemClock, type Clock } from '../wait/clock.ts';
import { exportRequest } from './otlp.ts';
import { createPoster, type Answer, type Poster } from './post.ts';
import type { EndedSpan } from './recording-tracer.ts';
import type { Attributes } from './tracer.ts';

/** `full`: more came than are sent. `unsent`: the collector did not take them. `refused`: it took others of them. */
export type DropReason = 'full' | 'unsent' | 'refused';

export interface ExporterOptions {
  readonly endpoint: URL;
  /** What is told of this process. */
  readonly resource: Attributes;
  readonly log: Log;
  readonly onSent: (spans: number) => void;
  readonly onDropped: (spans: number, why: DropReason) => void;
  /** Absent: the machine's. */
  readonly clock?: Clock;
}

export interface Exporter {
  /** Takes a span to send later, or drops it where too many wait. */
  readonly add: (span: EndedSpan) => void;
  readonly component: Component;
}

const EVERY_MS = 1000;
/** So many spans wait at most, some 2 MB, and so many are sent with one call. */
const MAX_WAITING = 2048;
const MAX_BATCH = 256;
/** A collector gets so long for one call, and what is left when the process ends for all of them. */
const CALL_MS = 5000;
const LAST_MS = 2000;
/** A collector that restarts is waited for; one that was not there for as long is asked once for each batch. */
const PAUSES_MS = [1000, 2000];
/** What OTLP says may be sent again. */
const MAY_RETRY = [429, 502, 503, 504];

/** Sends spans to a collector, some at a time. What it does not take is dropped and counted: nobody waits for it. */
export function createExporter(options: ExporterOptions): Exporter {
  const { onDropped, clock = systemClock } = options;
  const waiting: EndedSpan[] = [];
  const poster = createPoster(options.endpoint);
  const send = createSender(poster, { ...options, clock });
  const sendAll = async (signal: AbortSignal): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH);
      if (!(await send(batch, signal))) return void waiting.unshift(...batch);
    }
  };
  const sending = background('traces', async (signal) => {
    while (!signal.aborted) {
      await clock.sleep(EVERY_MS, signal).catch(() => {});
      await sendAll(signal);
    }
  });
  return {
    add: (span) => {
      if (waiting.length < MAX_WAITING) waiting.push(span);
      else onDropped(1, 'full');
    },
    component: {
      ...sending,
      stop: async () => {
        await sending.stop();
        await sendAll(AbortSignal.timeout(LAST_MS));
        poster.close();
        if (waiting.length > 0) onDropped(waiting.splice(0).length, 'unsent');
      },
    },
  };
}

/** Sends a batch or gives it up; false when it was cut, and can be sent later. Never throws. */
type Send = (batch: readonly EndedSpan[], signal: AbortSignal) => Promise<boolean>;

type SenderOptions = ExporterOptions & { readonly clock: Clock };

function createSender(poster: Poster, { endpoint, resource, log, onSent, onDropped, clock }: SenderOptions): Send {
  let isDown = false;
  const tell = (err?: string): void => {
    const was = isDown;
    isDown = err !== undefined;
    if (isDown && !was) log.warn({ address: endpoint.href, err }, 'spans are dropped: the collector takes none');
    if (!isDown && was) log.info({ address: endpoint.href }, 'the collector takes spans again');
  };
  return async (batch, signal) => {
    const call = async (): Promise<Answer> =>
      poster.post(exportRequest(resource, batch), AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]));
    let outcome = await attempt(call);
    for (const pauseMs of isDown ? [] : PAUSES_MS) {
      if (outcome.problem === undefined || outcome.isFinal) break;
      await clock.sleep(pauseMs, signal).catch(() => {}); // cut: the next call is, too
      outcome = await attempt(call);
    }
    const { problem, rejected = 0 } = outcome;
    if (problem !== undefined && signal.aborted) return false;
    tell(problem);
    if (problem === undefined) onSent(Math.max(0, batch.length - rejected));
    const dropped = problem === undefined ? rejected : batch.length;
    if (dropped > 0) onDropped(dropped, problem === undefined ? 'refused' : 'unsent');
    return true;
  };
}

interface Outcome {
  /** Why the collector did not take them. */
  readonly problem?: string;
  /** It would not the next time either. */
  readonly isFinal?: boolean;
  /** How many of them it did not take. */
  readonly rejected?: number;
}

async function attempt(post: () => Promise<Answer>): Promise<Outcome> {
  try {
    const { status, body } = await post();
    if (status >= 200 && status < 300) return { rejected: rejectedIn(body) };
    return { problem: `it answers ${status}`, isFinal: !MAY_RETRY.includes(status) };
  } catch (error) {
    return { problem: textOf(error) };
  }
}

/** `partialSuccess.rejectedSpans` of an answer, a 64-bit number and so a string; 0 where nothing is said. */
function rejectedIn(body: string): number {
  try {
    const said = JSON.parse(body) as { partialSuccess?: { rejectedSpans?: string | number } } | null;
    return Math.max(0, Number(said?.partialSuccess?.rejectedSpans ?? 0) || 0);
  } catch {
    return 0;
  }
}
