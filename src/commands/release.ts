import { annotate, changeCommand, found, type Changing } from './change.ts';
import { text, toggle } from '../daemon/flag-types.ts';
import type { Flags } from '../daemon/flags.ts';
import { find } from '../kube/find.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES } from '../kube/resource.ts';
import { nodeLabelOf } from '../model/node-label.ts';
import { LOST, NODE_LABEL } from '../model/well-known.ts';
import { releaseNode, releaseVolume, type Consequences, type NodeState } from '../people/release.ts';

const KINDS = ['node', 'volume'] as const;

const TEXT = {
  doc: 'Call a node, or the disk of one volume, lost for good, so that what is deleted there is let go of.',
  args: [
    { name: 'KIND', words: KINDS },
    { name: 'NAME', names: { node: 'node', volume: 'volume' } },
  ] as const,
  about: `Without --yes it changes nothing, and tells what would happen. Volumes whose claims are deleted otherwise wait for their
node for ever, since only the node knows that their data is gone. A volume is named as its PersistentVolume.`,
  flags: {
    reason: text({ placeholder: 'TEXT', doc: 'Why, for people: it stands in Events and in kubectl open-local top.' }),
    yes: toggle({ default: false, doc: 'Do it.' }),
  },
};

/** `kubectl open-local release`. */
export const releaseCommand = changeCommand('release', TEXT, async ({ words, flags: { reason, yes }, ...reached }) => {
  const [kind = '', name = ''] = words;
  const release = kind === 'node' ? releasesNode : releasesVolume;
  const consequences = await release(reached, name, yes ? reason : undefined);
  return [...consequences, ...(yes ? ['It is done.'] : ['Nothing was changed: the same with --yes does it.'])];
});

type Reached = Pick<Changing<Flags>, 'client' | 'signal'>;

/** `reason` absent: nothing is written. */
async function releasesNode(reached: Reached, name: string, reason: string | undefined): Promise<Consequences> {
  const state = await readNode(reached, name);
  const target = { resource: NODE_LOCAL_STORAGES, name, annotation: LOST };
  const { told } = await annotate(reached, target, (storage) => ({
    ...(reason !== undefined && { value: reason }),
    told: releaseNode({ ...state, storage }),
  }));
  return told;
}

async function releasesVolume(reached: Reached, name: string, reason: string | undefined): Promise<Consequences> {
  const { spec } = await found(reached, LOCAL_VOLUMES, name);
  const state = await readNode(reached, spec.nodeName);
  const target = { resource: LOCAL_VOLUMES, name, annotation: LOST };
  const { told } = await annotate(reached, target, (volume) => ({
    ...(reason !== undefined && { value: reason }),
    told: releaseVolume(volume, state),
  }));
  return told;
}

async function readNode({ client, signal }: Reached, name: string): Promise<NodeState> {
  const [node, storage, volumes] = await Promise.all([
    find(client, NODES, { name }, signal),
    find(client, NODE_LOCAL_STORAGES, { name }, signal),
    client.list(LOCAL_VOLUMES, { labelSelector: `${NODE_LABEL}=${nodeLabelOf(name)}` }, signal),
  ]);
  return { name, node, storage, volumes: volumes.items };
}
