import type { KeyedMutex } from './keyed-mutex.ts';

interface Waiting<Task, Result> {
  readonly task: Task;
  readonly outcome: PromiseWithResolvers<Result>;
}

/**
 * Works on tasks of the same key in batches: those that come while a key is locked wait, and whoever gets the lock
 * takes along all that wait. What takes the lock otherwise has its turn in between.
 */
export class Batches<Task, Result> {
  readonly #locks: KeyedMutex;
  readonly #atMost: number;
  readonly #work: (tasks: readonly Task[], signal: AbortSignal) => Promise<readonly PromiseSettledResult<Result>[]>;
  readonly #waiting = new Map<string, Waiting<Task, Result>[]>();

  /** `work` is given up to `atMost` tasks of one key, and gives an outcome for each, in their order. */
  constructor(
    locks: KeyedMutex,
    atMost: number,
    work: (tasks: readonly Task[], signal: AbortSignal) => Promise<readonly PromiseSettledResult<Result>[]>,
  ) {
    this.#locks = locks;
    this.#atMost = atMost;
    this.#work = work;
  }

  /** The outcome of the task. Rejects with the signal's reason when it is aborted before the task's turn has come. */
  async run(key: string, task: Task, signal: AbortSignal): Promise<Result> {
    const mine: Waiting<Task, Result> = { task, outcome: Promise.withResolvers<Result>() };
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, [...waiting, mine]);
    const turn = this.#locks.run(key, () => this.#takeAlong(key, mine, signal), signal);
    try {
      return (await Promise.all([mine.outcome.promise, turn]))[0];
    } finally {
      this.#leave(key, [mine]);
    }
  }

  async #takeAlong(key: string, first: Waiting<Task, Result>, signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting.get(key) ?? [];
    if (!waiting.includes(first)) return; // taken along by another
    const batch = waiting.slice(0, this.#atMost);
    this.#leave(key, batch);
    const tasks = batch.map(({ task }) => task);
    const results = await this.#work(tasks, signal).catch((reason: unknown) => tasks.map(() => rejected(reason)));
    for (const [at, { outcome }] of batch.entries()) {
      const result = results[at] as PromiseSettledResult<Result>;
      if (result.status === 'fulfilled') outcome.resolve(result.value);
      else outcome.reject(result.reason);
    }
  }

  #leave(key: string, leaving: readonly Waiting<Task, Result>[]): void {
    const left = (this.#waiting.get(key) ?? []).filter((one) => !leaving.includes(one));
    if (left.length === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, left);
  }
}

const rejected = (reason: unknown): PromiseRejectedResult => ({ status: 'rejected', reason });
