import type { VolumeKind } from '../../model/storage-class.ts';
import type { Columns, HoldState } from './columns.ts';

/** The node that a slot is on. */
export interface SlotNode {
  readonly name: string;
  readonly number: number;
}

/**
 * A volume group, whose room is bytes, or a unit (a whole disk or mount point), whose room is one volume.
 *
 *   free = base − settled − floating
 *
 * `base` is what the recorded and observed volumes leave. It is negative when more is recorded than there is, for
 * instance after a disk died; then nothing new fits. The numbers stand in a row of the columns.
 */
export abstract class Slot {
  abstract readonly kind: VolumeKind;
  readonly node: SlotNode;
  /** The group's name, the device or the mount point. */
  readonly name: string;
  readonly row: number;
  #refusal: { readonly volumes: Set<string>; until: number } | undefined;
  protected readonly columns: Columns;

  constructor(columns: Columns, node: SlotNode, name: string) {
    this.columns = columns;
    this.node = node;
    this.name = name;
    this.row = columns.addRow(node.number);
  }

  /** Records that a volume takes so many bytes here; undefined: it takes nothing here any more. */
  abstract record(volume: string, size: number | undefined): void;
  /** What a volume takes here already, recorded or observed. */
  abstract takenBy(volume: string): number;
  /** True when the node does not report it and nothing is held or recorded in it. */
  abstract isIdle(): boolean;

  get settled(): number {
    return this.columns.settled[this.row]!;
  }

  get floating(): number {
    return this.columns.floating[this.row]!;
  }

  get free(): number {
    return this.columns.free[this.row]!;
  }

  /** Taken by the volumes of the pod that is being planned on this node; zero between plans. */
  get planned(): number {
    return this.columns.planned[this.row]!;
  }

  set planned(amount: number) {
    this.columns.planned[this.row] = amount;
  }

  /** The room that a volume of so many bytes takes here. */
  amountFor(size: number): number {
    return this.columns.amountFor(this.row, size);
  }

  /** The node could not make the volume here: from now on whatever takes as much or more is refused (R16). */
  refuse(volume: string, amount: number, until: number): void {
    const { columns, row } = this;
    columns.refusedFrom[row] = Math.min(columns.refusedFrom[row]!, amount);
    this.#refusal = { volumes: (this.#refusal?.volumes ?? new Set()).add(volume), until };
  }

  /** The least amount that the node refused here; Infinity when it refused nothing. */
  get refusedFrom(): number {
    return this.columns.refusedFrom[this.row]!;
  }

  refuses(amount: number): boolean {
    return amount >= this.refusedFrom;
  }

  /** Something changed here: what the node refused, it may be able to do now. */
  forgetRefusal(): void {
    if (!this.#refusal) return;
    this.#refusal = undefined;
    this.columns.refusedFrom[this.row] = Infinity;
    this.columns.noteFreed(this.node.number);
  }

  /** Forgets the refusal when its time has passed. True when none is left. */
  expireRefusal(nowMs: number): boolean {
    if (this.#refusal && this.#refusal.until <= nowMs) this.forgetRefusal();
    return this.#refusal === undefined;
  }

  /** A volume is gone from here; one that was refused never was. */
  protected noteLeft(volume: string): void {
    if (this.#refusal && !this.#refusal.volumes.has(volume)) this.forgetRefusal();
  }

  /** The node's report of this place as it was, and as it is now. */
  protected noteReport(before: object | undefined, now: object | undefined): void {
    if (this.#refusal && JSON.stringify(before) !== JSON.stringify(now)) this.forgetRefusal();
  }

  protected rebase(base: number): void {
    const { columns, row } = this;
    const more = base > columns.base[row]!;
    columns.base[row] = base;
    columns.free[row] = base - this.settled - this.floating;
    if (more) columns.noteFreed(this.node.number);
  }

  hold(amount: number, state: HoldState): void {
    this.columns.hold(this.row, amount, state);
  }

  release(amount: number, state: HoldState): void {
    this.columns.release(this.row, amount, state);
  }
}
