import type { ClaimFacts } from '../../model/facts.ts';

export const claimKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/**
 * The claims there are, by uid and by name. One name is one claim: when another uid comes under it, the earlier claim
 * is gone, whether or not we were told (R4, uid, not name).
 */
export class Claims {
  readonly #byUid = new Map<string, ClaimFacts>();
  readonly #byKey = new Map<string, ClaimFacts>();
  /** Uids of claims that stand in, by those for which they do. */
  readonly #standIns = new Map<string, string>();

  get(uid: string): ClaimFacts | undefined {
    return this.#byUid.get(uid);
  }

  find(namespace: string, name: string): ClaimFacts | undefined {
    return this.findKey(claimKey(namespace, name));
  }

  /** By `namespace/name`. */
  findKey(key: string): ClaimFacts | undefined {
    return this.#byKey.get(key);
  }

  /** The claim that a volume populator fills for this one: a volume is made for it, and for this one none (R22). */
  standInOf({ uid, populated }: ClaimFacts): ClaimFacts | undefined {
    return populated && this.#byUid.get(this.#standIns.get(uid) ?? '');
  }

  /** By `namespace/name`. */
  get told(): ReadonlyMap<string, ClaimFacts> {
    return this.#byKey;
  }

  all(): Iterable<ClaimFacts> {
    return this.#byUid.values();
  }

  /** Returns the earlier claim of this name if it had another uid: it is gone now. */
  set(claim: ClaimFacts): ClaimFacts | undefined {
    const key = claimKey(claim.namespace, claim.name);
    const earlier = this.#byKey.get(key);
    this.#byUid.set(claim.uid, claim);
    this.#byKey.set(key, claim);
    if (claim.standsInFor !== undefined) this.#standIns.set(claim.standsInFor, claim.uid);
    if (earlier === undefined || earlier.uid === claim.uid) return undefined;
    this.#byUid.delete(earlier.uid);
    return earlier;
  }

  delete(uid: string): void {
    const claim = this.#byUid.get(uid);
    if (!claim) return;
    this.#byUid.delete(uid);
    const { standsInFor = '' } = claim;
    if (this.#standIns.get(standsInFor) === uid) this.#standIns.delete(standsInFor);
    const key = claimKey(claim.namespace, claim.name);
    if (this.#byKey.get(key)?.uid === uid) this.#byKey.delete(key);
  }
}
