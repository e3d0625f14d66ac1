import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { textOf } from '../model/fault.ts';
import { present } from '../model/present.ts';
import { formatTraceparent, parseTraceparent, type SpanContext } from './traceparent.ts';
import {
  AS_IT_IS,
  NO_SPAN,
  type Attributes,
  type EntryStart,
  type OpenSpan,
  type Span,
  type SpanStart,
  type Tracer,
} from './tracer.ts';

/** A span that has ended. */
export interface EndedSpan extends SpanContext {
  readonly parentId?: string;
  readonly link?: SpanContext;
  readonly name: string;
  readonly kind: SpanStart['kind'];
  /** In ms since 1970, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** Why it failed; absent: it did not. */
  readonly failure?: string;
}

export interface TracerOptions {
  /** The part of new traces that is recorded, from 0 to 1. A trace that comes from elsewhere has decided already. */
  readonly sampling: number;
  /** Given every recorded span once it has ended. Must neither throw nor wait. */
  readonly onEnd: (span: EndedSpan) => void;
}

/** A span under way, or that nothing of its trace is recorded. */
interface Context extends SpanContext {
  /** Added to performance.now(): the clock of one trace must not be set while it is measured. */
  readonly epochMs: number;
}

/** A tracer that records. What is under way is known by asynchronous context, so that no layer passes it on. */
export function createTracer({ sampling, onEnd }: TracerOptions): Tracer {
  const contexts = new AsyncLocalStorage<Context | undefined>();
  const open = (own: Context, start: SpanStart, more: Pick<EndedSpan, 'parentId' | 'link'>): OpenSpan =>
    record(own, start, { more, onEnd, inside: (work) => contexts.run(own, work) });

  const begin = (start: SpanStart): OpenSpan => {
    const parent = contexts.getStore();
    return parent?.sampled ? open({ ...parent, spanId: newId(8) }, start, { parentId: parent.spanId }) : NO_SPAN;
  };
  return {
    enter: (start, work) => {
      const { own, parentId } = contextOf(start, sampling);
      if (!own.sampled) return contexts.run(own, () => work(NO_SPAN));
      return spanned(open(own, start, present({ parentId, link: parseTraceparent(start.link) })), work);
    },
    begin,
    within: (start, work) => {
      const span = begin(start);
      return span === NO_SPAN ? work(span) : spanned(span, work);
    },
    here: () => {
      const own = contexts.getStore();
      return own?.sampled ? (work) => contexts.run(own, work) : AS_IT_IS;
    },
    outside: (work) => contexts.run(undefined, work),
    traceparent: () => {
      const own = contexts.getStore();
      return own?.sampled ? formatTraceparent(own) : undefined;
    },
  };
}

function contextOf({ parent }: EntryStart, sampling: number): { readonly own: Context; readonly parentId?: string } {
  const asked = parseTraceparent(parent);
  const own = { spanId: newId(8), epochMs: Date.now() - performance.now() };
  if (asked) return { own: { ...own, traceId: asked.traceId, sampled: asked.sampled }, parentId: asked.spanId };
  const traceId = newId(16);
  return { own: { ...own, traceId, sampled: isSampled(traceId, sampling) } };
}

/** The last seven bytes of an identifier are random for everybody (W3C Trace Context, level 2). */
const RANDOM_DIGITS = 14;
const isSampled = (traceId: string, part: number): boolean =>
  Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) < part * 16 ** RANDOM_DIGITS;

/** All zeros would be none; of random bytes they are as likely as a collision. */
const newId = (bytes: number): string => randomBytes(bytes).toString('hex');

async function spanned<T>(span: OpenSpan, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await span.inside(() => work(span));
  } catch (error) {
    span.fail(textOf(error));
    throw error;
  } finally {
    span.end();
  }
}

interface Recording {
  readonly more: Pick<EndedSpan, 'parentId' | 'link'>;
  readonly inside: OpenSpan['inside'];
  readonly onEnd: TracerOptions['onEnd'];
}

function record({ epochMs, ...own }: Context, start: SpanStart, { more, inside, onEnd }: Recording): OpenSpan {
  const { name, kind } = start;
  const startMs = epochMs + performance.now();
  let attributes: Attributes = start.attributes ?? {};
  let failure: string | undefined;
  let isOver = false;
  return {
    inside,
    set: (added) => void (attributes = { ...attributes, ...added }),
    fail: (message) => void (failure ??= message),
    forget: () => void (isOver = true),
    end: () => {
      if (isOver) return;
      isOver = true;
      const endMs = epochMs + performance.now();
      onEnd({ ...own, ...more, name, kind, startMs, endMs, attributes, ...present({ failure }) });
    },
  };
}
