import { expect, test } from 'vitest';
import { GIB, MIB } from './bytes.ts';
import { nodeStorage } from './decode-node.ts';
import type { NlsDevice, NlsMountPoint, NlsVolumeGroup, NodeLocalStorage } from './objects.ts';

const group = (name: string, more: Partial<NlsVolumeGroup> = {}): NlsVolumeGroup => ({
  name,
  physicalVolumes: ['/dev/sda'],
  total: 100 * GIB,
  available: 90 * GIB,
  allocatable: 100 * GIB,
  ...more,
});
const device = (name: string, more: Partial<NlsDevice> = {}): NlsDevice => ({
  name,
  total: GIB,
  readOnly: false,
  ...more,
});
const mount = (name: string, more: Partial<NlsMountPoint> = {}): NlsMountPoint => ({
  name,
  total: GIB,
  available: GIB,
  isBind: false,
  readOnly: false,
  ...more,
});

interface Parts {
  groups?: NlsVolumeGroup[];
  devices?: NlsDevice[];
  mounts?: NlsMountPoint[];
  reserved?: string;
  cordoned?: string;
}

const names = (items: { name: string }[]): string[] => items.map(({ name }) => name);

/** Everything that is there is managed. */
function node({ groups = [], devices = [], mounts = [], reserved, cordoned }: Parts): NodeLocalStorage {
  return {
    metadata: {
      name: 'n1',
      annotations: {
        ...(reserved !== undefined && { 'csi.aliyun.com/storage-reserved': reserved }),
        ...(cordoned !== undefined && { 'csi.aliyun.com/storage-cordoned': cordoned }),
      },
    },
    status: {
      nodeStorageInfo: { volumeGroups: groups, deviceInfo: devices, mountPoints: mounts },
      filteredStorageInfo: { volumeGroups: names(groups), devices: names(devices), mountPoints: names(mounts) },
    },
  };
}

test('a node that has not reported has no storage', () => {
  expect(nodeStorage({ metadata: { name: 'n1' } })).toEqual({
    storage: { name: 'n1', groups: [], units: [] },
    problems: [],
  });
});

test('only what is managed is there', () => {
  const nls = node({
    groups: [group('system'), group('pool-0')],
    devices: [device('/dev/sda')],
    mounts: [mount('/mnt/a')],
  });
  nls.status!.filteredStorageInfo = { volumeGroups: ['pool-0', 'not-made-yet'] };
  const { storage } = nodeStorage(nls);
  expect(storage.groups.map(({ name }) => name)).toEqual(['pool-0']);
  expect(storage.units).toEqual([]);
});

test('a group carries its volumes, ours or not, and its extent size', () => {
  const logicalVolumes = [{ name: 'root', vgname: 'pool-0', total: 10 * GIB }];
  const { storage } = nodeStorage(
    node({ groups: [group('pool-0', { logicalVolumes, extentSize: 8 * MIB }), group('pool-1')] }),
  );
  expect(storage.groups).toEqual([
    {
      name: 'pool-0',
      total: 100 * GIB,
      available: 90 * GIB,
      extentSize: 8 * MIB,
      reserved: 0,
      volumes: [{ name: 'root', size: 10 * GIB }],
    },
    { name: 'pool-1', total: 100 * GIB, available: 90 * GIB, extentSize: 4 * MIB, reserved: 0, volumes: [] },
  ]);
});

test('a faulty group gets nothing new', () => {
  const { storage } = nodeStorage(node({ groups: [group('pool-0', { condition: 'DiskFault' })] }));
  expect(storage.groups[0]?.reserved).toBe(100 * GIB);
});

test('sizes that cannot be are told, and cost only their own group', () => {
  const { storage, problems } = nodeStorage(node({ groups: [group('bad', { total: -1 }), group('pool-0')] }));
  expect(storage.groups.map(({ name }) => name)).toEqual(['pool-0']);
  expect(problems).toEqual([
    'status of volume group bad: not a byte count: -1; it is not used until the agent reports it again',
  ]);
});

test.each([
  ['{"pool-0":"10Gi"}', 10 * GIB],
  ['{"pool-0":"10%"}', 10 * GIB],
  ['{"pool-0":"0.5 %"}', GIB / 2],
  ['{"pool-0":1024}', 1024],
  ['{}', 0],
  ['', 0],
])('A1: the reservation %s keeps back %d bytes of pool-0', (reserved, want) => {
  const { storage, problems } = nodeStorage(node({ groups: [group('pool-0')], reserved }));
  expect(storage.groups[0]?.reserved).toBe(want);
  expect(problems).toEqual([]);
});

test.each([
  ['{"pool-0":', 'annotation csi.aliyun.com/storage-reserved is not JSON'],
  ['10%', 'annotation csi.aliyun.com/storage-reserved is not JSON'],
  ['["pool-0"]', 'annotation csi.aliyun.com/storage-reserved is no JSON object'],
  ['null', 'annotation csi.aliyun.com/storage-reserved is no JSON object'],
])('of an annotation %s nobody can tell what it keeps back: it is all, and told', (reserved, problem) => {
  const { storage, problems } = nodeStorage(node({ groups: [group('pool-0'), group('pool-1')], reserved }));
  expect(problems).toEqual([expect.stringContaining(problem)]);
  expect(problems[0]).toContain('write an object such as {"pool-0":"100Gi","pool-1":"10%"}');
  expect(storage.groups.map((g) => [g.reserved, g.forGrowth])).toEqual([
    [100 * GIB, undefined],
    [100 * GIB, undefined],
  ]);
});

test.each(['lots', '100m', '101%', '-5Gi', '', '10 percent'])(
  'a group whose reservation is "%s" is kept back whole, which is told, and another is not',
  (value) => {
    const reserved = JSON.stringify({ 'pool-0': value, 'pool-1': '1Gi' });
    const { storage, problems } = nodeStorage(node({ groups: [group('pool-0'), group('pool-1')], reserved }));
    expect(problems).toEqual([
      expect.stringContaining(`annotation csi.aliyun.com/storage-reserved: "${value}" for pool-0 is neither`),
    ]);
    expect(storage.groups.map((g) => g.reserved)).toEqual([100 * GIB, GIB]);
  },
);

test('a reservation for no group of the node is told, but not of one that is away, or to be made', () => {
  const reserved = '{"pol-0":"10Gi","away":"1Gi","new":"1Gi","pool-0":"1Gi"}';
  const nls = node({ groups: [group('pool-0')], reserved });
  nls.status!.knownGroups = [{ name: 'away', uuid: 'u' }];
  nls.spec = { resourceToBeInited: { vgs: [{ name: 'new', devices: ['/dev/sdx'] }] } };
  expect(nodeStorage(nls).problems).toEqual([
    'annotation csi.aliyun.com/storage-reserved names pol-0, which is no volume group of this node: take it out, or correct it',
  ]);
  expect(nodeStorage({ ...nls, status: {} }).problems).toEqual([]);
});

test.each([
  [device('/dev/sdb'), true],
  [device('/dev/sdb', { inUse: 'mounted on /var' }), false],
  [device('/dev/sdb', { readOnly: true }), false],
  [device('/dev/sdb', { condition: 'DiskFault' }), false],
])('device %j may be given to a claim: %s', (item, usable) => {
  expect(nodeStorage(node({ devices: [item] })).storage.units[0]?.usable).toBe(usable);
});

test.each([
  [mount('/mnt/a'), true],
  [mount('/mnt/a', { readOnly: true }), false],
  [mount('/mnt/a', { isBind: true }), false],
  [mount('/mnt/a', { fsType: 'tmpfs', device: 'tmpfs' }), false],
  [mount('/mnt/a', { fsType: 'nfs', device: 'server:/a' }), false],
  [mount('/mnt/a', { fsType: 'xfs', device: '/dev/sdb' }), true],
  [mount('/mnt/a', { condition: 'DiskFull' }), false],
  [mount('/mnt/a', { condition: 'DiskFault' }), false],
])('mount point %j may be given to a claim: %s', (item, usable) => {
  expect(nodeStorage(node({ mounts: [item] })).storage.units[0]?.usable).toBe(usable);
});

test('a mount point is as fast as the disk under it', () => {
  const devices = [
    device('/dev/sda', { mediaType: 'hdd' }),
    device('/dev/nvme0n1', { mediaType: 'ssd' }),
    device('/dev/sdaa', { mediaType: 'ssd' }),
  ];
  const mounts = ['/dev/sda', '/dev/sda1', '/dev/nvme0n1p2', '/dev/sdaa', '/dev/sdaa3', '/dev/dm-0'].map((disk, i) =>
    mount(`/mnt/${i}`, { device: disk }),
  );
  const { storage } = nodeStorage(node({ devices, mounts }));
  const media = storage.units.filter(({ kind }) => kind === 'MountPoint').map(({ mediaType }) => mediaType);
  expect(media).toEqual(['hdd', 'hdd', 'ssd', 'ssd', 'ssd', undefined]);
});

test.each([
  {
    cordoned: 'pool-0,/dev/sdb',
    reserved: [100 * GIB, 10 * GIB],
    growth: [100 * GIB, undefined],
    usable: [false, true],
  },
  { cordoned: '*', reserved: [100 * GIB, 100 * GIB], growth: [100 * GIB, 90 * GIB], usable: [false, false] },
])('what $cordoned names gets nothing new, and its volumes may grow', ({ cordoned, reserved, growth, usable }) => {
  const { storage, problems } = nodeStorage(
    node({
      groups: [group('pool-0'), group('pool-1')],
      devices: [device('/dev/sdb')],
      mounts: [mount('/mnt/a')],
      reserved: '{"pool-1":"10%"}',
      cordoned,
    }),
  );
  expect(storage.groups.map((each) => each.reserved)).toEqual(reserved);
  expect(storage.groups.map((each) => each.forGrowth)).toEqual(growth);
  expect(storage.units.map((each) => each.usable)).toEqual(usable);
  expect(problems).toEqual([]);
});

test('in a faulty group nothing grows, cordoned or not', () => {
  const { storage } = nodeStorage(node({ groups: [group('pool-0', { condition: 'DiskFault' })], cordoned: '*' }));
  expect(storage.groups[0]).toMatchObject({ reserved: 100 * GIB, forGrowth: 0 });
});

test('a name that the node has not is told, once it has reported', () => {
  const { problems } = nodeStorage(node({ groups: [group('pool-0')], cordoned: 'pool-0 pool_0' }));
  expect(problems).toEqual([
    'annotation csi.aliyun.com/storage-cordoned names pool_0, which is no volume group, disk or mount point of this node: take it out, or correct it',
  ]);
  const { metadata } = node({ cordoned: 'pool-0' });
  expect(nodeStorage({ metadata }).problems).toEqual([]);
});
