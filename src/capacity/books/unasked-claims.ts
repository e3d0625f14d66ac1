import type { ClaimFacts } from '../../model/facts.ts';
import { askOf } from './wrong-claims.ts';

/** Claims whose node was chosen, and for which nobody asked for a volume in time (R23, unasked is not held), by uid. */
export class UnaskedClaims {
  readonly #byUid = new Map<string, string>();

  /** False for a claim that asks for something else since, or whose node is another. */
  has(claim: ClaimFacts): boolean {
    const noted = this.#byUid.get(claim.uid);
    return noted !== undefined && noted === askAt(claim);
  }

  note(claim: ClaimFacts): void {
    this.#byUid.set(claim.uid, askAt(claim));
  }

  /** True when it was noted. */
  forget(uid: string): boolean {
    return this.#byUid.delete(uid);
  }
}

/** What it asks for, and where: csi-provisioner judges it anew where one of these is another. */
const askAt = (claim: ClaimFacts): string => JSON.stringify([askOf(claim), claim.selectedNode]);
