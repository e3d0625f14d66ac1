import type { UnitFacts } from '../../model/facts.ts';
import { Slot } from './slot.ts';

/** A whole disk or mount point: it serves one volume. */
export class UnitSlot extends Slot {
  readonly kind: UnitFacts['kind'];
  /** Undefined while the node does not report it. */
  facts: UnitFacts | undefined;
  readonly owners = new Set<string>();

  constructor(kind: UnitFacts['kind'], ...slot: ConstructorParameters<typeof Slot>) {
    super(...slot);
    this.kind = kind;
  }

  /** The node's report of the unit; undefined when the report does not have it. */
  report(facts: UnitFacts | undefined): void {
    this.noteReport(this.facts, facts);
    this.facts = facts;
    this.#recount();
  }

  record(volume: string, size: number | undefined): void {
    if (size === undefined) {
      this.noteLeft(volume);
      this.owners.delete(volume);
    } else this.owners.add(volume);
    this.#recount();
  }

  recorded(): string[] {
    return [...this.owners];
  }

  takenBy(volume: string): number {
    return this.owners.has(volume) ? 1 : 0;
  }

  isIdle(): boolean {
    return this.facts === undefined && this.owners.size === 0 && this.settled === 0 && this.floating === 0;
  }

  #recount(): void {
    this.rebase((this.facts?.usable ? 1 : 0) - this.owners.size);
  }
}
