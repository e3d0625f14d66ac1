import path from 'node:path';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { Guard, ProgramName } from './effects.ts';
import { runProgram } from './run-program.ts';

/** What the program tells: that an effect begins, or, where it was asked to tell, that it is done. */
export interface FromProgram {
  readonly id: number;
  /** Absent: it is done. */
  readonly began?: string;
}

/** Lets an effect happen. */
export interface ToProgram {
  readonly id: number;
  /** The program goes on only when it has told that the effect is done, which nobody answers. */
  readonly tellsWhenDone: boolean;
}

const [, , program = '', folder = ''] = process.argv;
const waiting = new Map<number, (answer: ToProgram) => void>();
process.on('message', (answer: ToProgram) => {
  waiting.get(answer.id)?.(answer);
  waiting.delete(answer.id);
});
let last = 0;

/** Asks the test before each effect. Whoever is to die waits for its death. */
const guard: Guard = {
  look: (act) => act(),
  effect: async (began, act) => {
    const id = (last += 1);
    const { promise, resolve } = Promise.withResolvers<ToProgram>();
    waiting.set(id, resolve);
    process.send?.({ id, began } satisfies FromProgram);
    const { tellsWhenDone } = await promise;
    try {
      return await act();
    } finally {
      // Also where it was refused.
      if (tellsWhenDone) {
        process.send?.({ id } satisfies FromProgram);
        await new Promise(() => {});
      }
    }
  },
};

const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
const die = (): unknown => process.kill(process.pid, 'SIGKILL');
process.once('disconnect', die); // the test is gone, and everything that the program works with
const kubeconfig = await loadKubeconfig(path.join(folder, 'kubeconfig'), { run });
const client = createKubeClient(kubeconfig, { userAgent: 'test', timeoutMs: 5000 });
await runProgram(program as ProgramName, { client, folder, guard }, ending.signal);
client.close();
process.off('disconnect', die).disconnect();
