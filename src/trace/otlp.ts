import type { EndedSpan } from './recording-tracer.ts';
import type { Attributes } from './tracer.ts';

/** Longer texts are cut: the settings of one lvm command may have thousands of devices. */
const MAX_CHARS = 1024;

const KINDS = { server: 2, client: 3 } as const;
const INTERNAL = 1;
const FAILED = 2;

/**
 * The body of an OTLP export in its JSON form (opentelemetry-proto, "JSON Protobuf Encoding"): identifiers in
 * hexadecimal digits, 64-bit numbers as decimal strings.
 */
export const exportRequest = (resource: Attributes, spans: readonly EndedSpan[]): string =>
  JSON.stringify({
    resourceSpans: [
      { resource: { attributes: keyValues(resource) }, scopeSpans: [{ scope: SCOPE, spans: spans.map(spanOf) }] },
    ],
  });

const SCOPE = { name: 'open-local' };

const spanOf = (span: EndedSpan) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
  name: span.name,
  kind: span.kind ? KINDS[span.kind] : INTERNAL,
  startTimeUnixNano: nanos(span.startMs),
  endTimeUnixNano: nanos(span.endMs),
  attributes: keyValues(span.attributes),
  ...(span.link ? { links: [{ traceId: span.link.traceId, spanId: span.link.spanId }] } : {}),
  status: span.failure === undefined ? {} : { code: FAILED, message: cut(span.failure) },
});

/** Nanoseconds are more than a number holds exactly; microseconds are not. */
const nanos = (ms: number): string => `${Math.round(ms * 1000)}000`;

const keyValues = (attributes: Attributes) =>
  Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: anyValue(value) }]));

type Value = NonNullable<Attributes[string]>;

function anyValue(value: Value): object {
  if (typeof value === 'string') return { stringValue: cut(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { arrayValue: { values: value.map(anyValue) } };
}

const cut = (text: string): string => (text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`);
