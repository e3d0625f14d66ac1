import { CommandFailed } from './command-failed.ts';
import type { Run } from './run.ts';

/**
 * Runs programs as `run` does, and none with the very words of an earlier one that hangs and could not be killed: on a
 * disk that does not answer each try would leave one more, until the machine is full of them. Throws CommandFailed in
 * its place, at once.
 */
export function unlessHung(run: Run): Run {
  const hung = new Set<string>();
  return async (argv, options, signal) => {
    const words = argv.join('\0');
    if (hung.has(words)) throw new CommandFailed({ argv, ...NOTHING }, HANGS);
    const onLeft = (gone: Promise<unknown>): void => {
      hung.add(words);
      void gone.then(() => hung.delete(words));
    };
    return run(argv, { ...options, onLeft }, signal);
  };
}

const NOTHING = { exitCode: undefined, signal: undefined, stdout: '', stderr: '' };
const HANGS = 'was not started: an earlier one hangs and cannot be killed';
