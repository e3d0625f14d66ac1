import type { Command } from '../command-line.ts';
import { parseCommandLine, type Flags, type FlagValues } from '../daemon/flags.ts';
import { ApiError } from '../kube/errors.ts';
import { textOf } from '../model/fault.ts';
import { helpOf, judgeArguments, type CommandText } from '../people/words/command-text.ts';

/** A command that people run by hand, with all that is said of it. */
export interface PeopleCommand extends Command {
  readonly text: CommandText;
}

/** Runs with what the command line says. Resolves with the exit code. */
export type Run<F extends Flags> = (
  given: { readonly flags: FlagValues<F>; readonly words: readonly string[] },
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
) => Promise<number | void>;

/** Of what could not be looked at. */
const UNSEEN = 2;

/** A cluster that does not answer, or does not let in, is told in one line, and ends with 2. */
export function peopleCommand<const F extends Flags>(
  name: string,
  text: CommandText & { readonly flags: F },
  run: Run<F>,
): PeopleCommand {
  return {
    text,
    help: () => helpOf(name, text),
    prepare: async (args, env) => {
      const { values, words } = parseCommandLine(text.flags, args, env, (given) => judgeArguments(text, given));
      return async (signal) => {
        try {
          return await run({ flags: values, words }, env, signal);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          process.stderr.write(`open-local ${name}: the cluster cannot be looked at: ${textOf(error)}\n`);
          return UNSEEN;
        }
      };
    },
  };
}
