import { counted } from '../../src/model/counted.ts';

/** Reason why a node was ruled out. */
export interface Rejection {
  readonly reason: string;
  /** True when evicting pods would not help. */
  readonly unresolvable: boolean;
}

/**
 * Words the message of a pod that fits nowhere as kube-scheduler does: equal reasons counted and sorted as text, then
 * the outcome of preemption. Source: FitError.Error in kube-scheduler's framework types.
 */
export function fitMessage(rejections: readonly Rejection[]): string {
  const total = rejections.length;
  const reasons = counted(rejections.map(({ reason }) => reason));
  return `0/${total} nodes are available:${reasons === '' ? '' : ` ${reasons}.`} ${preemption(rejections)}`;
}

/** Words the message of a pod that was refused before any node was considered. */
export function preFilterMessage(reason: string, nodes: number): string {
  const helpless = Array.from({ length: nodes }, (): Rejection => ({ reason, unresolvable: true }));
  return `0/${nodes} nodes are available: ${reason}. ${preemption(helpless)}`;
}

function preemption(rejections: readonly Rejection[]): string {
  const outcomes = rejections.map(({ unresolvable }) =>
    unresolvable ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod',
  );
  return `preemption: 0/${rejections.length} nodes are available: ${counted(outcomes)}.`;
}
