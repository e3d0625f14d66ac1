import { orAborted } from '../wait/abort.ts';
import { CommandFailed } from './command-failed.ts';
import type { Output, Run, RunOptions } from './run.ts';

/**
 * What the scripted program does: a string is its stdout, an error is thrown, undefined means that nobody expected the
 * call.
 */
export type Reply = string | Partial<Output> | Error | undefined;
export type Script = (argv: readonly string[], options: RunOptions, signal: AbortSignal) => Reply | Promise<Reply>;

export interface FakeRun {
  readonly run: Run;
  /** Every argv in order, also of the calls that failed. */
  readonly calls: readonly (readonly string[])[];
}

/** A Run for tests: the script is asked for each call. An abort ends the call as with the real one. */
export function createFakeRun(script: Script): FakeRun {
  const calls: (readonly string[])[] = [];
  const run: Run = async (argv, options, signal) => {
    signal.throwIfAborted();
    calls.push(argv);
    const reply = await orAborted(Promise.resolve(script(argv, options, signal)), signal);
    if (reply instanceof Error) throw reply;
    if (reply === undefined) throw new Error(`the test has no script for: ${argv.join(' ')}`);
    return typeof reply === 'string' ? { stdout: reply, stderr: '' } : { stdout: '', stderr: '', ...reply };
  };
  return { run, calls };
}

/** A reply: the program ends with this exit code. */
export const exits = (argv: readonly string[], exitCode: number, stderr = '', stdout = ''): CommandFailed =>
  new CommandFailed({ argv, exitCode, signal: undefined, stdout, stderr }, `exited with ${exitCode}`);
