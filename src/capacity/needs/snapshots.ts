import type { SourceFacts } from '../../model/facts.ts';
import { claimKey } from './claims.ts';

/** The snapshots that claims may be made from. */
export class Snapshots {
  /** By `namespace/name`. */
  readonly #told = new Map<string, SourceFacts>();
  #isListed = false;

  /** Undefined while it is not known, or waits for something. */
  find(namespace: string, name: string): SourceFacts | undefined {
    const snapshot = this.#told.get(claimKey(namespace, name));
    return snapshot?.waits ? undefined : snapshot;
  }

  /** Whether something may be made from it some day. False once all that there are were told, and this one is not. */
  mayServe(namespace: string, name: string): boolean {
    return !this.#isListed || this.#told.has(claimKey(namespace, name));
  }

  set(snapshot: SourceFacts): void {
    this.#told.set(claimKey(snapshot.namespace, snapshot.name), snapshot);
  }

  delete(namespace: string, name: string): void {
    this.#told.delete(claimKey(namespace, name));
  }

  listed(): void {
    this.#isListed = true;
  }
}
