import type { Guard } from './effects.ts';
import type { Running, Watcher } from './programs.ts';

/** What every effect of a killed program ends with. */
class Killed extends Error {}

/**
 * One life of a program in this process, from its start until it is killed or ends. The world outside can be stopped:
 * from one moment on nothing that the program does happens any more, as after SIGKILL.
 */
export class Life implements Running, Guard {
  readonly ended: Promise<void>;
  readonly #watcher: Watcher;
  readonly #ending = new AbortController();
  #killed = false;

  /** `run` returns when its signal is aborted. */
  constructor(watcher: Watcher, run: (guard: Guard, signal: AbortSignal) => Promise<void>) {
    this.#watcher = watcher;
    this.ended = run(this, this.#ending.signal).catch((error: unknown) => {
      if (!this.#killed) throw error;
    });
  }

  get isKilled(): boolean {
    return this.#killed;
  }

  end(): void {
    this.#ending.abort();
  }

  async look<T>(act: () => Promise<T>): Promise<T> {
    this.#assertAlive();
    const result = await act();
    return result;
  }

  async effect<T>(effect: string, act: () => Promise<T>): Promise<T> {
    this.#assertAlive();
    const when = this.#watcher.onEffect(effect);
    if (when === 'before') this.#kill();
    this.#assertAlive();
    const result = await act().finally(() => {
      if (when === 'after') this.#kill(); // also where it was refused
    });
    this.#assertAlive();
    return result;
  }

  #kill(): void {
    this.#killed = true;
    this.#ending.abort();
  }

  #assertAlive(): void {
    if (this.#killed) throw new Killed('the program was killed');
  }
}
