import type { ClaimFacts } from '../../model/facts.ts';
import { StandIns } from './stand-ins.ts';

export const claimKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/**
 * The claims there are, by uid and by name. One name is one claim: when another uid comes under it, the earlier claim
 * is gone, whether or not we were told (R4, uid, not name).
 */
export class Claims {
  readonly #byUid = new Map<string, ClaimFacts>();
  readonly #byKey = new Map<string, ClaimFacts>();
  readonly #standIns = new StandIns();
  /** Of claims that are cloned, by `namespace/name`: uids of the clones. */
  readonly #clones = new Map<string, Set<string>>();

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
    return populated && this.#byUid.get(this.#standIns.of(uid) ?? '');
  }

  /** Uid of the claim for which this one stands in. */
  stoodInFor({ uid }: ClaimFacts): string | undefined {
    return this.#standIns.firstOf(uid);
  }

  /** Uids of the claims that are made from the claim of this `namespace/name`, whichever has it. */
  clonesOf(key: string): readonly string[] {
    return [...(this.#clones.get(key) ?? [])];
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
    this.#standIns.set(claim);
    const origin = originOf(claim);
    if (origin !== undefined) this.#clones.set(origin, (this.#clones.get(origin) ?? new Set()).add(claim.uid));
    if (earlier === undefined || earlier.uid === claim.uid) return undefined;
    this.#byUid.delete(earlier.uid);
    this.#deleteClone(earlier);
    return earlier;
  }

  delete(uid: string): void {
    this.#standIns.delete(uid);
    const claim = this.#byUid.get(uid);
    if (!claim) return;
    this.#byUid.delete(uid);
    this.#deleteClone(claim);
    const key = claimKey(claim.namespace, claim.name);
    if (this.#byKey.get(key)?.uid === uid) this.#byKey.delete(key);
  }

  #deleteClone(claim: ClaimFacts): void {
    const origin = originOf(claim) ?? '';
    const clones = this.#clones.get(origin);
    if (clones?.delete(claim.uid) && clones.size === 0) this.#clones.delete(origin);
  }
}

/** `namespace/name` of the claim that it is a clone of. */
const originOf = ({ namespace: own, source }: ClaimFacts): string | undefined =>
  source?.kind === 'PersistentVolumeClaim' ? claimKey(source.namespace ?? own, source.name) : undefined;
