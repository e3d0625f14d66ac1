import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { ProgramName } from './effects.ts';
import type { FromProgram, ToProgram } from './program-main.ts';
import type { Running, Watcher } from './programs.ts';

const MAIN = path.join(import.meta.dirname, 'program-main.ts');

/** A program that does not end in this time does not end. */
const END_MS = 30_000;

/** A program in a process of its own, which is killed by SIGKILL. */
export class ProgramProcess implements Running {
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #killed = false;

  constructor(program: ProgramName, folder: string, watcher: Watcher) {
    const child = fork(MAIN, [program, folder], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child = child;
    child.on('message', ({ id, began }: FromProgram) => {
      const when = began === undefined ? 'before' : watcher.onEffect(began);
      if (when === 'before') this.#kill();
      else if (!this.#killed) child.send({ id, tellsWhenDone: when === 'after' } satisfies ToProgram);
    });
    this.ended = this.#untilGone(program);
  }

  get isKilled(): boolean {
    return this.#killed;
  }

  end(): void {
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    this.#child.once('exit', () => clearTimeout(force));
  }

  #kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  async #untilGone(program: ProgramName): Promise<void> {
    const [code, signal] = (await once(this.#child, 'exit')) as [number | null, string | null];
    // SIGTERM ends one that has only begun to start.
    if (!this.#killed && code !== 0 && signal !== 'SIGTERM')
      throw new Error(`the ${program} ended with ${code ?? signal}`);
  }
}
