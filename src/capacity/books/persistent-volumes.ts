import type { PvFacts } from '../../model/facts.ts';
import { NamesByHandle } from '../../model/names-by-handle.ts';
import { claimKey } from '../needs/claims.ts';
import { isOffered, type OfferedPv } from '../needs/match-pv.ts';

const NONE: ReadonlyMap<string, OfferedPv> = new Map();

/** PersistentVolumes of any driver, by name, and those that claims may still be bound to by who may have them. */
export class PersistentVolumes {
  readonly #byName = new Map<string, PvFacts>();
  /** By storage class, those that any claim of the class may have. */
  readonly #ofClass = new Map<string, Map<string, OfferedPv>>();
  /** By key of the claim, those that it alone may have. */
  readonly #reserved = new Map<string, Map<string, OfferedPv>>();
  readonly #names = new NamesByHandle();

  get(name: string): PvFacts | undefined {
    return this.#byName.get(name);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** By name. */
  get told(): ReadonlyMap<string, PvFacts> {
    return this.#byName;
  }

  /** Those, of any driver, that have the volume handle. */
  ofHandle(handle: string): PvFacts[] {
    return this.#names.of(handle).flatMap((name) => {
      const pv = this.#byName.get(name);
      return pv?.handle === handle ? [pv] : [];
    });
  }

  set(pv: PvFacts): void {
    this.delete(pv.name);
    this.#byName.set(pv.name, pv);
    this.#names.add(pv.name, pv.handle);
    if (!isOffered(pv)) return;
    const { map, key } = this.#placeOf(pv);
    map.set(key, (map.get(key) ?? new Map<string, OfferedPv>()).set(pv.name, pv));
  }

  delete(name: string): void {
    const pv = this.#byName.get(name);
    if (!pv) return;
    this.#byName.delete(name);
    this.#names.delete(name, pv.handle);
    if (!isOffered(pv)) return;
    const { map, key } = this.#placeOf(pv);
    const offers = map.get(key);
    offers?.delete(name);
    if (offers?.size === 0) map.delete(key);
  }

  /** Those of a class that a claim, by its key, may be bound to: reserved for it, or for nobody. */
  offersFor(storageClass: string | undefined, key: string): OfferedPv[] {
    const wanted = storageClass ?? '';
    const reserved = [...(this.#reserved.get(key) ?? NONE).values()];
    return [
      ...reserved.filter(({ offer }) => offer.storageClass === wanted),
      ...(this.#ofClass.get(wanted) ?? NONE).values(),
    ];
  }

  /** False in nearly every cluster: then no claim need be looked at. */
  get hasOffers(): boolean {
    return this.#ofClass.size > 0 || this.#reserved.size > 0;
  }

  #placeOf({ offer: { claim, storageClass } }: OfferedPv) {
    return claim
      ? { map: this.#reserved, key: claimKey(claim.namespace, claim.name) }
      : { map: this.#ofClass, key: storageClass };
  }
}
