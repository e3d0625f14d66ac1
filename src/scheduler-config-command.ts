import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from './command-line.ts';
import { connect } from './connect.ts';
import { optionalText, text } from './daemon/flag-types.ts';
import { BadFlags, describeFlags, parseFlags } from './daemon/flags.ts';
import { readExtender } from './setup/read-extender.ts';
import { schedulerConfig, TARGETS, type SchedulerConfig, type Target } from './setup/scheduler-config.ts';

const FLAGS = {
  kubeconfig: optionalText({
    placeholder: 'FILE',
    doc: "How to reach the API server; without it by the files in KUBECONFIG, else the pod's service account, else ~/.kube/config.",
  }),
  context: optionalText({ placeholder: 'NAME', doc: 'The context of the kubeconfig; without it its current one.' }),
  namespace: text({ placeholder: 'NAME', default: 'open-local', doc: 'Where open-local is installed.' }),
  service: text({ placeholder: 'NAME', default: 'open-local-scheduler-extender', doc: 'The Service of the extender.' }),
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
  output: optionalText({
    placeholder: 'FOLDER',
    doc: 'Write the files there, readable by you alone; without it they are printed.',
  }),
};

/** `open-local scheduler-config TARGET`: what kube-scheduler of this cluster needs. */
export const schedulerConfigCommand: Command = {
  help: () =>
    `open-local scheduler-config ${TARGETS.join('|')}: what to add to kube-scheduler, for the cluster that it is run against.\n\n${describeFlags(FLAGS)}\n`,
  prepare: async ([name = '', ...args], env) => {
    const target = TARGETS.find((each) => each === name);
    if (target === undefined)
      throw new BadFlags([`"${name}" is not a way to run kube-scheduler: use ${TARGETS.join(', ')}`]);
    const flags = parseFlags(FLAGS, args, env);
    const client = await connect('scheduler-config', flags, env);
    return async (signal) => {
      try {
        const extender = await readExtender(client, flags, signal);
        await tell(target, schedulerConfig(target, extender, flags.image), flags.output);
      } finally {
        client.close();
      }
    };
  },
};

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
