import type { NodeRoom } from './node-room.ts';
import type { Slot } from './slot.ts';
import type { VolumeRequest } from './volume-request.ts';

/** Room for a claim whose node the scheduler has chosen, until its volume is recorded. It needs no pod, so it survives a restart. */
export interface ClaimHold {
  readonly request: VolumeRequest;
  readonly node: NodeRoom;
  readonly slot: Slot;
  readonly amount: number;
}

export class ClaimHolds {
  readonly #byUid = new Map<string, ClaimHold>();

  get(uid: string): ClaimHold | undefined {
    return this.#byUid.get(uid);
  }

  all(): Iterable<ClaimHold> {
    return this.#byUid.values();
  }

  take(uid: string, hold: ClaimHold): void {
    if (this.#byUid.has(uid)) throw new Error(`claim ${uid} holds room already`);
    hold.slot.hold(hold.amount, 'settled');
    this.#byUid.set(uid, hold);
  }

  end(uid: string): void {
    const hold = this.#byUid.get(uid);
    if (!hold) return;
    this.#byUid.delete(uid);
    hold.slot.release(hold.amount, 'settled');
  }
}
