import { MIB } from '../../model/bytes.ts';
import type { GroupFacts } from '../../model/facts.ts';
import { Slot } from './slot.ts';

/** LVM's default, until the node has reported the group. */
const DEFAULT_EXTENT = 4 * MIB;

interface VolumeUse {
  observed: number;
  recorded: number;
}

/**
 * A volume group, with each volume in it counted once, by the larger of what is recorded and what the node has seen.
 */
export class GroupSlot extends Slot {
  readonly kind = 'LVM';
  /**
   * Undefined while the node does not report the group: it has no room then, and what is held or recorded in it stays
   * so.
   */
  facts: GroupFacts | undefined;
  readonly #volumes = new Map<string, VolumeUse>();

  constructor(...slot: ConstructorParameters<typeof Slot>) {
    super(...slot);
    this.columns.extent[this.row] = DEFAULT_EXTENT;
    this.columns.groupName[this.row] = this.columns.numberGroup(this.name);
  }

  /** Of the group, in bytes. */
  get total(): number {
    return this.columns.total[this.row]!;
  }

  /** The node's report of the group; undefined when the report does not have it. */
  report(facts: GroupFacts | undefined): void {
    this.noteReport(this.facts, facts);
    this.facts = facts;
    this.columns.total[this.row] = facts?.total ?? 0;
    this.columns.extent[this.row] = facts?.extentSize || DEFAULT_EXTENT;
    for (const use of this.#volumes.values()) use.observed = 0;
    for (const { name, size } of facts?.volumes ?? []) this.#use(name).observed = size;
    for (const [name, use] of this.#volumes) this.#dropUnused(name, use);
    this.#recount();
  }

  record(volume: string, size: number | undefined): void {
    if (size === undefined) this.noteLeft(volume);
    const use = this.#use(volume);
    use.recorded = size ?? 0;
    this.#dropUnused(volume, use);
    this.#recount();
  }

  takenBy(volume: string): number {
    const use = this.#volumes.get(volume);
    return use ? this.#amountOf(use) : 0;
  }

  isIdle(): boolean {
    return this.facts === undefined && this.#volumes.size === 0 && this.settled === 0 && this.floating === 0;
  }

  /** Names of the recorded volumes. */
  recorded(): string[] {
    return [...this.#volumes].flatMap(([name, { recorded }]) => (recorded === 0 ? [] : [name]));
  }

  /** What each volume takes, as it was told, bytes. */
  uses(): ReadonlyMap<string, Readonly<VolumeUse>> {
    return this.#volumes;
  }

  /** Sums in bytes, each volume in whole extents. */
  usage(): { observed: number; recorded: number; taken: number; unattributed: number } {
    let observed = 0;
    let recorded = 0;
    let taken = 0;
    for (const use of this.#volumes.values()) {
      observed += use.observed;
      recorded += this.amountFor(use.recorded);
      taken += this.#amountOf(use);
    }
    const used = this.total - (this.facts?.available ?? 0);
    // Mirrors, thin pools and moves take room that no volume shows.
    return { observed, recorded, taken, unattributed: Math.max(0, used - observed) };
  }

  #amountOf(use: VolumeUse): number {
    return Math.max(use.observed, this.amountFor(use.recorded));
  }

  #use(volume: string): VolumeUse {
    let use = this.#volumes.get(volume);
    if (!use) this.#volumes.set(volume, (use = { observed: 0, recorded: 0 }));
    return use;
  }

  #dropUnused(volume: string, use: VolumeUse): void {
    if (use.observed === 0 && use.recorded === 0) this.#volumes.delete(volume);
  }

  #recount(): void {
    const { taken, unattributed } = this.usage();
    this.rebase(this.total - (this.facts?.reserved ?? 0) - taken - unattributed);
  }
}
