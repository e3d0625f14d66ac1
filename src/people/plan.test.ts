import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';
import { settingsOf } from '../doctor/settings.ts';
import { GIB } from '../model/bytes.ts';
import type { NodeConfig, NodeLocalStorage } from '../model/objects.ts';
import { sampleDevice } from './device-fixture.ts';
import { planOf, type NodePlan } from './plan.ts';
import { tellPlan } from './tell-plan.ts';

/** A node that has one group and one mount, offers /dev/sdd and /dev/sde, and has looked at /dev/sdc. */
const report = (): NodeLocalStorage => ({
  metadata: { name: 'n1' },
  spec: { nodeName: 'n1', resourceToBeInited: { vgs: [{ name: 'pool', devices: ['/dev/sdb', '/dev/sdc'] }] } },
  status: {
    nodeStorageInfo: {
      deviceInfo: [
        sampleDevice('/dev/sda', { inUse: 'is mounted at /' }),
        sampleDevice('/dev/sdb', { inUse: 'belongs to volume group pool' }),
        sampleDevice('/dev/sdc'),
        sampleDevice('/dev/sdd'),
        sampleDevice('/dev/sde', { inUse: 'carries filesystem xfs' }),
        sampleDevice('/dev/sdf'),
        sampleDevice('/dev/sdg', { inUse: 'is mounted at /mnt/open-local/a' }),
      ],
      volumeGroups: [
        { name: 'pool', uuid: 'u', physicalVolumes: ['/dev/sdb'], total: GIB, available: GIB, allocatable: GIB },
      ],
      mountPoints: [
        { name: '/mnt/open-local/a', device: '/dev/sdg', total: GIB, available: GIB, isBind: false, readOnly: false },
      ],
    },
    filteredStorageInfo: { volumeGroups: ['pool'], devices: ['/dev/sdd', '/dev/sde'] },
    conditions: [
      {
        ...{ type: 'VolumeGroup/pool', status: 'False', reason: 'DeviceRefused', lastTransitionTime: '' },
        message: '/dev/sdc carries filesystem ext4: left alone. If nothing on it is needed: wipefs -a /dev/sdc.',
      },
    ],
  },
});

function planFor(globalConfig: NodeConfig, nls: NodeLocalStorage = report()): NodePlan {
  const config = { metadata: { name: 'open-local' }, spec: { globalConfig } };
  const { verdict, nodes } = planOf(config, {
    nodes: [{ metadata: { name: 'n1' } }],
    storages: [nls],
    settings: settingsOf(undefined),
  });
  expect(verdict.ok).toBe(true);
  return nodes[0]!;
}

const vgs = (name: string, ...devices: string[]): NodeConfig => ({
  listConfig: { vgs: { include: ['pool', 'new'] }, devices: { include: ['/dev/sd[de]'] } },
  resourceToBeInited: { vgs: [{ name, devices }] },
});
const of = (plan: NodePlan, disk: string) => {
  const { will, what } = plan.disks.find((each) => each.disk === disk) ?? {};
  return { will, what };
};

test.each([
  { disk: '/dev/sdb', name: 'pool', will: 'stay', what: 'stays in group pool' },
  { disk: '/dev/sdb', name: 'new', will: 'refuse', what: 'is left alone: it belongs to volume group pool' },
  { disk: '/dev/sda', name: 'new', will: 'refuse', what: 'is left alone: it is mounted at /' },
  { disk: '/dev/sdc', name: 'new', will: 'refuse', what: 'is left alone: it carries filesystem ext4' },
  { disk: '/dev/sde', name: 'new', will: 'refuse', what: 'is left alone: it carries filesystem xfs' },
  { disk: '/dev/sdd', name: 'new', will: 'take', what: 'becomes part of the new group new: it was found blank' },
  { disk: '/dev/sdd', name: 'pool', will: 'take', what: 'is added to group pool: it was found blank' },
  {
    disk: '/dev/sdf',
    name: 'pool',
    will: 'take-if-blank',
    what: 'is added to group pool if it is blank, and is left alone if not: no report says',
  },
  {
    disk: '/dev/sdz',
    name: 'pool',
    will: 'unknown',
    what: 'is in no report: it is not there, or of a kind that its agent does not report',
  },
  {
    disk: '/dev/disk/by-id/x',
    name: 'pool',
    will: 'unknown',
    what: 'is another name of a disk, and reports have disks by their kernel names only: nothing can be said',
  },
])('$disk for group $name: $will', ({ disk, name, ...expected }) => {
  expect(of(planFor(vgs(name, disk)), disk)).toEqual(expected);
});

test('a disk that only its group reports is where that group is', () => {
  const nls = report();
  Object.assign(nls.status?.nodeStorageInfo ?? {}, { deviceInfo: [] });
  expect(of(planFor(vgs('pool', '/dev/sdb'), nls), '/dev/sdb')).toMatchObject({ will: 'stay' });
  expect(of(planFor(vgs('new', '/dev/sdb'), nls), '/dev/sdb')).toEqual({
    will: 'refuse',
    what: 'is left alone: it belongs to volume group pool',
  });
});

test('a group that the agent would leave alone takes no disk', () => {
  const nls = report();
  Object.assign(nls.status?.nodeStorageInfo?.volumeGroups?.[0] ?? {}, { condition: 'DiskFault' });
  expect(of(planFor(vgs('pool', '/dev/sdd'), nls), '/dev/sdd')).toEqual({
    will: 'refuse',
    what: 'is left alone, as its group is: Volume group pool misses devices: bring them back, and see that no filter hides them.',
  });
});

test('disks that are not listed stay, are offered, or are offered no more', () => {
  const plan = planFor({ listConfig: { vgs: { include: ['other'] }, devices: { include: ['/dev/sd[cf]'] } } });
  expect(plan.disks.map(({ disk, will }) => [disk, will])).toEqual([
    ['/dev/sda', 'nothing'],
    ['/dev/sdb', 'stay'],
    ['/dev/sdc', 'offer'],
    ['/dev/sdd', 'withdraw'],
    ['/dev/sde', 'nothing'],
    ['/dev/sdf', 'offer'],
    ['/dev/sdg', 'nothing'],
  ]);
  expect(plan.notes[0]).toBe('Group pool is used for new volumes no more; those that it has stay.');
});

test('a mount point stays, is made, or is refused where nobody would see it', () => {
  const at = (folder: string, disk: string): NodeConfig => ({
    resourceToBeInited: { mountpoints: [{ path: folder, device: disk }] },
  });
  expect(of(planFor(at('/mnt/open-local/a', '/dev/sdg')), '/dev/sdg')).toMatchObject({ will: 'stay' });
  expect(of(planFor(at('/mnt/open-local/b', '/dev/sdd')), '/dev/sdd')).toEqual({
    will: 'take',
    what: 'gets ext4 and is mounted at /mnt/open-local/b: it was found blank',
  });
  expect(of(planFor(at('/mnt/open-local/b', '/dev/sdf')), '/dev/sdf')).toMatchObject({ will: 'take-if-blank' });
  expect(of(planFor(at('/srv/b', '/dev/sdd')), '/dev/sdd')).toEqual({
    will: 'refuse',
    what: 'is left alone: /srv/b must be a folder directly under /mnt/open-local.',
  });
});

test('a node whose configuration is the same is not changed, and of one without a report nothing is said', () => {
  const same = planFor({ resourceToBeInited: { vgs: [{ name: 'pool', devices: ['/dev/sdb', '/dev/sdc'] }] } });
  expect(same.isChanged).toBe(false);
  expect(planFor(vgs('pool', '/dev/sdd')).isChanged).toBe(true);
  const silent = planFor(vgs('pool', '/dev/sdd'), { metadata: { name: 'n1' } });
  expect(silent).toMatchObject({ isChanged: true, disks: [], notes: [expect.stringContaining('has not reported')] });
});

test('another config than the one that counts changes nothing', () => {
  const config = { metadata: { name: 'mine' }, spec: { globalConfig: vgs('pool', '/dev/sdd') } };
  const plan = planOf(config, {
    nodes: [{ metadata: { name: 'n1' } }],
    storages: [report()],
    settings: settingsOf(undefined),
  });
  expect(plan).toMatchObject({ verdict: { ok: false, reason: 'NotUsed' }, nodes: [] });
});

test('no line is wider than the screen, and nothing is cut', () => {
  const node = planFor(vgs('pool', '/dev/sdf', '/dev/disk/by-id/wwn-0x5000c500a1b2c3d4'));
  for (const width of [40, 80]) {
    const lines = tellPlan(
      { verdict: { ok: true, reason: 'Accepted', message: 'x' }, nodes: [node] },
      { width, colour: false },
    );
    expect(lines.filter(({ length }) => length > width)).toEqual([]);
    for (const { what } of node.disks) expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain(what);
  }
});

describe('the command', () => {
  let cluster: SickCluster;
  let folder: string;
  beforeAll(async () => {
    cluster = await startPeopleCluster();
    folder = await mkdtemp(path.join(tmpdir(), 'open-local-plan-'));
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const plan = async (manifest: string, ...args: string[]) => {
    const file = path.join(folder, 'nlsc.yaml');
    await writeFile(file, manifest);
    return runForPeople(cluster, ['plan', '-f', file, ...args]);
  };

  test.each([
    { what: 'no yaml', manifest: 'a: [', says: /nlsc\.yaml: .* at line 1/ },
    {
      what: 'another object',
      manifest: 'kind: Pod\nmetadata: {name: x}',
      says: /it has no NodeLocalStorageInitConfig/,
    },
    {
      what: 'a config of another name',
      manifest: 'kind: NodeLocalStorageInitConfig\nmetadata: {name: x}',
      says: /Only the NodeLocalStorageInitConfig open-local counts/,
    },
    {
      what: 'a pattern that cannot be read',
      manifest:
        'kind: NodeLocalStorageInitConfig\nmetadata: {name: open-local}\nspec: {globalConfig: {listConfig: {vgs: {include: ["("]}}}}',
      says: /spec\.globalConfig\.listConfig\.vgs\.include\[0\]/,
    },
    {
      what: 'another form',
      manifest:
        'kind: NodeLocalStorageInitConfig\nmetadata: {name: open-local}\nspec: {globalConfig: {resourceToBeInited: {vgs: 7}}}',
      says: /is not formed as its definition says: kubectl apply --dry-run=server/,
    },
  ])('$what is refused with the file and what is wrong', async ({ manifest, says }) => {
    const { stdout, stderr, code } = await plan(manifest);
    expect(stderr).toMatch(says);
    expect([stdout, code]).toEqual(['', 2]);
  });

  test('json has every disk of every node', async () => {
    const manifest = 'kind: NodeLocalStorageInitConfig\nmetadata: {name: open-local}\nspec: {}';
    const { nodes } = JSON.parse((await plan(manifest, '-o', 'json')).stdout) as { nodes: NodePlan[] };
    expect(nodes.map(({ node, disks }) => [node, disks.length])).toEqual([
      ['n1', 0],
      ['n2', 0],
      ['worker-1', 4],
      ['worker-2', 2],
      ['worker-3', 0],
    ]);
  });
});
