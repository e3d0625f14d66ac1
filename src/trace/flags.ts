import { custom } from '../daemon/flag-types.ts';

/** Where spans go, and of which part of the traces. */
export interface TraceConfig {
  /** Of the collector's traces, with its path. */
  readonly endpoint: URL;
  readonly sampling: number;
}

/** The flags of every program that can tell traces. */
export const TRACE_FLAGS = {
  'trace-endpoint': custom({
    placeholder: 'URL',
    default: '',
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    parse: parseTraceEndpoint,
    doc: 'Where a collector takes OpenTelemetry traces by OTLP over HTTP, such as http://collector.monitoring:4318; /v1/traces is added. Without it no trace is made.',
  }),
  'trace-sampling': custom({
    placeholder: 'PART',
    default: '1',
    parse: parsePart,
    doc: 'The part of the traces that is recorded, from 0 to 1; one that a caller began is recorded as the caller says.',
  }),
};

/** Undefined: no trace is made. */
export const traceConfigOf = (flags: {
  readonly 'trace-endpoint': URL | undefined;
  readonly 'trace-sampling': number;
}): TraceConfig | undefined =>
  flags['trace-endpoint'] && { endpoint: flags['trace-endpoint'], sampling: flags['trace-sampling'] };

const TRACES = '/v1/traces';

function parseTraceEndpoint(given: string): URL | undefined {
  if (given === '' || given === 'none') return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error(`"${given}" must be a URL such as http://collector.monitoring:4318`);
  if (url.username !== '' || url.password !== '')
    throw new Error('must have no user and no password: they would be logged');
  if (url.search !== '' || url.hash !== '') throw new Error(`"${given}" must end with its path`);
  const prefix = url.pathname.replace(/\/+$/, '');
  url.pathname = prefix.endsWith(TRACES) ? prefix : prefix + TRACES;
  return url;
}

function parsePart(given: string): number {
  const value = /^\d*\.?\d+$/.test(given) ? Number(given) : Number.NaN;
  if (value >= 0 && value <= 1) return value;
  throw new Error(`"${given}" must be a number from 0 to 1`);
}
