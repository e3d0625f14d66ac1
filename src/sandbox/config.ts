import { choice, optionalText, text, toggle } from '../daemon/flag-types.ts';
import { describeFlags, parseFlags, type FlagValues } from '../daemon/flags.ts';

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
  'log-dir': optionalText({
    doc: 'Keep the logs of operator and agents in this directory. Without it they are deleted at the end.',
    placeholder: 'DIR',
  }),
  driver: text({ doc: 'The name of the CSI driver.', placeholder: 'NAME', default: 'local.csi.aliyun.com' }),
};

export type SandboxConfig = FlagValues<typeof FLAGS>;

/** Throws BadFlags with every problem of the command line. */
export const parseSandboxConfig = (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SandboxConfig => parseFlags(FLAGS, args, env);

/** The help text of `open-local sandbox`. */
export const sandboxHelp = (): string =>
  `Plays a whole cluster on this machine: an in-memory API server, stand-ins for kube-scheduler, provisioner,
resizer and kubelets, and the real operator and agents, as processes of their own. Exits with 1 when a step does
not end as the story says.

Usage: open-local sandbox [flags]

${describeFlags(FLAGS)}
`;
