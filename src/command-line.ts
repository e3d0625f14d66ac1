import { asksForHelp, BadFlags } from './daemon/flags.ts';
import { Fault, type FaultKind, textOf } from './model/fault.ts';

/** One subcommand: its help text, and how a command line becomes a run. */
export interface Command {
  readonly help: () => string;
  /** Throws BadFlags, or Fault for something a flag names that cannot be used; the run resolves with the exit code. */
  readonly prepare: (
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ) => Promise<(signal: AbortSignal) => Promise<number | void>>;
}

/** Exit codes: 1 the run failed, 2 the command line or something it names cannot be used. */
const FAILED = 1;
const UNUSABLE = 2;
const UNUSABLE_KINDS: ReadonlySet<FaultKind> = new Set(['invalid', 'precondition']);

/**
 * Runs a subcommand to its end. The first SIGTERM or SIGINT asks it to finish what is under way, a second one ends the
 * process at once. Every problem of the command line is one line on stderr.
 */
export async function runCommand(name: string, command: Command, args: readonly string[]): Promise<never> {
  if (asksForHelp(args)) {
    process.stdout.write(command.help());
    process.exit(0);
  }
  const stop = stopOnSignals();
  try {
    const run = await command.prepare(args, process.env);
    process.exit((await run(stop)) ?? 0);
  } catch (error) {
    const lines = error instanceof BadFlags ? error.problems : [textOf(error)];
    for (const line of lines) process.stderr.write(`open-local ${name}: ${line}\n`);
    process.exit(
      error instanceof BadFlags || (error instanceof Fault && UNUSABLE_KINDS.has(error.kind)) ? UNUSABLE : FAILED,
    );
  }
}

function stopOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(128 + number);
      controller.abort();
    });
  }
  return controller.signal;
}
