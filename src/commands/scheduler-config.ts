import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from '../connect.ts';
import { optionalText, text, toggle } from '../daemon/flag-types.ts';
import { peopleCommand } from './people-command.ts';
import { INSTALLATION } from '../people/words/access-flags.ts';
import { assertMarked } from '../setup/assert-marked.ts';
import { readExtender } from '../setup/read-extender.ts';
import {
  schedulerConfig,
  schedulerNameOf,
  TARGETS,
  type SchedulerConfig,
  type Target,
} from '../setup/scheduler-config.ts';

const TEXT = {
  doc: 'What to add to kube-scheduler, for the cluster that it is run against.',
  args: [{ name: 'TARGET', words: TARGETS }],
  flags: {
    ...INSTALLATION,
    service: text({
      placeholder: 'NAME',
      default: 'open-local-scheduler-extender',
      doc: 'The Service of the extender.',
    }),
    secret: text({
      placeholder: 'NAME',
      default: 'open-local-extender-tls',
      doc: "The operator's --extender-tls-secret.",
    }),
    image: text({
      placeholder: 'NAME',
      default: 'registry.k8s.io/kube-scheduler:v1.36.3',
      doc: "Of a second scheduler (deployment): use the cluster's own version.",
    }),
    'marked-pods': toggle({
      default: false,
      doc: "Have kube-scheduler ask about pods with the mark alone, so that all others cost nothing; the chart's scheduler.markPods=true (Kubernetes 1.36) comes first.",
    }),
    bind: toggle({
      default: false,
      doc: 'Have kube-scheduler bind pods through the extender, at a millisecond of CPU each; extender.bind=true of the chart comes first.',
    }),
    output: optionalText({
      placeholder: 'FOLDER',
      short: 'o',
      doc: 'Write the files there, readable by you alone; without it they are printed.',
    }),
  },
};

/** `open-local scheduler-config TARGET`: what kube-scheduler of this cluster needs. */
export const schedulerConfigCommand = peopleCommand('scheduler-config', TEXT, async (given, env, signal) => {
  const { flags, words } = given;
  const [target] = words as readonly [Target];
  const client = await connect('scheduler-config', flags, env);
  const markedPods = flags['marked-pods'];
  try {
    if (markedPods) await assertMarked(client, schedulerNameOf(target), signal);
    const extender = await readExtender(client, flags, signal);
    const choice = { image: flags.image, markedPods, bind: flags.bind };
    await tell(target, schedulerConfig(target, extender, choice), flags.output);
  } finally {
    client.close();
  }
});

async function tell(target: Target, config: SchedulerConfig, folder: string | undefined): Promise<void> {
  const steps = config.steps.map((step, i) => `# ${i + 1}. ${step}`).join('\n');
  if (folder === undefined) {
    const files = config.outputs.map(({ name, place, text }) => `---\n# ${name}: for ${place}\n${text}`);
    process.stdout.write(
      `# kube-scheduler (${target}). It has a private key in it: keep it as you keep one.\n${steps}\n${files.join('')}`,
    );
    return;
  }
  await mkdir(folder, { recursive: true });
  for (const { name, text } of config.outputs) await writeFile(path.join(folder, name), text, { mode: 0o600 });
  process.stdout.write(`${steps}\n`);
}
