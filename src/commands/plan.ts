import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { text as textFlag } from '../daemon/flag-types.ts';
import { INIT_CONFIGS } from '../kube/resource.ts';
import { lookCommand } from './look.ts';
import { Fault, textOf } from '../model/fault.ts';
import type { InitConfig } from '../model/objects.ts';
import { planOf, type Plan } from '../people/plan.ts';
import { readRoom, type Room } from '../people/room.ts';
import { asJson, asText, caveats, screenFor } from '../people/tell.ts';
import { tellPlan } from '../people/tell-plan.ts';

const TEXT = {
  doc: 'What a NodeLocalStorageInitConfig would do to every disk of every node, before it is applied.',
  args: [],
  about: `Judged by the functions of operator and agent over what the agents have reported; nothing is written. What is on a disk
an agent looks at only when it is to use it: where that decides, the plan says so. Whether the file is formed as its
definition says: kubectl apply --dry-run=server -f FILE.`,
  flags: {
    filename: textFlag({ placeholder: 'FILE', short: 'f', doc: 'The manifest; - is standard input.' }),
  },
};

/** `kubectl open-local plan`. */
export const planCommand = lookCommand('plan', TEXT, async ({ flags: { filename }, output, screen, ...reading }) => {
  const config = await readConfig(filename);
  const room = await readRoom(reading);
  const plan = planned(config, room, filename);
  if (!plan.verdict.ok) throw new Fault('invalid', `${filename}: ${plan.verdict.message}`);
  if (output === 'json') return asJson(plan, room);
  return asText([...tellPlan(plan, screenFor(output, screen)), ...caveats(room, screen)]);
});

/** The one init config of a manifest. Throws Fault that names the file. */
async function readConfig(filename: string): Promise<InitConfig> {
  const problem = (what: string): Fault => new Fault('invalid', `${filename}: ${what}`);
  let manifest: string;
  try {
    manifest = filename === '-' ? await text(process.stdin) : await readFile(filename, 'utf8');
  } catch (error) {
    throw problem(textOf(error));
  }
  const documents = parseAllDocuments(manifest);
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) throw problem(error.message);
  const objects = documents.map((each) => each.toJS() as Partial<InitConfig> | null);
  const configs = objects.filter((each): each is InitConfig => each?.kind === INIT_CONFIGS.kind && !!each.metadata);
  const [config, ...more] = configs;
  if (!config) throw problem(`it has no ${INIT_CONFIGS.kind}`);
  if (more.length > 0) throw problem(`it has ${configs.length} objects of kind ${INIT_CONFIGS.kind}: one counts`);
  return config;
}

/** The API server would refuse a file of another form; here it is told as such. */
function planned(config: InitConfig, room: Room, filename: string): Plan {
  try {
    return planOf(config, room);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Fault(
      'invalid',
      `${filename} is not formed as its definition says: kubectl apply --dry-run=server -f ${filename} tells where`,
    );
  }
}
