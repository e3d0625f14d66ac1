import type { ClaimFacts } from '../../model/facts.ts';

/**
 * Which claims stand in for which (R22, filled is held once). A volume populator's says so itself. The two claims of a
 * restore by Velero are alike, and that is all by which they are known: those of one class and size on one node are
 * paired, since any of them holds the room of any other.
 */
export class StandIns {
  readonly #byFirst = new Map<string, string>();
  readonly #firsts = new Map<string, string>();
  /** Claims of restores that are under way. */
  readonly #restores = new Map<string, ClaimFacts>();

  /** Uid of the claim that stands in for this one. */
  of(first: string): string | undefined {
    return this.#byFirst.get(first);
  }

  /** Uid of the claim for which this one stands in. */
  firstOf(uid: string): string | undefined {
    return this.#firsts.get(uid);
  }

  set(claim: ClaimFacts): void {
    if (claim.standsInFor !== undefined) this.#pair(claim.standsInFor, claim.uid);
    this.#restores.delete(claim.uid);
    if (!isUnderWay(claim)) return;
    this.#restores.set(claim.uid, claim);
    this.#findPartner(claim);
  }

  delete(uid: string): void {
    this.#restores.delete(uid);
    this.#deleteFirst(uid);
    this.#deleteStandIn(uid);
  }

  /** The one that stood in for it by Velero may stand in for another. */
  #deleteFirst(uid: string): void {
    const left = this.#restores.get(this.#byFirst.get(uid) ?? '');
    this.#byFirst.delete(uid);
    if (left === undefined || left.standsInFor !== undefined) return;
    this.#firsts.delete(left.uid);
    this.#findPartner(left);
  }

  /** Another may stand in for the same claim already, or be found for it. */
  #deleteStandIn(uid: string): void {
    const first = this.#firsts.get(uid);
    this.#firsts.delete(uid);
    if (first === undefined || this.#byFirst.get(first) !== uid) return;
    this.#byFirst.delete(first);
    for (const [other, itsFirst] of this.#firsts) if (itsFirst === first) return this.#pair(first, other);
    const left = this.#restores.get(first);
    if (left) this.#findPartner(left);
  }

  #findPartner(claim: ClaimFacts): void {
    if (this.#hasPartner(claim)) return;
    for (const other of this.#restores.values()) {
      if (!belong(claim, other) || this.#hasPartner(other)) continue;
      if (claim.restore === 'into') this.#pair(claim.uid, other.uid);
      else this.#pair(other.uid, claim.uid);
      return;
    }
  }

  #hasPartner({ uid }: ClaimFacts): boolean {
    return this.#byFirst.has(uid) || this.#firsts.has(uid);
  }

  #pair(first: string, standIn: string): void {
    this.#byFirst.set(first, standIn);
    this.#firsts.set(standIn, first);
  }
}

/** What was restored into a claim was handed over when the claim is bound. */
const isUnderWay = ({ restore, volumeName }: ClaimFacts): boolean =>
  restore === 'from' || (restore === 'into' && volumeName === undefined);

const belong = (a: ClaimFacts, b: ClaimFacts): boolean =>
  a.restore !== b.restore &&
  a.selectedNode !== undefined &&
  a.selectedNode === b.selectedNode &&
  a.storageClass === b.storageClass &&
  a.requested === b.requested;
