import type { NodeStorage } from '../../model/facts.ts';
import type { VolumeKind } from '../../model/storage-class.ts';
import { NONE, type Columns } from './columns.ts';
import { GroupSlot } from './group-slot.ts';
import type { Slot } from './slot.ts';
import { UnitSlot } from './unit-slot.ts';

/** One node: the slots that it reports, and those that it does not and in which something is held or recorded. */
export class NodeRoom {
  readonly name: string;
  readonly number: number;
  groups: readonly GroupSlot[] = [];
  /** Smallest first. */
  units: readonly UnitSlot[] = [];
  readonly #unmet = new Set<string>();
  readonly #columns: Columns;
  readonly #byRow: (Slot | undefined)[];
  readonly #slots = new Map<string, GroupSlot | UnitSlot>();

  /** `byRow`: the slots of all nodes; this node enters its own. */
  constructor(name: string, columns: Columns, byRow: (Slot | undefined)[]) {
    this.name = name;
    this.#columns = columns;
    this.#byRow = byRow;
    this.number = columns.addNode();
  }

  /** True while its NodeLocalStorage exists. */
  get present(): boolean {
    return this.#columns.present[this.number] === 1;
  }

  /** Uids of the claims that are unmet here: the scheduler sent them, and there was no room. */
  get unmet(): ReadonlySet<string> {
    return this.#unmet;
  }

  /**
   * Takes the node's report; undefined when it is gone. Slots that it no longer has keep what is held or recorded in
   * them.
   */
  report(storage: NodeStorage | undefined): void {
    this.#columns.present[this.number] = storage === undefined ? 0 : 1;
    const groups = new Map(storage?.groups.map((group) => [this.group(group.name), group]));
    const units = new Map(storage?.units.map((unit) => [this.unit(unit.kind, unit.path), unit]));
    for (const slot of this.#slots.values()) {
      if (slot.kind === 'LVM') slot.report(groups.get(slot));
      else slot.report(units.get(slot));
    }
    this.groups = [...groups.keys()];
    this.units = [...units.keys()].toSorted((a, b) => (a.facts?.size ?? 0) - (b.facts?.size ?? 0));
    this.#columns.unitCount[this.number] = this.units.length;
    this.#chain(this.groups);
    this.prune();
  }

  addUnmet(claimUid: string): void {
    this.#unmet.add(claimUid);
    this.#columns.unmetCount[this.number] = this.#unmet.size;
  }

  deleteUnmet(claimUid: string): void {
    this.#unmet.delete(claimUid);
    this.#columns.unmetCount[this.number] = this.#unmet.size;
  }

  group(name: string): GroupSlot {
    return this.#slot('LVM', name) as GroupSlot;
  }

  unit(kind: UnitSlot['kind'], path: string): UnitSlot {
    return this.#slot(kind, path) as UnitSlot;
  }

  slot(kind: VolumeKind, name: string): GroupSlot | UnitSlot {
    return this.#slot(kind, name);
  }

  slots(): Iterable<GroupSlot | UnitSlot> {
    return this.#slots.values();
  }

  /** Forgets slots that are not reported and in which nothing is held or recorded. */
  prune(): void {
    for (const [key, slot] of this.#slots) {
      if (!slot.isIdle()) continue;
      this.#slots.delete(key);
      this.#byRow[slot.row] = undefined;
      this.#columns.removeRow(slot.row);
    }
  }

  isIdle(): boolean {
    return !this.present && this.unmet.size === 0 && this.#slots.size === 0;
  }

  #slot(kind: VolumeKind, name: string): GroupSlot | UnitSlot {
    const key = `${kind} ${name}`;
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = kind === 'LVM' ? new GroupSlot(this.#columns, this, name) : new UnitSlot(kind, this.#columns, this, name);
      this.#slots.set(key, slot);
      this.#byRow[slot.row] = slot;
    }
    return slot;
  }

  /** Links the rows of the groups in this order. */
  #chain(groups: readonly GroupSlot[]): void {
    const { firstGroup, nextGroup } = this.#columns;
    firstGroup[this.number] = groups[0]?.row ?? NONE;
    groups.forEach(({ row }, i) => (nextGroup[row] = groups[i + 1]?.row ?? NONE));
  }
}
