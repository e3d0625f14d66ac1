import { nodeTraitsOf } from '../../src/model/node-choice.ts';
import { matchesTerms } from '../../src/model/node-terms.ts';
import type { Node, PersistentVolume } from '../../src/model/objects.ts';

/**
 * Tells whether the volume can be reached from the node. A volume without node affinity can be reached from everywhere.
 */
export function reaches(volume: PersistentVolume, node: Node): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || matchesTerms(terms, nodeTraitsOf(node));
}
