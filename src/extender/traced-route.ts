import type { FastifyReply, FastifyRequest } from 'fastify';
import { present } from '../model/present.ts';
import type { Refusal } from '../model/verdict.ts';
import type { Attributes, Span, Tracer } from '../trace/tracer.ts';
import type { Answer, Verb } from './verbs.ts';

/** Answers a call; with a span, tells it how. */
export type Route = (request: FastifyRequest, reply: FastifyReply, span?: Span) => Promise<FastifyReply>;

/** The same within a span of the caller's trace (header `traceparent`), or of a new one. */
export const tracedRoute =
  (verb: Verb, route: Route, tracer: Tracer): Route =>
  (request, reply) =>
    tracer.enter({ name: `extender ${verb}`, kind: 'server', parent: request.headers['traceparent'] }, (span) =>
      route(request, reply, span),
    );

/** kube-scheduler may ask about every pod of the cluster: those without a volume of ours are not told. */
export function tellAnswer(span: Span, answer: Answer): void {
  if (answer.outcome === 'not-ours') span.forget();
  else span.set(attributesOf(answer));
}

const attributesOf = ({ pod, outcome, node, refusals }: Answer): Attributes => ({
  ...{ pod, outcome },
  ...present({ node }),
  ...(refusals && {
    'nodes.asked': refusals.length,
    'nodes.fit': refusals.filter((refusal) => refusal === undefined).length,
    refusals: inWords(refusals),
  }),
});

/** So many different ones are told. */
const MOST_REFUSALS = 8;

/** `3 × no room …`, those of most nodes first. Equal refusals are one object. */
function inWords(refusals: readonly (Refusal | undefined)[]): readonly string[] {
  const counts = new Map<Refusal, number>();
  for (const refusal of refusals) if (refusal) counts.set(refusal, (counts.get(refusal) ?? 0) + 1);
  const most = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, MOST_REFUSALS);
  return most.map(([{ kind, message }, count]) => `${count} × ${kind}: ${message}`);
}
