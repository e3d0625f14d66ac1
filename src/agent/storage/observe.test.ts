import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { factsOf } from './device-facts.ts';
import { observe, type ObserveDeps } from './observe.ts';
import { offeredStandings, reportedDevices, type ReportedDevicesInput } from './reported-devices.ts';
import {
  sampleDisk,
  sampleGroup,
  sampleLocalVolume,
  sampleMount,
  sampleObservation,
  sampleVolume,
  unitSpec,
} from '../storage-fixture.ts';
import { findSuspects } from '../volumes/changed-volumes.ts';
import { OUR_TAG, UNFINISHED_TAG } from '../../lvm/names.ts';

const never = new AbortController().signal;
const stats = { total: bytes(GIB), used: bytes(0), available: bytes(GIB), inodes: { total: 1, used: 0, available: 1 } };

const deps = (more: Partial<ObserveDeps> = {}): ObserveDeps => ({
  lvm: { report: () => Promise.resolve({ groups: [sampleGroup('g')], orphans: [] }) },
  disks: { list: () => Promise.resolve([sampleDisk('sdb')]) },
  mounts: {
    list: () =>
      Promise.resolve(
        ['/', '/mnt/open-local', '/mnt/open-local/a', '/mnt/open-local/a/deep', '/mnt/open-localb'].map((target) =>
          sampleMount(target),
        ),
      ),
  },
  filesystems: { stats: () => Promise.resolve(stats), identify: () => Promise.resolve('ext4 u /') },
  mountRoot: '/mnt/open-local',
  ...more,
});

test('mount points are what is mounted directly under their folder, the last mount counting', async () => {
  const list = [
    sampleMount('/mnt/open-local/a'),
    sampleMount('/mnt/open-local/a', { source: '/dev/over' }),
    sampleMount('/mnt/open-local/b'),
  ];
  const { mountPoints } = await observe(deps({ mounts: { list: () => Promise.resolve(list) } }), never);
  expect(mountPoints.map(({ entry }) => [entry.target, entry.source])).toEqual([
    ['/mnt/open-local/a', '/dev/over'],
    ['/mnt/open-local/b', '/dev/other'],
  ]);
  expect((await observe(deps(), never)).mountPoints).toMatchObject([
    { entry: { target: '/mnt/open-local/a' }, stats, identity: 'ext4 u /' },
  ]);
});

test('a mount point that does not answer is still there', async () => {
  const dead = () => Promise.reject(new Error('EIO'));
  const filesystems = { stats: dead, identify: dead };
  const { mountPoints } = await observe(deps({ filesystems }), never);
  expect(mountPoints).toEqual([{ entry: sampleMount('/mnt/open-local/a') }]);
});

test('half an observation is none', async () => {
  const lvm = { report: () => Promise.reject(new Fault('unavailable', 'lvm hangs')) };
  await expect(observe(deps({ lvm }), never)).rejects.toThrow('lvm hangs');
});

const sdb = sampleDisk('sdb', { partitions: ['sdb1'] });
const sdb1 = sampleDisk('sdb1', { kind: 'partition', disk: 'sdb' });

test.each<[string, Parameters<typeof sampleObservation>[0], object]>([
  [
    'known by its number',
    { groups: [sampleGroup('g', { devices: [{ ...sampleGroup('g').devices[0]!, device: '/dev/disk/by-id/x' }] })] },
    { group: 'g' },
  ],
  [
    'known by its name',
    {
      groups: [
        sampleGroup('g', {
          devices: [
            { device: '/dev/sdb', uuid: 'u', size: bytes(0), free: bytes(0), missing: false, allocatable: true },
          ],
        }),
      ],
    },
    { group: 'g' },
  ],
  ['of LVM without a group', { orphans: sampleGroup('g').devices }, { group: '' }],
  ['mounted', { mounts: [sampleMount('/data', { majorMinor: '8:sdb' })] }, { mountedAt: ['/data'] }],
  [
    'mounted as btrfs',
    { mounts: [sampleMount('/data', { majorMinor: '0:44', source: '/dev/sdb' })] },
    { mountedAt: ['/data'] },
  ],
  [
    'with a mounted partition, many times',
    { mounts: [sampleMount('/a', { majorMinor: '8:sdb1' }), sampleMount('/a', { majorMinor: '8:sdb1' })] },
    { mountedAt: ['/a'] },
  ],
])('a disk %s', (_, observation, want) => {
  expect(factsOf('/dev/x', '/dev/sdb', sampleObservation({ devices: [sdb, sdb1], ...observation }))).toMatchObject({
    path: '/dev/x',
    device: sdb,
    ...want,
  });
});

test('what a name does not lead to, and what is no device', () => {
  const observation = sampleObservation({ devices: [sdb] });
  expect(factsOf('/dev/x', undefined, observation)).toMatchObject({ path: '/dev/x', mountedAt: [] });
  expect(factsOf('/etc/motd', '/etc/motd', observation)).toMatchObject({
    path: '/etc/motd',
    resolved: '/etc/motd',
    mountedAt: [],
  });
});

test('devices are reported by the pattern, with what keeps a claim from having them; only free managed ones are opened', async () => {
  const opened: string[] = [];
  const devices = [
    sdb,
    sdb1,
    sampleDisk('sdc', { serial: 'c' }),
    sampleDisk('sdd'),
    sampleDisk('sde'),
    sampleDisk('sdf', { serial: 'f' }),
    sampleDisk('sdg'),
    sampleDisk('sdh', { serial: 'twin' }),
    sampleDisk('sdi', { serial: 'twin' }),
    sampleDisk('loop0'),
  ];
  const input: ReportedDevicesInput = {
    observation: sampleObservation({ devices, mounts: [sampleMount('/data', { majorMinor: '8:sdb1' })] }),
    pattern: /^sd[a-z]$/,
    isManaged: (path) => path !== '/dev/sde',
    ownerOf: (path) => (path === '/dev/sdd' ? 'v1' : undefined),
    disks: {
      probe: ({ path }) => {
        opened.push(path);
        return Promise.resolve({ busy: false, signatures: path === '/dev/sdc' ? [{ type: 'xfs', offset: 0 }] : [] });
      },
    },
  };
  const reported = await reportedDevices(input, never);
  expect(reported.map(({ device, inUse }) => [device.name, inUse])).toEqual([
    ['sdb', 'is mounted at /data'],
    ['sdb1', 'is mounted at /data'],
    ['sdc', 'carries filesystem xfs'],
    ['sdd', 'belongs to volume v1'],
    ['sde', undefined],
    ['sdf', undefined],
    ...['sdg', 'sdh', 'sdi'].map((name) => [name, 'tells nothing by which it would be known after a boot']),
  ]);
  expect(opened).toEqual(['/dev/sdc', '/dev/sdf']);
  expect(offeredStandings(reported)[0]).toMatchObject({
    type: 'DevicesOffered',
    ok: false,
    message: expect.stringMatching(/^\/dev\/sdg, \/dev\/sdh, \/dev\/sdi tell no.*allowWithoutIdentity/) as string,
  });
  const allowed = await reportedDevices({ ...input, allowWithoutIdentity: true }, never);
  expect(allowed.find(({ device }) => device.name === 'sdg')?.inUse).toBeUndefined();
  expect(offeredStandings(allowed)).toEqual([]);
});

/** Which group and logical volume a volume has been given. */
const MADE = { groupUuid: 'pool-0', volumeUuid: 'lv-v1' };
const settled = sampleLocalVolume({
  status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1', ...MADE },
});
const unit = (kind: 'Device' | 'MountPoint', devicePath: string) => ({
  ...sampleLocalVolume({ status: { phase: 'Ready', sizeBytes: GIB, devicePath } }),
  spec: unitSpec(kind, devicePath),
});
const missed = sampleLocalVolume({ status: { phase: 'Failed', reason: 'GroupMissing', sizeBytes: GIB } });
const seen = (more?: Parameters<typeof sampleVolume>[1]) => [
  sampleGroup('pool-0', { volumes: [sampleVolume('v1', more)] }),
];

test.each([
  ['seen', settled, seen(), false],
  ['larger than asked', settled, seen({ size: bytes(2 * GIB) }), false],
  ['gone', settled, [sampleGroup('pool-0')], true],
  ['in a group that is gone', settled, [], true],
  ['smaller than told', settled, seen({ size: bytes(GIB - 1) }), true],
  ['cut while made', settled, seen({ tags: [OUR_TAG, UNFINISHED_TAG] }), true],
  ['not active', settled, seen({ active: false }), true],
  ['active', settled, seen({ active: true }), false],
  ['missed, and back', missed, seen(), true],
  ['missed, and still gone', missed, [], false],
  [
    'missed while being removed, and back',
    { ...missed, metadata: { ...missed.metadata, deletionTimestamp: 'now' } },
    seen(),
    true,
  ],
  ['removed', { ...settled, metadata: { ...settled.metadata, finalizers: [], deletionTimestamp: 'now' } }, [], false],
  ['not ready yet, which is known', sampleLocalVolume(), [], false],
  ['a disk', unit('Device', '/dev/sdb'), [], false],
  ['a disk that was pulled', unit('Device', '/dev/sdx'), [], true],
  ['a filesystem that is not mounted', unit('MountPoint', '/mnt/a'), [], true],
])('a volume that is %s: suspect %s', (_, volume, groups, want) => {
  const observation = sampleObservation({ groups, devices: [sampleDisk('sdb')] });
  expect(findSuspects([volume], observation)).toEqual(want ? ['v1'] : []);
});

const at = (name: string, more: Parameters<typeof sampleDisk>[1] = {}) =>
  sampleDisk(name, { worldwideName: 'naa.5', ...more });
const otherPathOf = (...devices: readonly ReturnType<typeof sampleDisk>[]) =>
  factsOf('/dev/sdb', '/dev/sdb', sampleObservation({ devices, groups: [sampleGroup('g', { devices: ON_SDC })] }))
    .otherPath;
const ON_SDC = sampleGroup('g').devices.map((pv) => ({ ...pv, device: '/dev/sdc', majorMinor: '8:sdc' }));

test('a disk is in use by whatever uses it on another of its paths', () => {
  expect(otherPathOf(at('sdb'), at('sdc'))).toBe('is another path to /dev/sdc, which belongs to volume group g');
  expect(otherPathOf(at('sdb'), at('sdd', { swap: true }))).toMatch(/sdd, which is in use as swap/);
  expect(otherPathOf(at('sdb'), at('sdd', { holders: ['dm-1'] }))).toMatch(/sdd, which is held by dm-1/);
  const part = at('sdd1', { kind: 'partition', disk: 'sdd', holders: ['md0'] });
  expect(otherPathOf(at('sdb'), at('sdd'), part)).toMatch(/sdd1, which is held by md0/);
  expect(otherPathOf(at('sdb'), at('sdd'))).toBeUndefined();
  expect(otherPathOf(at('sdb'), sampleDisk('sdc'))).toBeUndefined();
  expect(otherPathOf(sampleDisk('sdb'), sampleDisk('sdc'))).toBeUndefined();
});

test('a device may belong to groups that are not whole, and to those that are gone', () => {
  const partial = sampleGroup('partial', { partial: true, uuid: 'p' });
  const observation = sampleObservation({ groups: [partial, sampleGroup('g')], absent: ['lost'] });
  const { ties } = factsOf('/dev/sdb', '/dev/sdb', observation);
  expect(ties?.absentGroups).toEqual(['partial', 'lost']);
  expect([...(ties?.physicalVolumes ?? [])]).toEqual([
    ['pv-partial', 'partial'],
    ['pv-g', 'g'],
  ]);
});
