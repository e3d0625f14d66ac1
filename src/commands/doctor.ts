import { connect } from '../connect.ts';
import { toggle } from '../daemon/flag-types.ts';
import { diagnose } from '../doctor/doctor.ts';
import { readCluster } from '../doctor/read-cluster.ts';
import { createServerClock } from '../doctor/server-clock.ts';
import { asJson, asText, exitCode } from '../doctor/tell.ts';
import { peopleCommand } from './people-command.ts';
import { screenOf } from '../people/screen/screen.ts';
import { paragraphs } from '../people/screen/table.ts';
import { INSTALLATION } from '../people/words/access-flags.ts';
import { VERSION } from '../version.ts';

/** What a person copies is left to the terminal to break: a blank more would be another command. */
const COMMAND = /^ +to mend: /;

const TEXT = {
  doc: 'What is wrong with an installation, why it matters and what mends it.',
  args: [],
  about: `It changes nothing. Exit code: 0 healthy, 1 something was found, 2 it could not look, or not at everything. Each
finding is explained in docs/doctor.md.`,
  flags: {
    ...INSTALLATION,
    json: toggle({ default: false, doc: 'Tell everything as one JSON document.' }),
  },
};

/** `open-local doctor`, and `kubectl open-local doctor`. */
export const doctorCommand = peopleCommand('doctor', TEXT, async ({ flags }, env, signal) => {
  const { namespace, json, ...access } = flags;
  const clock = createServerClock(Date.now);
  const client = await connect('doctor', access, env, { onAnswer: clock.heard });
  try {
    const facts = await readCluster(client, { version: VERSION, namespace, now: clock.now }, signal);
    const findings = diagnose(facts);
    const { width } = screenOf(process.stdout, env);
    process.stdout.write(json ? asJson(facts, findings) : paragraphs(asText(facts, findings), width, COMMAND));
    return exitCode(facts, findings);
  } finally {
    client.close();
  }
});
