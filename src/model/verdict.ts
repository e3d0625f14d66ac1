/**
 * Why a node, a group or a request cannot be served, as data. A refusal object is shared by every node it applies to
 * and names no node, so that kube-scheduler folds equal messages into one line ("3 node(s) …") and the wire layer can
 * keep its bytes prepared.
 */
export interface Refusal {
  readonly kind: RefusalKind;
  /** One sentence for a person, numbers with units, no node name. */
  readonly message: string;
  /** Evicting pods would not help: kube-scheduler must not preempt for it (FailedAndUnresolvableNodes). */
  readonly unresolvable: boolean;
}

export type RefusalKind =
  | 'unknown-node'
  | 'no-such-group'
  | 'group-too-small'
  | 'held-by-others'
  | 'no-free-unit'
  | 'refused-by-node'
  | 'wrong-node'
  | 'claim-missing'
  | 'bad-class'
  | 'bad-request';

/** The nodes that are asked about, each once. */
export interface AskedNodes {
  readonly names: readonly string[];
  /**
   * For each name the number by which whoever is asked knows the node, negative for none, in an array to keep and to
   * write to; to be asked anew for each question. Absent: the nodes are found by their names.
   */
  readonly numbers?: () => Int32Array;
}

/** Numbers of nodes for those who ask about the same ones again and again. */
export interface NodeNumbering {
  /** Grows whenever the number of some name may have changed. */
  readonly epoch: number;
  /** Negative for a node that is not known. */
  numberOf(nodeName: string): number;
}

/** The answer to filter: one entry per asked node, in the order asked; undefined where the pod fits. */
export interface FilterVerdict {
  readonly refusals: readonly (Refusal | undefined)[];
  /** Some refused node would fit if floating holds of other pods settled elsewhere: waiting a few ms may help. */
  readonly mayFreeUp: boolean;
}
