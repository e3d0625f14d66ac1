import { textOf } from '../../model/fault.ts';
import { checkTopologies, type TopologyTerm } from '../../model/class-topologies.ts';
import { present } from '../../model/present.ts';
import { checkReserved } from '../../model/reserved-parameters.ts';
import type { ClassFacts, PvFacts } from '../../model/facts.ts';
import { parseStorageClass, type VolumePolicy } from '../../model/storage-class.ts';

/** A StorageClass of ours; `policy` is undefined when no volume of it can be made, and `problem` says how. */
export interface OurClass {
  readonly name: string;
  readonly policy?: VolumePolicy;
  readonly problem?: string;
  /** Where its volumes may be made. Absent: on any node. */
  readonly topologies?: readonly TopologyTerm[];
}

/**
 * The StorageClasses whose provisioner is ours. Unknown classes and those of other drivers ask nothing of us (R9, not
 * ours, no cost).
 */
export class Classes {
  readonly #drivers: ReadonlySet<string>;
  readonly #facts = new Map<string, ClassFacts>();
  readonly #ours = new Map<string, OurClass>();

  constructor(drivers: readonly string[]) {
    this.#drivers = new Set(drivers);
  }

  isOurDriver(name: string): boolean {
    return this.#drivers.has(name);
  }

  /** Why nothing of ours can be cloned from the volume; undefined when it is ours. */
  foreign(volume: Pick<PvFacts, 'driver'> | undefined): string | undefined {
    if (!volume || this.isOurDriver(volume.driver)) return undefined;
    return `its volume is of ${volume.driver === '' ? 'no CSI driver' : `the CSI driver ${volume.driver}`}`;
  }

  find(name: string | undefined): OurClass | undefined {
    return name === undefined ? undefined : this.#ours.get(name);
  }

  all(): Iterable<OurClass> {
    return this.#ours.values();
  }

  /** All that were told, by name: ours and others'. */
  get told(): ReadonlyMap<string, ClassFacts> {
    return this.#facts;
  }

  /** False when nothing changed. */
  set(facts: ClassFacts): boolean {
    if (JSON.stringify(this.#facts.get(facts.name)) === JSON.stringify(facts)) return false;
    this.#facts.set(facts.name, facts);
    if (this.#drivers.has(facts.provisioner)) this.#ours.set(facts.name, read(facts));
    else this.#ours.delete(facts.name);
    return true;
  }

  delete(name: string): boolean {
    this.#ours.delete(name);
    return this.#facts.delete(name);
  }
}

function read({ name, parameters, mountOptions, topologies }: ClassFacts): OurClass {
  try {
    checkTopologies(topologies);
    checkReserved(parameters);
    return { name, policy: parseStorageClass(parameters, mountOptions), ...present({ topologies }) };
  } catch (error) {
    return { name, problem: textOf(error) };
  }
}
