import { orAborted } from '../wait/abort.ts';

/** Runs tasks with the same key one after another, in the order they came, and others side by side. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Rejects with the signal's reason when it is aborted before the task's turn has come; a running task is not
   * interrupted.
   */
  async run<T>(key: string, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: mine, resolve: release } = Promise.withResolvers<void>();
    void this.#enqueue(key, before, mine);
    try {
      await orAborted(before, signal);
      return await task();
    } finally {
      release();
    }
  }

  /**
   * As `run`, with all these keys at once. They are taken in the order of their names, so that two tasks with several
   * of the same keys never wait for each other; a task must not ask for further ones.
   */
  async runAll<T>(keys: readonly string[], task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const [first, ...others] = [...new Set(keys)].toSorted();
    if (first === undefined) return task();
    return this.run(first, () => this.runAll(others, task, signal), signal);
  }

  /** Whether a task with this key runs or waits. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }

  async #enqueue(key: string, before: Promise<void>, mine: Promise<void>): Promise<void> {
    const tail = Promise.all([before, mine]).then(() => undefined);
    this.#tails.set(key, tail);
    await tail;
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
