import { Gate } from './gate.ts';

/** Lets so many tasks of the same key run at a time, and so many of all, each key's in the order in which they came. */
export class Gates {
  readonly #ofOneKey: number;
  readonly #all: Gate;
  readonly #gates = new Map<string, Gate>();

  constructor({ ofOneKey, inAll }: { readonly ofOneKey: number; readonly inAll: number }) {
    this.#ofOneKey = ofOneKey;
    this.#all = new Gate(inAll);
  }

  /** How many tasks of a key wait for another one of it to end. */
  waiting(key: string): number {
    return this.#gates.get(key)?.waiting ?? 0;
  }

  /** Rejects with the signal's reason when it is aborted before the task's turn has come. */
  async run<T>(key: string, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const gate = this.#gates.get(key) ?? new Gate(this.#ofOneKey);
    this.#gates.set(key, gate);
    try {
      return await gate.run(() => this.#all.run(task, signal), signal);
    } finally {
      if (gate.isIdle) this.#gates.delete(key);
    }
  }
}
