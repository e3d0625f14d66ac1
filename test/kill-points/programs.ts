import type { ProgramName } from './effects.ts';

/** Decides who dies. */
export interface Watcher {
  /** Told of every effect as it begins. Returns when its program is to die, if it is. */
  readonly onEffect: (effect: string) => 'before' | 'after' | undefined;
}

/** A program that was started. */
export interface Running {
  /** Resolves when it is gone, also when it was killed. */
  readonly ended: Promise<void>;
  /** Whether it was killed, though it may not be gone yet. */
  readonly isKilled: boolean;
  /** Ends it as SIGTERM does. */
  end(): void;
}

/** Both programs of a world. What is killed is started again, as the kubelet does. */
export class Programs {
  readonly #start: (program: ProgramName) => Running;
  readonly #running = new Map<ProgramName, Running>();
  readonly #again = new Map<ProgramName, Promise<void>>();
  #stopping = false;
  /** How many were killed. */
  kills = 0;

  constructor(start: (program: ProgramName) => Running) {
    this.#start = start;
    for (const program of ['operator', 'agent'] as const) this.#begin(program);
  }

  #begin(program: ProgramName): void {
    const running = this.#start(program);
    this.#running.set(program, running);
    this.#again.set(program, this.#startAgain(program, running));
  }

  async #startAgain(program: ProgramName, running: Running): Promise<void> {
    await running.ended;
    if (running.isKilled) this.kills += 1;
    if (!this.#stopping) this.#begin(program);
  }

  /** Resolves when no killed program is about to be started again. */
  async settled(): Promise<void> {
    for (const [program, { isKilled }] of this.#running) if (isKilled) await this.#again.get(program);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const running of this.#running.values()) running.end();
    await Promise.all(this.#again.values());
  }
}
