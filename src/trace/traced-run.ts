import path from 'node:path';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { NO_TRACER, type Tracer } from './tracer.ts';

/**
 * Every program that is run for a span is a part of it. Its arguments are told, and neither its input, where keys are,
 * nor what it says.
 */
export function tracedRun(run: Run, tracer: Tracer): Run {
  if (tracer === NO_TRACER) return run;
  return (argv, options, signal) =>
    tracer.within({ name: nameOf(argv), attributes: { 'process.command_args': argv } }, async (span) => {
      try {
        return await run(argv, options, signal);
      } catch (error) {
        span.fail(howItEnded(error));
        throw error;
      }
    });
}

/** lvm is one program with many names. */
function nameOf([program = '', verb = '']: readonly string[]): string {
  const name = path.basename(program);
  return name === 'lvm' ? verb : name;
}

function howItEnded(error: unknown): string {
  if (!(error instanceof CommandFailed)) return 'did not end';
  const { exitCode, signal } = error;
  return exitCode === undefined ? `ended by ${signal ?? 'nothing known'}` : `exited with ${exitCode}`;
}
