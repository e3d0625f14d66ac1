import type { Component } from '../daemon/lifecycle.ts';
import type { Metrics } from '../daemon/metrics.ts';
import type { Log } from '../model/log.ts';
import { createExporter } from './exporter.ts';
import type { TraceConfig } from './flags.ts';
import { createTracer } from './recording-tracer.ts';
import { NO_TRACER, type Attributes, type Tracer } from './tracer.ts';

export interface TracingDeps {
  /** `service.name` and what else is told of this process. */
  readonly resource: Attributes;
  /** The first words of the names of its metrics. */
  readonly prefix: string;
  readonly registry: Metrics;
  readonly log: Log;
}

/** How a process tells traces: to be started before and stopped after what it tells of. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Absent: no trace is made, and nothing is counted. */
  readonly component?: Component;
}

/** As the flags say. */
export function createTracing(config: TraceConfig | undefined, deps: TracingDeps): Tracing {
  if (!config) return { tracer: NO_TRACER };
  const { resource, prefix, registry, log } = deps;
  const sent = registry.counter({
    name: `${prefix}_trace_spans_total`,
    help: 'Spans of traces that the collector took.',
  });
  const dropped = registry.counter({
    name: `${prefix}_trace_dropped_spans_total`,
    help: 'Spans of traces that were dropped: too many waited, or the collector did not take them.',
    labels: ['why'],
  });
  const { add, component } = createExporter({
    ...{ endpoint: config.endpoint, resource, log },
    onSent: (spans) => sent.add([], spans),
    onDropped: (spans, why) => dropped.add([why], spans),
  });
  return { tracer: createTracer({ sampling: config.sampling, onEnd: add }), component };
}
