import { present } from '../../model/present.ts';
import { Fault } from '../../model/fault.ts';
import type { Refusal } from '../../model/verdict.ts';
import type { PodReader, Question, Reply } from './question.ts';
import type { PodBinding } from './binding.ts';
import { readPod } from './read-pod.ts';

/**
 * The extender's wire, k8s.io/kube-scheduler/extender/v1: Go structs without JSON tags, so keys are Go field names and
 * are read without regard to case. This is the readable reader and writer, good for any body; fast/ gives the same
 * answers faster.
 */

/** The nodes of a call: names (nodeCacheCapable: true), or whole Node objects beside their names. */
interface NodesOfCall {
  readonly names: readonly string[];
  readonly items?: readonly unknown[];
}

/** Reads ExtenderArgs. Throws Fault `invalid` that says what is wrong with the body. */
export function readQuestion(body: Buffer, reader: PodReader): Question {
  const args = fieldsOf(parseJson(body), 'the body');
  const pod = readPod(args.get('pod'), reader);
  const given = nodesOfCall(args.get('nodes'), args.get('nodenames'));
  const asked = dropRepeats(given);
  const { names } = asked;
  return {
    pod,
    concerned: reader.concerns(pod),
    names,
    allFit: () => filterReply(given, []),
    verdict: (refusals) => filterReply(asked, refusals),
    scores: (scores) => replyOf(`[${names.map((name, i) => hostPriority(name, scores[i] ?? 0)).join(',')}]`),
  };
}

/** Reads ExtenderBindingArgs. Throws Fault `invalid` that names what is missing. */
export function readBinding(body: Buffer): PodBinding {
  const args = fieldsOf(parseJson(body), 'the body');
  return {
    namespace: nonEmpty(args, 'PodNamespace'),
    name: nonEmpty(args, 'PodName'),
    uid: nonEmpty(args, 'PodUID'),
    node: nonEmpty(args, 'Node'),
  };
}

/**
 * Any verb's answer when it cannot do its work. For prioritize it is no valid list: kube-scheduler then goes on without
 * our scores.
 */
export const errorReply = (message: string): Reply => replyOf(`{"Error":${JSON.stringify(message)}}`);

/** The answer to bind when it is done. */
export const boundReply = (): Reply => replyOf('{"Error":""}');

/**
 * No scores: kube-scheduler counts a host that is not in the list as 0 (prioritizeNodes), so that it decodes nothing
 * for nothing.
 */
export const noScoresReply = (): Reply => replyOf('[]');

/** A text as it goes over the wire. */
export const replyOf = (reply: string): Reply => ({ bytes: Buffer.from(reply) });

/**
 * As JSON again. Throws Fault `invalid` for what JSON.parse can read and JSON.stringify, which recurses, cannot write.
 */
function printNode(node: unknown): string {
  try {
    return JSON.stringify(node);
  } catch (error) {
    throw new Fault('invalid', 'a node in Nodes.items is nested too deeply', { cause: error });
  }
}

const quote = (name: string): string => JSON.stringify(name);

function filterReply(asked: NodesOfCall, refusals: readonly (Refusal | undefined)[]): Reply {
  const { names, items } = asked;
  const fits = (_: unknown, i: number): boolean => !refusals[i];
  const nodes = items && `{"metadata":{},"items":[${items.filter(fits).map(printNode).join(',')}]}`;
  const nodeNames = items ? 'null' : `[${names.filter(fits).map(quote).join(',')}]`;
  return replyOf(
    `{"Nodes":${nodes ?? 'null'},"NodeNames":${nodeNames},` +
      `"FailedNodes":{${writeRefused(names, refusals, false)}},` +
      `"FailedAndUnresolvableNodes":{${writeRefused(names, refusals, true)}},"Error":""}`,
  );
}

/** The refused nodes of one of the two maps. Written as text because a node may be called `__proto__`. */
function writeRefused(
  names: readonly string[],
  refusals: readonly (Refusal | undefined)[],
  unresolvable: boolean,
): string {
  return names
    .flatMap((name, i) => {
      const refusal = refusals[i];
      if (refusal?.unresolvable !== unresolvable) return [];
      return [`${JSON.stringify(name)}:${JSON.stringify(refusal.message)}`];
    })
    .join(',');
}

const hostPriority = (host: string, score: number): string => `{"Host":${JSON.stringify(host)},"Score":${score}}`;

/** Throws Fault `invalid` for what is no JSON. */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) throw new Fault('invalid', 'the request has no body');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    // The parser's own message quotes the body, and a pod may carry secrets in its environment.
    throw new Fault('invalid', `the body (${body.length} bytes) is not JSON; was it cut off?`, { cause: error });
  }
}

/** An object's fields by lower-case name; of two that differ in case only, the later one counts, as in Go. */
export function fieldsOf(value: unknown, what: string): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(objectOf(value, what)).map(([key, field]) => [key.toLowerCase(), field]));
}

function objectOf(value: unknown, what: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Fault('invalid', `${what} must be a JSON object`);
}

function nonEmpty(args: ReadonlyMap<string, unknown>, name: string): string {
  const value = args.get(name.toLowerCase());
  if (typeof value === 'string' && value !== '') return value;
  throw new Fault('invalid', `${name} must be a string that is not empty`);
}

function nodesOfCall(nodes: unknown, nodeNames: unknown): NodesOfCall {
  const named = nodeNames !== undefined && nodeNames !== null;
  const whole = nodes !== undefined && nodes !== null;
  if (named && whole) throw new Fault('invalid', 'the body has both Nodes and NodeNames; send one, the other null');
  if (named) return { names: strings(nodeNames) };
  if (whole) return wholeNodes(fieldsOf(nodes, 'Nodes').get('items') ?? []);
  throw new Fault('invalid', 'the body has neither Nodes nor NodeNames');
}

function strings(nodeNames: unknown): readonly string[] {
  if (!Array.isArray(nodeNames)) throw new Fault('invalid', 'NodeNames must be a list');
  const wrong = nodeNames.findIndex((name) => typeof name !== 'string');
  if (wrong >= 0) throw new Fault('invalid', `NodeNames[${wrong}] must be a string`);
  return nodeNames;
}

function wholeNodes(items: unknown): NodesOfCall {
  if (!Array.isArray(items)) throw new Fault('invalid', 'Nodes.items must be a list');
  return { names: items.map((item, i) => nameOf(item, i)), items };
}

function nameOf(node: unknown, i: number): string {
  const { metadata } = (node ?? {}) as { metadata?: { name?: unknown } | null };
  const name = metadata?.name;
  if (typeof name === 'string' && name !== '') return name;
  throw new Fault('invalid', `Nodes.items[${i}] has no metadata.name`);
}

/** Each node once: it must be in one list of the answer only, and must not be held twice. */
function dropRepeats({ names, items }: NodesOfCall): NodesOfCall {
  const first = new Map<string, number>();
  for (const [i, name] of names.entries()) if (!first.has(name)) first.set(name, i);
  if (first.size === names.length) return { names, ...present({ items }) };
  return { names: [...first.keys()], ...(items && { items: [...first.values()].map((i) => items[i]) }) };
}
