import type { ClaimFacts } from '../../model/facts.ts';

/** Claims whose node was chosen, and for which nobody asked for a volume in time (R23, unasked is not held), by uid. */
export class UnaskedClaims {
  readonly #byUid = new Map<string, string>();

  /** False for a claim that asks for something else since, or whose node is another. */
  has(claim: ClaimFacts): boolean {
    return this.#byUid.get(claim.uid) === askOf(claim);
  }

  note(claim: ClaimFacts): void {
    this.#byUid.set(claim.uid, askOf(claim));
  }

  /** True when it was noted. */
  forget(uid: string): boolean {
    return this.#byUid.delete(uid);
  }
}

/** All of a claim that decides whether csi-provisioner asks for its volume, as far as it is known here. */
const askOf = ({ storageClass, requested, use, source, attributesClass, selectedNode }: ClaimFacts): string =>
  JSON.stringify([storageClass, requested, use, source, attributesClass, selectedNode]);
