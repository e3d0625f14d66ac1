import { choice, optionalText, toggle } from '../src/daemon/flag-types.ts';
import { TRACE_FLAGS } from '../src/trace/flags.ts';
import { BadFlags, describeFlags, parseFlags, type FlagValues } from '../src/daemon/flags.ts';

const FLAGS = {
  story: optionalText({
    doc: 'The story to play: machines, steps and what must come of them. Without it, the demo in examples/.',
    placeholder: 'FILE',
  }),
  lvm: choice(['simulated', 'real'], {
    doc: 'What the agents make volume groups of: entries of a file, or loop devices with real lvm2 (needs root and lvm2).',
    default: 'simulated',
  }),
  json: toggle({ doc: 'Print one JSON document at the end instead of the story as it goes.', default: false }),
  keep: toggle({
    doc: 'Leave everything running after the last step until Ctrl-C, and print how to reach it with kubectl.',
    default: false,
  }),
  serve: toggle({
    doc: 'As --keep, and pods with claims come and go meanwhile; prints where the metrics and the page are, too.',
    default: false,
  }),
  'log-dir': optionalText({
    doc: 'Keep the logs of operator and agents in this directory. Without it they are deleted at the end.',
    placeholder: 'DIR',
  }),
  'trace-endpoint': TRACE_FLAGS['trace-endpoint'],
};

export type SandboxConfig = FlagValues<typeof FLAGS>;

/** Throws BadFlags with every problem of the command line. */
export function parseSandboxConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SandboxConfig {
  const config = parseFlags(FLAGS, args, env);
  for (const name of ['keep', 'serve'] as const)
    if (config.json && config[name])
      throw new BadFlags([`--json and --${name} exclude each other: a document has an end`]);
  return config;
}

/** The help text of `open-local sandbox`. */
export const sandboxHelp = (): string =>
  `Plays a whole cluster on this machine: an in-memory API server, stand-ins for kube-scheduler, provisioner,
resizer and kubelets, and the real operator and agents, as processes of their own. Exits with 1 when a step does
not end as the story says.

Usage: open-local sandbox [flags]

${describeFlags(FLAGS)}
`;
