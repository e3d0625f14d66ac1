import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES } from '../kube/resource.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { Node, NodeLocalStorage } from '../model/objects.ts';
import { releaseNode, releaseVolume, type NodeState } from './release.ts';

const never = new AbortController().signal;
const node = (status: string): Node => ({
  metadata: { name: 'n1' },
  status: { conditions: [{ type: 'Ready', status }] },
});
const nls = (more: Partial<NodeLocalStorage> = {}): NodeLocalStorage => ({ metadata: { name: 'n1' }, ...more });
const volume = (name: string, more: LocalVolume['metadata'] = {}): LocalVolume => ({
  metadata: { name, ...more },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool', sizeBytes: 1024, role: 'Volume' },
  status: { phase: 'Ready', sizeBytes: 1024 },
});
const state = (more: Partial<NodeState> = {}): NodeState => ({
  ...{ name: 'n1', node: undefined, storage: nls(), volumes: [] },
  ...more,
});

test('of a node that is gone it is told which volumes go at once, and which later', () => {
  const deleted = volume('deleted', { deletionTimestamp: '2026-01-01T00:00:00Z' });
  const kept = { ...volume('kept'), spec: { ...volume('').spec, claim: { namespace: 'shop', name: 'data' } } };
  const told = releaseNode(state({ volumes: [deleted, kept] })).join('\n');
  expect(told).toContain('Node n1 is gone. It is called lost from then on');
  expect(told).toContain('Let go of at once, since nobody but the node would remove them: deleted.');
  expect(told).toContain('Let go of once their claims are deleted: kept (claim shop/data).');
  expect(told).toContain('kubectl annotate nls n1 csi.aliyun.com/lost-');
});

test('a node that answers is not released', () => {
  expect(() => releaseNode(state({ node: node('True') }))).toThrow(/node n1 is Ready: its agent removes the volumes/);
  expect(releaseNode(state({ node: node('Unknown') }))[0]).toContain('is there, and not Ready');
});

test('what is lost already, or never was, is named', () => {
  const lost = nls({ metadata: { name: 'n1', annotations: { 'csi.aliyun.com/lost': 'fire' } } });
  expect(() => releaseNode(state({ storage: lost }))).toThrow('node n1 is called lost already (fire)');
  expect(() => releaseNode(state({ storage: undefined }))).toThrow('node n1 has no NodeLocalStorage');
  const called = volume('v', { annotations: { 'csi.aliyun.com/lost': 'water' } });
  expect(() => releaseVolume(called, state())).toThrow('volume v is called lost already (water)');
});

test('a volume is released on a node that answers only if its storage is broken', () => {
  expect(() => releaseVolume(volume('v'), state({ node: node('True') }))).toThrow(
    'node n1 is Ready and reports nothing wrong with volume v: delete its claim',
  );
  const volumeGroups = [
    { name: 'pool', physicalVolumes: [], total: 1, available: 1, allocatable: 1, condition: 'DiskFault' as const },
  ];
  const storage = nls({ status: { nodeStorageInfo: { volumeGroups } } });
  const told = releaseVolume(volume('v'), state({ node: node('True'), storage })).join('\n');
  expect(told).toContain('Its object is let go of once its claim is deleted');
  expect(told).toContain('logical volume pool/v (1 KiB) of node n1');
});

describe('the command', { timeout: 120_000 }, () => {
  let cluster: SickCluster;
  beforeAll(async () => {
    cluster = await startPeopleCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  const run = (...args: string[]) => runForPeople(cluster, args, 1000);
  const lostOf = async (resource: typeof NODE_LOCAL_STORAGES | typeof LOCAL_VOLUMES, name: string) =>
    (await cluster.client.get(resource as typeof NODE_LOCAL_STORAGES, { name }, never)).metadata.annotations?.[
      'csi.aliyun.com/lost'
    ];

  test('nothing is written without --yes', async () => {
    const { stdout, code } = await run('release', 'node', 'worker-3', '--reason', 'burnt');
    expect(stdout).toMatch(/Nothing was changed: the same with --yes does it\.\n$/);
    expect(code).toBe(0);
    expect(await lostOf(NODE_LOCAL_STORAGES, 'worker-3')).toBeUndefined();
  });

  test('with it the reason stands on the node, and top tells it', async () => {
    expect((await run('release', 'node', 'worker-3', '--reason', 'burnt', '--yes')).stdout).toMatch(/It is done\.\n$/);
    expect(await lostOf(NODE_LOCAL_STORAGES, 'worker-3')).toBe('burnt');
    expect((await run('top')).stdout).toMatch(/worker-3 .*lost: burnt/);
  });

  test('a volume whose group misses a disk is released though its node answers', async () => {
    await cluster.change(
      NODES,
      { name: 'worker-2' },
      { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      'status',
    );
    const whole = await run('release', 'volume', 'data-of-a-tenant', '--reason', 'x', '--yes');
    expect(whole.stderr).toContain('reports nothing wrong with volume data-of-a-tenant');
    expect(whole.code).toBe(2);
    expect((await run('release', 'volume', 'local-cache', '--reason', 'disk died', '--yes')).code).toBe(0);
    expect(await lostOf(LOCAL_VOLUMES, 'local-cache')).toBe('disk died');
  });

  test('a volume that is not there is named', async () => {
    const { stderr, code } = await run('release', 'volume', 'nothing', '--reason', 'x');
    expect([stderr, code]).toEqual([
      'open-local release: there is no LocalVolume nothing: kubectl get localvolumes\n',
      2,
    ]);
  });
});
