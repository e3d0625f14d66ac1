import type { PodHold } from './pod-hold.ts';

/** All holds, by pod, and by the key of each volume that they keep room for. */
export class PodHolds {
  readonly #byPod = new Map<string, PodHold>();
  readonly #byVolume = new Map<string, Set<PodHold>>();

  get(podUid: string): PodHold | undefined {
    return this.#byPod.get(podUid);
  }

  all(): Iterable<PodHold> {
    return this.#byPod.values();
  }

  /** Holds with room for this volume. A claim that several pods use may be in several. */
  of(key: string): PodHold[] {
    return [...(this.#byVolume.get(key) ?? [])];
  }

  /**
   * Whether pods are being placed on some of these nodes: any that still float there, and those that settled there and
   * whose hold lasts beyond `since`, ms.
   */
  compete(nodes: Int32Array, since: number): boolean {
    const asked = new Set(nodes);
    for (const { state, expiresAt, plan } of this.#byPod.values())
      if ((state === 'floating' || expiresAt > since) && plan.nodes.some((node) => asked.has(node))) return true;
    return false;
  }

  add(hold: PodHold): void {
    if (this.#byPod.has(hold.podUid)) throw new Error(`pod ${hold.podUid} holds room already`);
    this.#byPod.set(hold.podUid, hold);
    for (const { key } of hold.pending()) {
      const holds = this.#byVolume.get(key) ?? new Set();
      this.#byVolume.set(key, holds.add(hold));
    }
  }

  /** Gives back all that is left of a pod's hold. */
  end(podUid: string): void {
    const hold = this.#byPod.get(podUid);
    if (!hold) return;
    for (const { key } of hold.pending()) this.#unlink(key, hold);
    hold.endAll();
    this.#byPod.delete(podUid);
  }

  /** Gives back what one pod holds for one volume, because something else counts it now. */
  endVolume(key: string, hold: PodHold): void {
    this.#unlink(key, hold);
    if (hold.end(key)) this.#byPod.delete(hold.podUid);
  }

  #unlink(key: string, hold: PodHold): void {
    const holds = this.#byVolume.get(key);
    holds?.delete(hold);
    if (holds?.size === 0) this.#byVolume.delete(key);
  }
}
