/** Where a span is: its trace, itself, and whether the trace is recorded. */
export interface SpanContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Version, trace, parent and flags; a version later than 00 may have more after them. */
const FORM = /^(?!ff|00.{53}-)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

/**
 * Reads a `traceparent` (https://www.w3.org/TR/trace-context/). Undefined for whatever is none: the trace then begins
 * anew, as the standard asks.
 */
export function parseTraceparent(text: unknown): SpanContext | undefined {
  const [, traceId, spanId, flags = ''] = (typeof text === 'string' && FORM.exec(text)) || [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

export const formatTraceparent = ({ traceId, spanId, sampled }: SpanContext): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
