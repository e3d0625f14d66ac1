/** An existing PersistentVolume that a pod counts on for one of its claims, on some nodes. */
export interface CountedOnPv {
  readonly pv: string;
  /** Of the claim. */
  readonly key: string;
  readonly nodes: readonly string[];
}

/**
 * The PersistentVolumes that pods count on instead of room: one is for one claim, until the pod is on a node or its
 * time is over.
 */
export class PvHolds {
  readonly #byPod = new Map<string, { readonly expiresAt: number; readonly items: readonly CountedOnPv[] }>();
  /** By PersistentVolume and pod: the key of the claim. */
  readonly #byPv = new Map<string, Map<string, string>>();
  readonly #freed: () => void;

  /** `freed` is called when a PersistentVolume may be counted on by others again. */
  constructor(freed: () => void) {
    this.#freed = freed;
  }

  /** Keys of the claims for which pods count on this PersistentVolume. */
  keysOf(pv: string): Iterable<string> {
    return this.#byPv.get(pv)?.values() ?? [];
  }

  /** Keys of the pod's claims that need no room on the node. */
  servedOn(podUid: string, node: string): ReadonlySet<string> {
    const items = this.#byPod.get(podUid)?.items ?? [];
    return new Set(items.filter(({ nodes }) => nodes.includes(node)).map(({ key }) => key));
  }

  /** In place of what the pod counted on before. Times in ms. */
  set(podUid: string, items: readonly CountedOnPv[], expiresAt: number): void {
    this.#drop(podUid);
    if (items.length === 0) return;
    this.#byPod.set(podUid, { expiresAt, items });
    for (const { pv, key } of items)
      this.#byPv.set(pv, (this.#byPv.get(pv) ?? new Map<string, string>()).set(podUid, key));
  }

  /** The pod goes to this node: it counts on nothing elsewhere. */
  settle(podUid: string, node: string): void {
    const counted = this.#byPod.get(podUid);
    if (!counted) return;
    const items = counted.items.filter(({ nodes }) => nodes.includes(node)).map((item) => ({ ...item, nodes: [node] }));
    this.set(podUid, items, counted.expiresAt);
    if (items.length < counted.items.length) this.#freed();
  }

  end(podUid: string): void {
    if (this.#drop(podUid)) this.#freed();
  }

  /** The claim is gone: what comes under its name is another one (R4, uid, not name). */
  leaveClaim(claimKey: string): void {
    this.#leave(({ key }) => key === claimKey);
  }

  /** The PersistentVolume is gone, or bound to the claim of this key. */
  leavePv(name: string, claimKey?: string): void {
    if (this.#byPv.has(name)) this.#leave(({ pv, key }) => pv === name && key !== claimKey);
  }

  #leave(isLeft: (item: CountedOnPv) => boolean): void {
    for (const [podUid, { expiresAt, items }] of this.#byPod) {
      const left = items.filter((item) => !isLeft(item));
      if (left.length === items.length) continue;
      this.set(podUid, left, expiresAt);
      this.#freed();
    }
  }

  expire(nowMs: number): void {
    for (const [podUid, { expiresAt }] of this.#byPod) if (expiresAt <= nowMs) this.end(podUid);
  }

  #drop(podUid: string): boolean {
    for (const { pv } of this.#byPod.get(podUid)?.items ?? []) {
      const pods = this.#byPv.get(pv);
      pods?.delete(podUid);
      if (pods?.size === 0) this.#byPv.delete(pv);
    }
    return this.#byPod.delete(podUid);
  }
}
