import type { PodFacts } from '../model/facts.ts';
import type { AskedNodes, FilterVerdict, NodeNumbering, Refusal } from '../model/verdict.ts';
import type { PodBinding } from './wire/binding.ts';

export type { PodBinding };

/** What the extender needs to be told. The operator answers from its ledger. */
export interface Scheduling {
  /** Why nothing can be answered yet (what has not synced), or undefined once everything can. */
  notReady(): string | undefined;
  /** False: the pod has no volume of ours. Cheap, and asks nothing of anybody. */
  concerns(pod: PodFacts): boolean;
  /** Present: nodes may be asked about by these numbers. */
  readonly numbering?: NodeNumbering;
  /** Holds room for the pod as a side effect; a later call for the same pod replaces its hold. */
  filter(pod: PodFacts, nodes: AskedNodes): FilterVerdict;
  /** What filter would answer if the pod could go to these nodes otherwise; holds nothing. One entry per name. */
  refusals(pod: PodFacts, names: readonly string[]): readonly (Refusal | undefined)[];
  /** Resolves when some room was freed after the call; rejects with the signal's reason. */
  freed(signal: AbortSignal): Promise<void>;
  /**
   * True: pods without our volumes are scored too, because node anti-affinity keeps them away from our nodes. Absent:
   * they are not.
   */
  readonly scoresEveryPod?: boolean;
  /** 0 to 10 for every node, in the order asked. */
  prioritize(pod: PodFacts, nodes: AskedNodes): ArrayLike<number>;
  /** Binds any pod, ours or not. Throws Fault when the room is gone or the API server refuses. */
  bind(binding: PodBinding, signal: AbortSignal): Promise<void>;
}
