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
  /** Uids of the claims that are made from something, by that (`sourceKey`). */
  readonly #copies = new Map<string, Set<string>>();

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

  /** Uids of the claims that are made from what has this name, whatever it is now. */
  madeFrom(kind: SourceKind, namespace: string, name: string): readonly string[] {
    return [...(this.#copies.get(sourceKey(kind, namespace, name)) ?? [])];
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
    const source = sourceOf(claim);
    if (source !== undefined) this.#copies.set(source, (this.#copies.get(source) ?? new Set()).add(claim.uid));
    if (earlier === undefined || earlier.uid === claim.uid) return undefined;
    this.#byUid.delete(earlier.uid);
    this.#deleteCopy(earlier);
    return earlier;
  }

  delete(uid: string): void {
    this.#standIns.delete(uid);
    const claim = this.#byUid.get(uid);
    if (!claim) return;
    this.#byUid.delete(uid);
    this.#deleteCopy(claim);
    const key = claimKey(claim.namespace, claim.name);
    if (this.#byKey.get(key)?.uid === uid) this.#byKey.delete(key);
  }

  #deleteCopy(claim: ClaimFacts): void {
    const source = sourceOf(claim) ?? '';
    const copies = this.#copies.get(source);
    if (copies?.delete(claim.uid) && copies.size === 0) this.#copies.delete(source);
  }
}

type SourceKind = NonNullable<ClaimFacts['source']>['kind'];

const sourceKey = (kind: SourceKind, namespace: string, name: string): string => `${kind} ${claimKey(namespace, name)}`;

const sourceOf = ({ namespace: own, source }: ClaimFacts): string | undefined =>
  source && sourceKey(source.kind, source.namespace ?? own, source.name);
