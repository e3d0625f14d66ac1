import { Fault } from '../model/fault.ts';
import type { PodFacts } from '../model/facts.ts';
import type { Refusal } from '../model/verdict.ts';
import { askFilter } from './ask-filter.ts';
import type { PodReader, Question, Reply } from './wire/question.ts';
import type { PodBinding, Scheduling } from './scheduling.ts';
import type { FastWire } from './fast/fast-wire.ts';
import { boundReply, noScoresReply, readBinding, readQuestion } from './wire/json-wire.ts';
import { readPreemption } from './wire/preemption.ts';

export type Verb = 'filter' | 'prioritize' | 'preempt' | 'bind';

/** `refused`: no node fits. `not-ours`: the pod has no volume of ours and passed untouched. */
export type Outcome = 'ok' | 'refused' | 'not-ours' | 'error';

export interface Answer {
  readonly reply: Reply;
  readonly outcome: Exclude<Outcome, 'error'>;
  /** `namespace/name`. */
  readonly pod: string;
  /** Of filter and preempt: for each node that was asked about why it does not fit; undefined where it does. */
  readonly refusals?: readonly (Refusal | undefined)[];
  /** Of bind. */
  readonly node?: string;
}

/** The body of a call in, its answer out. Throws Fault when the call cannot be answered. */
export type Handler = (body: Buffer, signal: AbortSignal) => Promise<Answer>;

export interface VerbsOptions {
  readonly scheduling: Scheduling;
  readonly decodePod: PodReader['decodePod'];
  /** See askFilter. 0: never wait. */
  readonly waitMs: number;
}

export interface VerbsDeps {
  /** Absent: every body is read by json-wire.ts. */
  readonly fastWire?: Pick<FastWire, 'readQuestion' | 'forget'>;
}

/** kube-scheduler gives up after 5 s by default; what it is not told in time it takes for a failure. */
const BIND_TIMEOUT_MS = 4500;

/** What each verb does with a body, whatever the transport. */
export function createVerbs(options: VerbsOptions, { fastWire }: VerbsDeps): Readonly<Record<Verb, Handler>> {
  const { scheduling, decodePod, waitMs } = options;
  const reader: PodReader = { decodePod, concerns: (pod) => scheduling.concerns(pod) };
  const scoreReader = scheduling.scoresEveryPod ? { decodePod, concerns: () => true } : reader;
  const read = (body: Buffer, as: PodReader): Question => {
    assertReady(scheduling);
    return fastWire?.readQuestion(body, as) ?? readQuestion(body, as);
  };
  return {
    filter: async (body, signal) => {
      const question = read(body, reader);
      const pod = podName(question.pod);
      if (!question.concerned) return { reply: question.allFit(), outcome: 'not-ours', pod };
      const { refusals } = await askFilter(scheduling, question, waitMs, signal);
      return { reply: question.verdict(refusals), outcome: outcomeOf(refusals), pod, refusals };
    },
    prioritize: async (body) => {
      const question = read(body, scoreReader);
      const pod = podName(question.pod);
      if (!question.concerned) return { reply: noScoresReply(), outcome: 'not-ours', pod };
      return { reply: question.scores(scheduling.prioritize(question.pod, question)), outcome: 'ok', pod };
    },
    preempt: async (body) => {
      assertReady(scheduling);
      const preemption = readPreemption(body, reader);
      const pod = podName(preemption.pod);
      if (!preemption.concerned) return { reply: preemption.left(), outcome: 'not-ours', pod };
      const refusals = scheduling.refusals(preemption.pod, preemption.names);
      return { reply: preemption.left(refusals), outcome: outcomeOf(refusals), pod, refusals };
    },
    bind: async (body) => {
      assertReady(scheduling);
      const binding = readBinding(body);
      await bindInTime(binding, scheduling);
      fastWire?.forget(binding.uid);
      return { reply: boundReply(), outcome: 'ok', pod: podName(binding), node: binding.node };
    },
  };
}

/** Not ended by the caller's going away: a binding half made is worse than one nobody asked about any more. */
async function bindInTime(binding: PodBinding, scheduling: Scheduling): Promise<void> {
  const deadline = new AbortController();
  const late = (): void =>
    deadline.abort(new Fault('unavailable', `binding took more than ${BIND_TIMEOUT_MS} ms; it may have been made`));
  // AbortSignal.timeout would keep its timer, and make an error in the end, after each of thousands of bindings in
  // time.
  const timer = setTimeout(late, BIND_TIMEOUT_MS);
  try {
    await scheduling.bind(binding, deadline.signal);
  } finally {
    clearTimeout(timer);
  }
}

const outcomeOf = (refusals: readonly (Refusal | undefined)[]): 'refused' | 'ok' =>
  refusals.length > 0 && refusals.every(Boolean) ? 'refused' : 'ok';

const podName = ({ namespace, name }: Pick<PodFacts, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** Half a picture of the cluster would promise room that is taken. */
function assertReady(scheduling: Scheduling): void {
  const reason = scheduling.notReady();
  if (reason !== undefined) throw new Fault('unavailable', `open-local cannot answer yet: ${reason}`);
}
