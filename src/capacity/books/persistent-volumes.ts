import type { PvFacts } from '../../model/facts.ts';
import { isOffered, type OfferedPv } from '../needs/match-pv.ts';

const NONE: ReadonlyMap<string, OfferedPv> = new Map();

/** PersistentVolumes of any driver, by name, and by class those that claims may still be bound to. */
export class PersistentVolumes {
  readonly #byName = new Map<string, PvFacts>();
  readonly #offers = new Map<string, Map<string, OfferedPv>>();

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

  set(pv: PvFacts): void {
    this.delete(pv.name);
    this.#byName.set(pv.name, pv);
    if (!isOffered(pv)) return;
    const { storageClass } = pv.offer;
    const alike = this.#offers.get(storageClass) ?? new Map<string, OfferedPv>();
    this.#offers.set(storageClass, alike.set(pv.name, pv));
  }

  delete(name: string): void {
    const storageClass = this.#byName.get(name)?.offer?.storageClass;
    this.#byName.delete(name);
    if (storageClass === undefined) return;
    const alike = this.#offers.get(storageClass);
    alike?.delete(name);
    if (alike?.size === 0) this.#offers.delete(storageClass);
  }

  /** Those of one class that claims may be bound to. */
  offersOf(storageClass: string | undefined): ReadonlyMap<string, OfferedPv> {
    return this.#offers.get(storageClass ?? '') ?? NONE;
  }

  /** False in nearly every cluster: then no claim need be looked at. */
  get hasOffers(): boolean {
    return this.#offers.size > 0;
  }
}
