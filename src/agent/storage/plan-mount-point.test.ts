import { expect, test } from 'vitest';
import { planMountPoint, type MountPointFacts, type WantedMountPoint } from './plan-mount-point.ts';
import { sampleDisk, sampleMount } from '../storage-fixture.ts';

const ROOT = '/mnt/open-local';
const wanted: WantedMountPoint = { path: `${ROOT}/a`, device: '/dev/disk/by-id/b' };
const blank = { busy: false, signatures: [] };
const ext4 = { busy: false, signatures: [{ type: 'ext4', offset: 1080 }] };

/** sdb, blank. */
const facts = (
  more: Partial<MountPointFacts> = {},
  device: Partial<MountPointFacts['device']> = {},
): MountPointFacts => ({
  device: {
    path: wanted.device,
    resolved: '/dev/sdb',
    device: sampleDisk('sdb'),
    mountedAt: [],
    probe: blank,
    ...device,
  },
  content: { kind: 'blank' },
  mounts: [],
  mountRoot: ROOT,
  ...more,
});
const carrying = (type: string) => facts({ content: { kind: 'filesystem', type } }, { probe: ext4 });
const { probe: _, ...unlooked } = facts().device;
const unprobed = facts({ device: unlooked });
const mountedBy = (majorMinor: string, source: string) =>
  facts({ mounts: [sampleMount(`${ROOT}/a`, { majorMinor, source })] }, { mountedAt: [`${ROOT}/a`] });

test.each<[string, WantedMountPoint, MountPointFacts, object]>([
  ['blank', wanted, facts(), { kind: 'mount', device: '/dev/sdb', fsType: 'ext4', format: true }],
  ['blank, another type', { ...wanted, fsType: 'xfs' }, facts(), { kind: 'mount', fsType: 'xfs', format: true }],
  ['with a filesystem', wanted, carrying('xfs'), { kind: 'mount', fsType: 'xfs', format: false }],
  ['with the filesystem asked for', { ...wanted, fsType: 'ext4' }, carrying('ext4'), { fsType: 'ext4', format: false }],
  ['mounted', wanted, mountedBy('8:sdb', '/dev/x'), { kind: 'mounted' }],
  ['to be mounted with options', { ...wanted, options: ['noatime', 'discard,ro'] }, carrying('xfs'), { kind: 'mount' }],
  [
    "a volume's, with what it always had",
    { ...wanted, options: ['errors=panic'] },
    facts({ content: { kind: 'filesystem', type: 'ext4' }, owner: 'v1' }, { probe: ext4 }),
    { kind: 'mount' },
  ],
  ['mounted, known by its name', wanted, mountedBy('0:40', '/dev/sdb'), { kind: 'mounted' }],
])('a device that is %s', (_, item, known, step) => {
  expect(planMountPoint(item, known)).toMatchObject(step);
});

test.each<[string, WantedMountPoint, MountPointFacts, string, string]>([
  ['another filesystem', { ...wanted, fsType: 'xfs' }, carrying('ext4'), 'OtherFilesystem', 'carries ext4, not xfs'],
  ['one we cannot mount', wanted, carrying('ntfs'), 'OtherFilesystem', 'carries ntfs, not any of ext4'],
  ['something else mounted there', wanted, mountedBy('9:9', '/dev/sdx'), 'PathTaken', '/dev/sdx is mounted at'],
  [
    'a device that is mounted elsewhere',
    wanted,
    facts({}, { mountedAt: ['/data'] }),
    'DeviceRefused',
    'mounted at /data',
  ],
  ['a device in a group', wanted, facts({}, { group: 'vg' }), 'DeviceRefused', 'belongs to volume group vg'],
  ['a device that is in use', wanted, facts({}, { probe: { busy: true, signatures: [] } }), 'DeviceRefused', 'in use'],
  [
    'data of no known kind',
    wanted,
    facts({}, { probe: { ...blank, dataAt: 9 } }),
    'DeviceRefused',
    'data of no known kind',
  ],
  [
    'a signature that blkid does not see',
    wanted,
    facts({}, { probe: ext4 }),
    'DeviceRefused',
    'carries filesystem ext4: left alone. If its data',
  ],
  ['contradicting signatures', wanted, facts({ content: { kind: 'other', what: 'two' } }), 'DeviceRefused', 'be named'],
  ['a device nobody looked into', wanted, unprobed, 'DeviceRefused', 'not been looked at'],
  ['a filesystem that a volume had', wanted, facts({ owner: 'v1' }), 'FilesystemLost', 'volume v1 had its filesystem'],
  ['a path elsewhere', { ...wanted, path: '/data/a' }, facts(), 'InvalidPath', `directly under ${ROOT}`],
  ['a path too deep', { ...wanted, path: `${ROOT}/a/b` }, facts(), 'InvalidPath', `directly under ${ROOT}`],
  ['a path that leads up', { ...wanted, path: `${ROOT}/..` }, facts(), 'InvalidPath', `directly under ${ROOT}`],
  [
    'an option that stops the node',
    { ...wanted, options: ['noatime', 'errors=panic'] },
    facts(),
    'InvalidOptions',
    'mount option "errors=panic" cannot be given to a volume with ext4',
  ],
  [
    'an option that mounts something else',
    { ...wanted, options: ['noatime,loop'] },
    carrying('xfs'),
    'InvalidOptions',
    `${ROOT}/a: mount option "loop"`,
  ],
  [
    'an option of another filesystem',
    { ...wanted, options: ['compress=zstd'] },
    carrying('xfs'),
    'InvalidOptions',
    'compress=zstd',
  ],
  ['an unknown type', { ...wanted, fsType: 'zfs' }, facts(), 'InvalidFilesystem', 'zfs is not supported: use ext4'],
])('%s is refused', (_, item, known, reason, message) => {
  expect(planMountPoint(item, known)).toMatchObject({
    kind: 'refuse',
    problem: { reason, message: expect.stringContaining(message) as string },
  });
});

const begun = { filesystem: { type: 'xfs', uuid: 'u-cut' }, disk: 'naa.1 10' } as const;
const cut = (more: Partial<MountPointFacts>, dataAt?: number) =>
  facts({ begun, disk: 'naa.1 10', ...more }, { probe: dataAt === undefined ? ext4 : { ...blank, dataAt } });
const carried = (uuid: string) => ({ content: { kind: 'filesystem', type: 'xfs', uuid } }) as const;
const halfMade = (uuid: string) => ({ content: { ...carried(uuid).content, unfinished: true } }) as const;

test.each<[string, MountPointFacts, object]>([
  ['half a filesystem of the UUID that was to come', cut(halfMade('u-cut')), { format: true, over: 'u-cut' }],
  ['that on a disk that tells another name', cut({ ...halfMade('u-cut'), disk: 'x' }), { format: true, over: 'u-cut' }],
  ['a finished one of that UUID', cut(carried('u-cut')), { kind: 'mount', format: false }],
  ['data without a signature, on that very disk', cut({}, 65_600), { format: true, over: 'u-cut' }],
  ['nothing', facts({ begun, disk: 'naa.1 10' }), { format: true }],
  ['another filesystem', cut(carried('u-2')), { kind: 'mount', format: false }],
  ['data without a signature, on another disk', cut({ disk: 'boot b-2' }, 65_600), { kind: 'refuse' }],
  ['contradicting signatures', cut({ content: { kind: 'other', what: 'two' } }, 9), { kind: 'refuse' }],
  ['half a filesystem, where a volume had one', cut({ ...halfMade('u-cut'), owner: 'v1' }), { kind: 'refuse' }],
  ['a finished one, which a volume has', cut({ ...carried('u-cut'), owner: 'v1' }), { kind: 'mount', format: false }],
])('where formatting was begun and %s is found', (_, known, step) => {
  expect(planMountPoint(wanted, known)).toMatchObject(step);
});

test('data without a signature is left alone where nothing was begun', () => {
  expect(planMountPoint(wanted, facts({}, { probe: { ...blank, dataAt: 65_600 } }))).toMatchObject({ kind: 'refuse' });
});
