import type { PodFacts } from '../../model/facts.ts';
import type { Books } from './books.ts';
import { bindPod, type DecidingRules } from './hold-for-pod.ts';

/**
 * Takes up what an earlier ledger held. Claims were heard of in any order with the volumes that are there: what is held
 * where a volume is goes elsewhere on its node.
 */
export function resume(books: Books, pods: Iterable<PodFacts>, rules: DecidingRules): void {
  moveOverfull(books);
  resumePods(books, pods, rules);
}

function moveOverfull(books: Books): void {
  const moved = books.claimHolds.overfull().toSorted();
  for (const uid of moved) books.claimHolds.end(uid);
  for (const uid of moved) books.reviewClaim(uid);
}

/**
 * Holds room for the inline volumes of pods that a scheduler is about to bind, by the node that their objects name.
 * Filter held it in a ledger that is gone, and nobody judges before the pod has its node. Where there is no room left
 * nothing is held.
 */
function resumePods(books: Books, pods: Iterable<PodFacts>, rules: DecidingRules): void {
  for (const pod of pods) {
    const node = pod.volumes.some(({ kind }) => kind === 'inline') ? chosenNode(books, pod) : undefined;
    if (node !== undefined) bindPod(books, { podUid: pod.uid, pod, node }, rules);
  }
}

/** What the scheduler wrote on a claim that is not bound yet, of any driver, or on the pod. */
function chosenNode(books: Books, { namespace, volumes, nominatedNode }: PodFacts): string | undefined {
  const claims = volumes.flatMap((volume) =>
    volume.kind === 'inline' ? [] : (books.findClaim(namespace, volume.claimName) ?? []),
  );
  return claims.find(({ bound, selectedNode }) => !bound && selectedNode !== undefined)?.selectedNode ?? nominatedNode;
}
