import { createTracer, type EndedSpan } from './recording-tracer.ts';
import type { Tracer } from './tracer.ts';

/** A tracer that records everything, and what it recorded. */
export function createFakeTracer(): {
  readonly tracer: Tracer;
  readonly ended: EndedSpan[];
  /** The first span of that name. Throws Error when there is none. */
  readonly find: (name: string) => EndedSpan;
} {
  const ended: EndedSpan[] = [];
  const find = (name: string): EndedSpan => {
    const found = ended.find((span) => span.name === name);
    if (!found) throw new Error(`no span is called ${name}: ${ended.map((span) => span.name).join(', ')}`);
    return found;
  };
  return { tracer: createTracer({ sampling: 1, onEnd: (span) => ended.push(span) }), ended, find };
}
