import { BadFlags, describeFlags, parseFlags, type FlagValues } from '../../src/daemon/flags.ts';
import { custom, optionalText, text, toggle, wholeNumber } from '../../src/daemon/flag-types.ts';
import { parseQuantity } from '../../src/model/quantity.ts';
import type { StoryDisk, StoryNode } from '../story/story.ts';

const FLAGS = {
  kubeconfig: optionalText({
    placeholder: 'FILE',
    doc: 'Join simulated nodes to this cluster, which runs the operator, instead of playing a story.',
  }),
  context: optionalText({ placeholder: 'NAME', doc: 'The context of the kubeconfig; without it its current one.' }),
  nodes: wholeNumber({ placeholder: 'N', default: 3, min: 1, max: 2000, doc: 'How many nodes.' }),
  'node-prefix': text({
    placeholder: 'NAME',
    default: 'sandbox',
    doc: 'The nodes are called NAME-1, NAME-2 and so on.',
  }),
  disks: custom({
    placeholder: 'PATH:SIZE:MEDIA,…',
    default: '/dev/sdb:100Gi:ssd',
    parse: parseDisks,
    doc: 'The blank disks of every node; MEDIA is ssd or hdd.',
  }),
  directory: optionalText({
    placeholder: 'DIR',
    doc: 'Keep the disks in this directory, so that the same nodes can join again with what is on them. Its path must be short: sockets are in it.',
  }),
  remove: toggle({ default: true, doc: 'Delete the Node objects at the end.' }),
};

export type JoinConfig = FlagValues<typeof FLAGS> & { readonly kubeconfig: string };

/** Tells whether the command line asks to join an existing cluster. */
export const asksToJoin = (args: readonly string[]): boolean => args.some((arg) => /^--kubeconfig(=|$)/.test(arg));

/** Throws BadFlags with every problem of the command line. */
export function parseJoinConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): JoinConfig {
  const config = parseFlags(FLAGS, args, env);
  if (config.kubeconfig === undefined) throw new BadFlags(['--kubeconfig is missing']);
  return { ...config, kubeconfig: config.kubeconfig };
}

/** Help text about joining a cluster. */
export const joinHelp = (): string =>
  `With --kubeconfig it joins simulated nodes to a real cluster instead: Node objects, the real agent on disks that
are entries of a file, and a stand-in for each kubelet, all in one process, until it is ended.

Usage: open-local sandbox --kubeconfig FILE [flags]

${describeFlags(FLAGS)}
`;

/** Reads one disk, such as `/dev/sdb:100Gi:ssd`; without a medium it is an SSD. */
function parseDisks(given: string): readonly StoryDisk[] {
  return given.split(',').map((part) => {
    const [name = '', size = '', mediaType = 'ssd', ...more] = part.trim().split(':');
    if (!name.startsWith('/dev/') || size === '' || more.length > 0)
      throw new Error(`"${part}" is no disk: write it as /dev/sdb:100Gi:ssd`);
    if (mediaType !== 'ssd' && mediaType !== 'hdd') throw new Error(`"${mediaType}" is no medium: use ssd or hdd`);
    return { name, size: parseQuantity(size), mediaType };
  });
}

/** Lists the machines that the flags ask for. */
export const nodesOf = ({ nodes, disks, 'node-prefix': prefix }: JoinConfig): StoryNode[] =>
  Array.from({ length: nodes }, (_, i) => ({ name: `${prefix}-${i + 1}`, labels: {}, disks }));
