import type { VolumeRequest } from '../needs/volume-request.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { PodHold } from './pod-hold.ts';

/** Room for one volume that a pod gives up, and the other pods that use the same claim. */
interface Given {
  readonly key: string;
  readonly room: ReturnType<PodHold['roomFor']>;
  readonly others: readonly PodHold[];
}

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

  uids(): string[] {
    return [...this.#byPod.keys()];
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
    const given = this.#roomOf(hold);
    for (const { key } of hold.pending()) this.#unlink(key, hold);
    hold.endAll();
    this.#byPod.delete(podUid);
    this.#handOver(given, () => true);
  }

  /** Gives back what one pod holds for one volume, because something else counts it now. */
  endVolume(key: string, hold: PodHold): void {
    this.#unlink(key, hold);
    if (hold.end(key)) this.#byPod.delete(hold.podUid);
  }

  /** Keeps the pod's room on this node only. Other pods that borrow what it gives up elsewhere hold that themselves. */
  settle(hold: PodHold, node: NodeRoom): void {
    const given = this.#roomOf(hold);
    hold.settleOn(node);
    this.#handOver(given, (number) => number !== node.number);
  }

  /** The hold that has room for this claim already, for another pod than the one that asks. */
  holderOf({ key, claimUid }: VolumeRequest, asking?: string): PodHold | undefined {
    if (claimUid === undefined) return undefined;
    return this.of(key).find(
      (hold) =>
        hold.podUid !== asking &&
        hold.pending().some((item) => item.key === key && item.claimUid === claimUid) &&
        [...hold.roomFor(key).values()].some(({ amount }) => amount > 0),
    );
  }

  #roomOf(hold: PodHold): Given[] {
    return hold.pending().flatMap(({ key }) => {
      const others = this.of(key).filter((other) => other !== hold);
      return others.length === 0 ? [] : [{ key, room: hold.roomFor(key), others }];
    });
  }

  #handOver(given: readonly Given[], isGiven: (node: number) => boolean): void {
    for (const { key, room, others } of given) {
      for (const [node, { row, amount }] of room) {
        if (amount === 0 || !isGiven(node)) continue;
        const heir = others.find((other) => {
          const theirs = other.roomFor(key).get(node);
          return theirs?.row === row && theirs.amount === 0;
        });
        heir?.takeOver(key, node, amount);
      }
    }
  }

  #unlink(key: string, hold: PodHold): void {
    const holds = this.#byVolume.get(key);
    holds?.delete(hold);
    if (holds?.size === 0) this.#byVolume.delete(key);
  }
}
