// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { testOn } from '../machine.ts';
import type { AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { mounted, targetOf, type VolumesOn } from './agent/volumes-on.ts';

const test = testOn('root', 'qemu');
const signal = AbortSignal.timeout(1_800_000);
const NAME = 'scratch';
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['disk'], ['--interval=3s']));
  // Inline volumes get managed groups only.
  await node.ask({ listConfig: { vgs: { include: ['data'] } } }, signal);
  await node.until(({ status }) => status?.filteredStorageInfo?.volumeGroups?.includes('data') === true, signal);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

/** What the kubelet does: it remembers the volume on disk before it first asks for it. */
async function publish(pod: string, size: string): Promise<string> {
  const targetPath = targetOf(NAME, pod);
  const folder = path.dirname(targetPath);
  await on.bash(`mkdir -p ${folder} /var/lib/kubelet/pods/other; echo '{}' > ${folder}/vol_data.json`);
  const volumeId = inlineVolumeId(pod, NAME);
  const volumeContext = { 'csi.storage.k8s.io/ephemeral': 'true', vgName: 'data', size };
  const nothing = { publishContext: {}, secrets: {}, stagingTargetPath: '', readonly: false };
  await node.csi.nodePublishVolume(
    { ...nothing, volumeId, volumeContext, targetPath, volumeCapability: mounted('ext4') },
    signal,
  );
  return volumeId;
}
const volumes = async (): Promise<readonly string[]> =>
  (await node.client.list(LOCAL_VOLUMES, {}, signal)).items.map(({ metadata }) => metadata.name ?? '');
const lvs = () => on.bash('lvs --noheadings -o lv_name data');

test('an inline volume is made for its pod, lives through a new agent and a power cut, and goes with its pod', async () => {
  const id = await publish('pod-1', '64Mi');
  const file = `${targetOf(NAME, 'pod-1')}/file`;
  await on.bash(`echo kept > ${file}; sync`);
  await node.stopAgent(signal);
  await node.startAgent(signal, 'agent', ['--interval=3s']);
  await publish('pod-1', '64Mi');
  expect([await on.bash(`cat ${file}`), await volumes()]).toEqual(['kept', [id]]);
  await node.restart(signal, ['--interval=3s']);
  await publish('pod-1', '64Mi');
  expect(await on.bash(`cat ${file}`)).toBe('kept');
  await node.csi.nodeUnpublishVolume({ volumeId: id, targetPath: targetOf(NAME, 'pod-1') }, signal);
  await on.untilGone(id);
  expect(await lvs()).toBe('');
});

test('without room the pod is told, and nothing is left of the try', async () => {
  await expect(publish('pod-2', '10Gi')).rejects.toMatchObject({
    code: 8, // RESOURCE_EXHAUSTED
    details: expect.stringContaining('are asked for') as string,
  });
  await on.untilGone(inlineVolumeId('pod-2', NAME));
  expect(await lvs()).toBe('');
});

test('D8: a volume of which the kubelet has lost all memory is removed, and one it remembers is not', async () => {
  const lost = await publish('pod-3', '64Mi');
  const kept = await publish('pod-4', '64Mi');
  await on.bash(`umount ${targetOf(NAME, 'pod-3')} ${targetOf(NAME, 'pod-4')}; rm -rf /var/lib/kubelet/pods/pod-3`);
  await on.untilGone(lost);
  expect(await lvs()).toBe(kept);
  expect((await node.events(signal)).map(({ reason }) => reason)).toContain('PodGone');
});
