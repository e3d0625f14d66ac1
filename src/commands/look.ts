import { reach } from '../connect.ts';
import { choice, duration, toggle } from '../daemon/flag-types.ts';
import type { Flags, FlagValues } from '../daemon/flags.ts';
import { createLook, type Look } from '../doctor/look.ts';
import type { Unseen } from '../doctor/model/facts.ts';
import { createServerClock } from '../doctor/server-clock.ts';
import { ApiError } from '../kube/errors.ts';
import { textOf } from '../model/fault.ts';
import { peopleCommand, type PeopleCommand } from './people-command.ts';
import { screenOf, type Screen } from '../people/screen/screen.ts';
import { OUTPUTS, type Output } from '../people/tell.ts';
import { ACCESS } from '../people/words/access-flags.ts';
import type { CommandText } from '../people/words/command-text.ts';
import { pause } from '../wait/pause.ts';

/** What a command that only looks is given. */
export interface Looking<F extends Flags> {
  readonly words: readonly string[];
  readonly flags: FlagValues<F>;
  readonly output: Output;
  readonly look: Look;
  readonly unseen: readonly Unseen[];
  readonly now: () => number;
  readonly screen: Screen;
  /** Of the context: what is meant where none is named. */
  readonly namespace: string;
}

/** Of what could not be looked at. */
const UNSEEN = 2;

/** Flags of a command that can look again and again. */
export const WATCH = {
  watch: toggle({ default: false, short: 'w', doc: 'Look again and again, until Ctrl-C.' }),
  every: duration({ default: '10s', doc: 'With --watch: how long after a look the next one begins.' }),
};

/** From the upper left corner on, over what stood there; what was below it is gone. ECMA-48: CUP, ED. */
const ANEW = '\u001B[H\u001B[2J';

/**
 * A command that reads the cluster and tells what it found. Its text ends with what could not be looked at; the exit
 * code is then 2. With the flags of WATCH it goes on until the signal; a cluster that does not answer for a while is
 * told, and looked at again.
 */
export function lookCommand<const F extends Flags>(
  name: string,
  text: CommandText & { readonly flags: F },
  tell: (looking: Looking<F>) => Promise<string>,
): PeopleCommand {
  const output = choice(OUTPUTS, {
    ...{ short: 'o', default: 'text' },
    doc: 'text fits the terminal, wide cuts nothing, json is one document for programs (sizes in bytes).',
  });
  const flags = { ...text.flags, ...ACCESS, output };
  return peopleCommand(name, { ...text, flags }, async (given, env, signal) => {
    const values = given.flags as FlagValues<F> & FlagValues<typeof ACCESS> & { readonly output: Output };
    const clock = createServerClock(Date.now);
    const { client, namespace } = await reach(name, values, env, { onAnswer: clock.heard });
    const lookOnce = async (): Promise<{ readonly told: string; readonly code: number }> => {
      const unseen: Unseen[] = [];
      const told = await tell({
        ...{ words: given.words, look: createLook(client, unseen, signal), unseen, namespace },
        ...{ flags: values, output: values.output, now: clock.now, screen: screenOf(process.stdout, env) },
      });
      return { told, code: unseen.length > 0 ? UNSEEN : 0 };
    };
    try {
      const { watch = false, every = 0 } = values as Partial<FlagValues<typeof WATCH>>;
      if (watch) return await lookAgain(lookOnce, every, signal);
      const { told, code } = await lookOnce();
      process.stdout.write(told);
      return code;
    } finally {
      client.close();
    }
  });
}

/** Until the signal; resolves with the exit code of the last look. */
async function lookAgain(
  lookOnce: () => Promise<{ readonly told: string; readonly code: number }>,
  everyMs: number,
  signal: AbortSignal,
): Promise<number> {
  let last = 0;
  while (!signal.aborted) {
    try {
      const { told, code } = await lookOnce();
      process.stdout.write(process.stdout.isTTY ? `${ANEW}${told}` : `${told}\n`);
      last = code;
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof ApiError)) throw error;
      process.stderr.write(`the cluster cannot be looked at, and is tried again: ${textOf(error)}\n`);
      last = UNSEEN;
    }
    await pause(everyMs, signal);
  }
  return last;
}
