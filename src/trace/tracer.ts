/** What is told of a span, by names. Nothing that is secret: they leave the cluster's own objects. */
export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface SpanStart {
  readonly name: string;
  /** What others ask of this process, and what it asks of others; absent: its own work. */
  readonly kind?: 'server' | 'client';
  readonly attributes?: Attributes;
}

/** A span that begins where work comes into the process. Texts that are no traceparent count for nothing. */
export interface EntryStart extends SpanStart {
  /** The traceparent of whoever asked; absent: a new trace. */
  readonly parent?: unknown;
  /** The traceparent of a span that this is not part of, and has to do with. */
  readonly link?: unknown;
}

/** A span under way. */
export interface Span {
  /** Adds to what is told of it. */
  set(attributes: Attributes): void;
  /** Says that it failed, in words without secrets; the first words count. */
  fail(message: string): void;
  /** Says that it is not worth telling. */
  forget(): void;
}

/** Runs something as part of one span. */
export type Inside = <T>(work: () => T) => T;

export interface OpenSpan extends Span {
  readonly inside: Inside;
  end(): void;
}

/**
 * Tells what the process does as spans of traces. It never throws, waits for nobody, and passes on what the work
 * returns or throws. What is asynchronous knows by itself which span it is part of.
 */
export interface Tracer {
  /** Work that comes from outside, as a span of its trace or of a new one. */
  enter<T>(start: EntryStart, work: (span: Span) => Promise<T>): Promise<T>;
  /** Work as a part of the span under way; where there is none, it is told to nobody. */
  within<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>;
  /** As `within`, of what is no single function. */
  begin(start: SpanStart): OpenSpan;
  /** What runs things, whenever it is called, as part of the span that is under way now. */
  here(): Inside;
  /** Runs what is no part of the span under way, though that brought it about. */
  outside<T>(work: () => T): T;
  /** The traceparent of the span under way, where it is recorded. */
  traceparent(): string | undefined;
}

export const AS_IT_IS: Inside = (work) => work();

export const NO_SPAN: OpenSpan = { set: () => {}, fail: () => {}, forget: () => {}, inside: AS_IT_IS, end: () => {} };

/** Tells nobody anything. */
export const NO_TRACER: Tracer = {
  enter: (_, work) => work(NO_SPAN),
  within: (_, work) => work(NO_SPAN),
  begin: () => NO_SPAN,
  here: () => AS_IT_IS,
  outside: AS_IT_IS,
  traceparent: () => undefined,
};
