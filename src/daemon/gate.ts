import { orAborted } from '../wait/abort.ts';

/** Lets so many tasks run at a time, in the order in which they came. */
export class Gate {
  readonly #atOnce: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** How many tasks wait for one of those that run to end. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether no task runs or waits. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0;
  }

  /** Whether a task that comes now runs at once. */
  get isOpen(): boolean {
    return this.#running < this.#atOnce;
  }

  /** Rejects with the signal's reason when it is aborted before the task's turn has come. */
  async run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.isOpen) this.#running += 1;
    else await this.#turn(signal);
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  /** Whoever ends hands its place on. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await orAborted(promise, signal);
    } catch (error) {
      if (!this.#waiting.delete(resolve)) this.#leave();
      throw error;
    }
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
