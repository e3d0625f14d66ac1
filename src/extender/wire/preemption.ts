import { Fault } from '../../model/fault.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { Refusal } from '../../model/verdict.ts';
import { fieldsOf, parseJson, replyOf } from './json-wire.ts';
import type { PodReader, Reply } from './question.ts';
import { readPod } from './read-pod.ts';

/** What kube-scheduler would evict for a pod: one of these nodes will be chosen, and its victims deleted. */
export interface Preemption {
  readonly pod: PodFacts;
  /** As of Question. */
  readonly concerned: boolean;
  readonly names: readonly string[];
  /** The answer: the nodes whose entry is undefined, each with its victims as they came. Absent: all of them. */
  left(refusals?: readonly (Refusal | undefined)[]): Reply;
}

/**
 * Reads ExtenderPreemptionArgs: victims by their uids (nodeCacheCapable: true), or as whole pods, which are answered by
 * their uids too. Throws Fault `invalid` that says what is wrong with the body.
 */
export function readPreemption(body: Buffer, reader: PodReader): Preemption {
  const args = fieldsOf(parseJson(body), 'the body');
  const pod = readPod(args.get('pod'), reader);
  const byUid = Object.entries(args.get('nodenametometavictims') ?? {});
  const whole = Object.entries(args.get('nodenametovictims') ?? {});
  const victims = new Map([
    ...whole.map(([node, raw]): [string, string] => [node, victimsOf(raw, node, uidOfPod)]),
    ...byUid.map(([node, raw]): [string, string] => [node, victimsOf(raw, node, uidIn)]),
  ]);
  const names = [...victims.keys()];
  return {
    pod,
    concerned: reader.concerns(pod),
    names,
    left: (refusals = []) => {
      const kept = names.filter((_, i) => !refusals[i]);
      const entries = kept.map((name) => `${JSON.stringify(name)}:${victims.get(name)}`);
      return replyOf(`{"NodeNameToMetaVictims":{${entries.join(',')}}}`);
    },
  };
}

/** MetaVictims as JSON. */
function victimsOf(raw: unknown, node: string, uidOf: (pod: unknown, what: string) => string): string {
  const fields = fieldsOf(raw, `the victims on ${node}`);
  const pods = fields.get('pods') ?? [];
  if (!Array.isArray(pods)) throw new Fault('invalid', `Pods of the victims on ${node} must be a list`);
  const uids = pods.map((pod: unknown) => ({ UID: uidOf(pod, `a victim on ${node}`) }));
  return JSON.stringify({ Pods: uids, NumPDBViolations: Number(fields.get('numpdbviolations') ?? 0) });
}

const uidOfPod = (pod: unknown, what: string): string =>
  uidIn(fieldsOf(pod, what).get('metadata'), `metadata of ${what}`);

function uidIn(value: unknown, what: string): string {
  const uid = fieldsOf(value, what).get('uid');
  if (typeof uid === 'string' && uid !== '') return uid;
  throw new Fault('invalid', `${what} has no uid`);
}
