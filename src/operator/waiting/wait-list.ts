/** One pod that waits. */
export interface Wait {
  readonly uid: string;
  /** When it was first seen to wait. Ms of a clock that only ever grows. */
  readonly since: number;
  /** What was last told of it. */
  told?: { readonly message: string; readonly at: number };
  /** Its scheduler had not said anything of it. */
  isUnseen?: boolean;
  /** Those that have the same here ask for the same. */
  alike?: string;
}

/** Of pods that ask for the same, so many are told: the others would read the same. */
const TOLD_OF_ALIKE = 5;
/** Pods that are told at a time, whatever they ask for. */
const TOLD_IN_ALL = 200;

interface Alike {
  count: number;
  readonly told: Set<string>;
  /** There was nothing to tell them, and until then they are not looked at again. */
  quietUntil: number;
}

/** The pods that wait, by `namespace/name`, and which of them are told why. */
export class WaitList {
  readonly #waits = new Map<string, Wait>();
  readonly #alike = new Map<string, Alike>();
  #told = 0;

  get size(): number {
    return this.#waits.size;
  }

  get(key: string): Wait | undefined {
    return this.#waits.get(key);
  }

  /** False when it is there already. A pod of another uid takes the place of the one before. */
  add(key: string, uid: string, now: number): boolean {
    if (this.#waits.get(key)?.uid === uid) return false;
    this.remove(key);
    this.#waits.set(key, { uid, since: now });
    return true;
  }

  /** Notes whether its scheduler has yet to say anything of the pod. True once, when it has. */
  isSeenNow(key: string, isUnseen: boolean): boolean {
    const wait = this.#waits.get(key);
    if (!wait) return false;
    const isNews = wait.isUnseen === true && !isUnseen;
    wait.isUnseen = isUnseen;
    return isNews;
  }

  remove(key: string): void {
    const wait = this.#waits.get(key);
    if (!wait) return;
    this.#leave(key, wait);
    this.#waits.delete(key);
  }

  /** Counts the pod with those that ask for the same. True when it was not among them before. */
  join(key: string, alike: string): boolean {
    const wait = this.#waits.get(key);
    if (!wait || wait.alike === alike) return false;
    this.#leave(key, wait);
    wait.alike = alike;
    const group = this.#alike.get(alike) ?? { count: 0, told: new Set(), quietUntil: -Infinity };
    group.count += 1;
    this.#alike.set(alike, group);
    return true;
  }

  /** Whether the pod is, or is from now on, among those that are told. */
  mayTell(key: string, now: number): boolean {
    const group = this.#groupOf(key);
    if (!group || group.quietUntil > now) return false;
    if (group.told.has(key)) return true;
    if (group.told.size >= TOLD_OF_ALIKE || this.#told >= TOLD_IN_ALL) return false;
    group.told.add(key);
    this.#told += 1;
    return true;
  }

  /** There is nothing to tell the pod, nor those that ask for the same, until then. */
  quiet(key: string, until: number): void {
    const group = this.#groupOf(key);
    if (!group) return;
    group.quietUntil = until;
    if (group.told.delete(key)) this.#told -= 1;
  }

  /** How many pods ask for the same and will not be told. */
  untoldLike(key: string): number {
    return Math.max(0, (this.#groupOf(key)?.count ?? 0) - TOLD_OF_ALIKE);
  }

  #groupOf(key: string): Alike | undefined {
    return this.#alike.get(this.#waits.get(key)?.alike ?? '');
  }

  #leave(key: string, wait: Wait): void {
    const { alike = '' } = wait;
    const group = this.#alike.get(alike);
    if (!group) return;
    group.count -= 1;
    if (group.told.delete(key)) this.#told -= 1;
    if (group.count === 0) this.#alike.delete(alike);
    delete wait.alike;
  }
}
