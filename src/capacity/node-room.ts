import type { NodeStorage } from '../model/facts.ts';
import type { VolumeKind } from '../model/storage-class.ts';
import { GroupSlot } from './group-slot.ts';
import { UnitSlot } from './unit-slot.ts';

/** What freed room during one step of the ledger: who waits for it is looked at when the step ends. */
export interface FreedRoom {
  any: boolean;
  /** Nodes with claims that are promised to them and found no room yet. */
  readonly awaited: Set<NodeRoom>;
}

/** One node: the slots it reports, and those that only promises speak of. */
export class NodeRoom {
  readonly name: string;
  /** True while its NodeLocalStorage exists. */
  present = false;
  groups: readonly GroupSlot[] = [];
  /** Smallest first. */
  units: readonly UnitSlot[] = [];
  /** Uids of claims that must go here and for which there was no room. */
  readonly unmet = new Set<string>();
  readonly #freed: FreedRoom;
  readonly #slots = new Map<string, GroupSlot | UnitSlot>();

  constructor(name: string, freed: FreedRoom) {
    this.name = name;
    this.#freed = freed;
  }

  /** Takes the node's report; undefined when it is gone. Slots it no longer has keep what was promised in them. */
  report(storage: NodeStorage | undefined): void {
    this.present = storage !== undefined;
    const groups = new Map(storage?.groups.map((group) => [this.group(group.name), group]));
    const units = new Map(storage?.units.map((unit) => [this.unit(unit.kind, unit.path), unit]));
    for (const slot of this.#slots.values()) {
      if (slot.kind === 'LVM') slot.report(groups.get(slot));
      else slot.report(units.get(slot));
    }
    this.groups = [...groups.keys()];
    this.units = [...units.keys()].toSorted((a, b) => (a.facts?.size ?? 0) - (b.facts?.size ?? 0));
    this.prune();
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

  /** Called by a slot that has more room than before. */
  roomFreed(): void {
    this.#freed.any = true;
    if (this.unmet.size > 0) this.#freed.awaited.add(this);
  }

  /** Forgets slots that nothing speaks of any more. */
  prune(): void {
    for (const [key, slot] of this.#slots) if (slot.isIdle()) this.#slots.delete(key);
  }

  isIdle(): boolean {
    return !this.present && this.unmet.size === 0 && this.#slots.size === 0;
  }

  #slot(kind: VolumeKind, name: string): GroupSlot | UnitSlot {
    const key = `${kind} ${name}`;
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = kind === 'LVM' ? new GroupSlot(this, name) : new UnitSlot(kind, this, name);
      this.#slots.set(key, slot);
    }
    return slot;
  }
}
