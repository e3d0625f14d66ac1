import { writeFile } from 'node:fs/promises';
import { reach } from '../connect.ts';
import { optionalText, wholeNumber } from '../daemon/flag-types.ts';
import { createLook } from '../doctor/look.ts';
import type { Unseen } from '../doctor/model/facts.ts';
import { createServerClock } from '../doctor/server-clock.ts';
import { formatBytes, bytes } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import { peopleCommand } from './people-command.ts';
import { supportFiles } from '../people/support.ts';
import { tarGz } from '../people/tar.ts';
import { INSTALLATION } from '../people/words/access-flags.ts';
import { VERSION } from '../version.ts';

const TEXT = {
  doc: 'Write what somebody needs who helps from afar into one archive: findings, objects, logs, no secrets.',
  args: [],
  about: `Nothing of a Secret is in it. Of pods there is what decides where they go, not their environment, commands and arguments; names are
those of the cluster. README.txt in the archive lists what is there, and what could not be looked at. Read it before you
send it.`,
  flags: {
    ...INSTALLATION,
    output: optionalText({
      ...{ placeholder: 'FILE', short: 'o' },
      doc: 'Where to; without it open-local-support-TIME.tar.gz in this folder. A file that is there is not overwritten.',
    }),
    'log-lines': wholeNumber({
      ...{ placeholder: 'LINES', default: 5000, min: 0, max: 1_000_000 },
      doc: 'How much of the log of each container of open-local.',
    }),
  },
};

/** Of what could not be looked at. */
const UNSEEN = 2;

/** `kubectl open-local support`. */
export const supportCommand = peopleCommand('support', TEXT, async ({ flags }, env, signal) => {
  const { namespace, output, 'log-lines': logLines, ...access } = flags;
  const clock = createServerClock(Date.now);
  const { client } = await reach('support', access, env, { onAnswer: clock.heard });
  try {
    const unseen: Unseen[] = [];
    const look = createLook(client, unseen, signal);
    const { now } = clock;
    const files = await supportFiles({ client, look, unseen, now, namespace, logLines, version: VERSION });
    const time = new Date(now()).toISOString().replaceAll(/[:.]/g, '-');
    const file = output ?? `open-local-support-${time}.tar.gz`;
    const archive = tarGz(files, now());
    await write(file, archive);
    process.stdout.write(`${file}: ${files.length} files, ${formatBytes(bytes(archive.length))}\n`);
    for (const { what, problem } of unseen) process.stdout.write(`not looked at: ${what}: ${problem}\n`);
    return unseen.length > 0 ? UNSEEN : 0;
  } finally {
    client.close();
  }
});

/** For its owner alone: names of a cluster are nobody else's. */
async function write(file: string, archive: Buffer): Promise<void> {
  try {
    await writeFile(file, archive, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new Fault('invalid', `${file} cannot be written: ${textOf(error)}`);
  }
}
