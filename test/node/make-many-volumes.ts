import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import type { LocalVolume } from '../../src/model/objects.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../src/model/well-known.ts';
import { NODE, type AgentNode } from './agent-node.ts';
import { MIB, volumesOn } from './volumes-on.ts';

const EXTENT = 4 * MIB;

/**
 * Makes a group `many` if need be, and volumes in it up to `count`, as an agent would have left them, while there is no agent: one after another
 * would take minutes.
 */
export async function makeManyVolumes(node: AgentNode, count: number, signal: AbortSignal): Promise<void> {
  const on = volumesOn(node, signal);
  const known = (await node.client.list(LOCAL_VOLUMES, {}, signal)).items.length;
  if (known === 0) await on.makeGroup('many', ['many1', 'many2']);
  const names = Array.from({ length: count - known }, (_, at) => `many-${known + at}`);
  await node.stopAgent(signal);
  // They are blank, and udev may come later to all at once.
  const options = `-qq --yes --noudevsync --wipesignatures n --zero n --addtag open-local --size ${EXTENT}b`;
  const commands = names.map((name) => `lvcreate ${options} --name ${name} many`);
  await node.vm.writeFile('/root/commands', commands.join('\n') + '\n', signal);
  await on.bash('lvm < /root/commands > /run/commands.log 2>&1; udevadm settle', 600_000);
  for (const name of names) await node.client.create(LOCAL_VOLUMES, orderOf(name), signal);
  await node.startAgent(signal);
  for (const name of names) await on.until(name, ({ status }) => status?.phase === 'Ready');
}

const orderOf = (name: string): LocalVolume => ({
  apiVersion: 'csi.aliyun.com/v1alpha1',
  kind: 'LocalVolume',
  metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName: NODE, kind: 'LVM', vgName: 'many', sizeBytes: EXTENT, role: 'Volume', fsType: 'ext4' },
});
