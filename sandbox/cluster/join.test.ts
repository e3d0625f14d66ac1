import { expect, onTestFinished, test } from 'vitest';
import { startOurApi } from '../../test/rig/our-api.ts';
import { silentLog } from '../../src/model/log.ts';
import { NODE_LOCAL_STORAGES, type Resource } from '../../src/kube/resource.ts';
import type { Node, NodeLocalStorage } from '../../src/model/objects.ts';
import { bytes, GIB } from '../../src/model/bytes.ts';
import { joinCluster } from './join.ts';
import type { CsiNode } from '../controllers/kinds.ts';
import type { StoryNode } from '../story/story.ts';

/** Namespace that a real API server has from the start. */
const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const NODES: readonly StoryNode[] = ['n-1', 'n-2'].map((name) => ({
  name,
  labels: { zone: 'a' },
  disks: [{ name: '/dev/sdb', size: bytes(10 * GIB), mediaType: 'ssd' }],
}));

test('nodes join Ready with their driver, their agents work, and they leave nothing behind', async () => {
  const ours = await startOurApi();
  onTestFinished(() => ours.close());
  const { api, client, folder } = ours;
  const ending = new AbortController();
  await client.create(NAMESPACES, { metadata: { name: 'kube-node-lease' } }, ending.signal);
  const lines: string[] = [];
  const { promise: joined, resolve } = Promise.withResolvers<void>();
  const write = (line: string): void => {
    lines.push(line);
    resolve();
  };
  const options = { client, nodes: NODES, directory: folder, remove: true, version: '1', log: silentLog, write };
  const running = joinCluster(options, ending.signal);
  await Promise.race([running, joined]);

  const node = api.stored('nodes', 'n-2') as Node;
  expect(node.status?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  expect(node.spec?.taints ?? []).toEqual([]);
  expect(node.metadata.labels).toMatchObject({ zone: 'a', 'kubernetes.io/hostname': 'n-2' });
  expect((api.stored('csinodes', 'n-2') as CsiNode).spec.drivers).toMatchObject([{ nodeID: 'n-2' }]);

  const resourceToBeInited = { vgs: [{ name: 'pool-0', devices: ['/dev/sdb'] }] };
  const spec = { nodeName: 'n-1', resourceToBeInited, listConfig: { vgs: { include: ['.*'] } } };
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n-1' }, spec }, ending.signal);
  await expect
    .poll(() => (api.stored('nodelocalstorages', 'n-1') as NodeLocalStorage).status?.nodeStorageInfo?.volumeGroups, {
      timeout: 10_000,
    })
    .toMatchObject([{ name: 'pool-0' }]);

  ending.abort();
  await running;
  expect(lines).toEqual(['2 nodes joined: n-1 … n-2', '2 nodes left the cluster']);
  for (const kind of ['nodes', 'csinodes']) expect(api.stored(kind, 'n-1')).toBeUndefined();
  expect(api.stored('leases', 'n-1', 'kube-node-lease')).toBeUndefined();
});
