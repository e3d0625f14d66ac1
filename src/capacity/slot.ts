import type { VolumeKind } from '../model/storage-class.ts';

/** Room for a pod that may still go to other nodes, or whose node is known. */
export type HoldState = 'floating' | 'settled';

/** The node a slot is on. */
export interface SlotOwner {
  readonly name: string;
  /** Called when a slot has more room than before. */
  roomFreed(): void;
}

/**
 * A place that room is promised in: a volume group, whose room is bytes, or a unit (a whole disk or mount point), whose room is one.
 *
 *   free = base − settled − floating
 *
 * `base` is what the recorded and observed volumes leave. It is negative when more is recorded than there is, for instance after
 * a disk died; then nothing new is promised.
 */
export abstract class Slot {
  abstract readonly kind: VolumeKind;
  readonly node: SlotOwner;
  /** The group's name, the device or the mount point. */
  readonly name: string;
  settled = 0;
  floating = 0;
  free = 0;
  /** Taken by the volumes of a pod that is being planned on this node just now; zero between plans. */
  planned = 0;
  #base = 0;

  constructor(node: SlotOwner, name: string) {
    this.node = node;
    this.name = name;
  }

  /** The room that a volume of so many bytes takes here. */
  abstract amountFor(size: number): number;
  /** Takes note of what a volume has been promised here, in bytes; undefined forgets it. */
  abstract record(volume: string, size: number | undefined): void;
  /** What a volume already takes here, recorded or seen. */
  abstract takenBy(volume: string): number;
  /** True when neither a volume nor a hold nor the node's report speaks of it. */
  abstract isIdle(): boolean;

  get base(): number {
    return this.#base;
  }

  protected rebase(base: number): void {
    const more = base > this.#base;
    this.#base = base;
    this.#refresh();
    if (more) this.node.roomFreed();
  }

  hold(amount: number, state: HoldState): void {
    if (state === 'floating') this.floating += amount;
    else this.settled += amount;
    this.#refresh();
  }

  release(amount: number, state: HoldState): void {
    this.hold(-amount, state);
    this.node.roomFreed();
  }

  #refresh(): void {
    this.free = this.#base - this.settled - this.floating;
  }
}
