import type { Pod } from '../../model/objects.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { AskedNodes, Refusal } from '../../model/verdict.ts';

/**
 * One filter or prioritize call, read from the wire: the nodes in the order asked, and its answers in the form in which
 * it was asked.
 */
export interface Question extends AskedNodes {
  readonly pod: PodFacts;
  /** False: no volume of ours, so nobody needs to be asked, and there may be no names. */
  readonly concerned: boolean;
  /** The answer to filter: every node fits. */
  allFit(): Reply;
  /** The answer to filter: a node whose entry is undefined fits. One entry per name. */
  verdict(refusals: readonly (Refusal | undefined)[]): Reply;
  /** The answer to prioritize. One score, 0 to 10, per name. */
  scores(scores: ArrayLike<number>): Reply;
}

/** Bytes of a reply, and what to call once they have been sent and may be overwritten. */
export interface Reply {
  readonly bytes: Buffer;
  readonly release?: () => void;
}

/** How a reader of the wire turns a pod into facts, and learns whether anything else of the call matters. */
export interface PodReader {
  /** Throws Fault `invalid` when the object is not a pod. */
  readonly decodePod: (raw: Pod) => PodFacts;
  readonly concerns: (pod: PodFacts) => boolean;
}
