import type { NodeRoom } from '../stock/node-stock.ts';
import type { Slot } from '../stock/slot.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';

/**
 * Room held for a claim whose node the scheduler chose, until its volume is recorded. It needs no pod, so it survives
 * a restart.
 */
export interface ClaimHold {
  readonly request: VolumeRequest;
  readonly node: NodeRoom;
  readonly slot: Slot;
  readonly amount: number;
  /** Time, ms; absent until the first look at the clock. */
  expiresAt?: number;
}

export class ClaimHolds {
  readonly #byUid = new Map<string, ClaimHold>();
  readonly #byNode = new Map<NodeRoom, Set<ClaimHold>>();

  get(uid: string): ClaimHold | undefined {
    return this.#byUid.get(uid);
  }

  all(): Iterable<ClaimHold> {
    return this.#byUid.values();
  }

  /** Uids of the claims whose group or disk has less room than is held there. */
  overfull(): string[] {
    return [...this.#byUid].filter(([, { slot }]) => slot.free < 0).map(([uid]) => uid);
  }

  uids(): string[] {
    return [...this.#byUid.keys()];
  }

  /** Uids of the claims whose time is over; `ttlMs` says how long it is, from the first look at the clock. */
  late(nowMs: number, ttlMs: (uid: string) => number): string[] {
    const late: string[] = [];
    for (const [uid, hold] of this.#byUid) {
      hold.expiresAt ??= nowMs + ttlMs(uid);
      if (hold.expiresAt <= nowMs) late.push(uid);
    }
    return late;
  }

  on(node: NodeRoom): ClaimHold[] {
    return [...(this.#byNode.get(node) ?? [])];
  }

  take(uid: string, hold: ClaimHold): void {
    if (this.#byUid.has(uid)) throw new Error(`claim ${uid} holds room already`);
    hold.slot.hold(hold.amount, 'settled');
    this.#byUid.set(uid, hold);
    const there = this.#byNode.get(hold.node) ?? new Set();
    this.#byNode.set(hold.node, there.add(hold));
  }

  end(uid: string): void {
    const hold = this.#byUid.get(uid);
    if (!hold) return;
    this.#byUid.delete(uid);
    const there = this.#byNode.get(hold.node);
    there?.delete(hold);
    if (there?.size === 0) this.#byNode.delete(hold.node);
    hold.slot.release(hold.amount, 'settled');
  }
}
