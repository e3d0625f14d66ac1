import { reach } from './connect.ts';
import { choice } from './daemon/flag-types.ts';
import type { Flags, FlagValues } from './daemon/flags.ts';
import { createLook, type Look } from './doctor/look.ts';
import type { Unseen } from './doctor/model/facts.ts';
import { createServerClock } from './doctor/server-clock.ts';
import { peopleCommand, type PeopleCommand } from './people-command.ts';
import { screenOf, type Screen } from './people/screen/screen.ts';
import { OUTPUTS, type Output } from './people/tell.ts';
import { ACCESS } from './people/words/access-flags.ts';
import type { CommandText } from './people/words/command-text.ts';

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

/**
 * A command that reads the cluster and tells what it found. Its text ends with what could not be looked at; the exit
 * code is then 2.
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
    try {
      const unseen: Unseen[] = [];
      const look = createLook(client, unseen, signal);
      const screen = screenOf(process.stdout, env);
      const { words } = given;
      const told = await tell({
        ...{ words, look, unseen, screen, namespace },
        ...{ flags: values, output: values.output, now: clock.now },
      });
      process.stdout.write(told);
      return unseen.length > 0 ? UNSEEN : 0;
    } finally {
      client.close();
    }
  });
}
