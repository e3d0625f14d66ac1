import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { DeviceFacts } from '../../disk/inspect.ts';
import { FILLED_TAG, OUR_TAG, UNFINISHED_TAG } from '../../lvm/names.ts';
import type { LvmGroup } from '../../lvm/report.ts';
import { MOST_ENTRIES } from '../../mount/filesystem.ts';
import { planDeviceVolume, planMountPointVolume } from './plan-unit.ts';
import { planLvmVolume } from './plan-volume.ts';
import { sampleDisk, sampleGroup, sampleLocalVolume, sampleMount, sampleVolume, unitSpec } from '../storage-fixture.ts';

const empty = sampleGroup('pool-0');
const holding = (more: Parameters<typeof sampleVolume>[1] = {}): LvmGroup =>
  sampleGroup('pool-0', { volumes: [sampleVolume('v1', more)] });
type Facts = Parameters<typeof sampleVolume>[1];
const snapshotted = (source: Facts, snapshot: Facts): LvmGroup =>
  sampleGroup('pool-0', {
    volumes: [sampleVolume('v1', source), sampleVolume('s1', { ...snapshot, origin: 'v1' })],
    partial: snapshot?.health !== undefined,
  });
const unfinished = holding({ tags: [OUR_TAG, UNFINISHED_TAG] });
const foreign = holding({ tags: [] });
const ready = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1' } as const;
const copy = { spec: { source: { snapshot: 's1' } } };
const filled = [OUR_TAG, FILLED_TAG];
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };

test.each<[string, LocalVolume, LvmGroup | undefined, object]>([
  ['new', sampleLocalVolume(), empty, { kind: 'create', sizeBytes: GIB, layout: 'linear' }],
  ['new and striped', sampleLocalVolume({ spec: { layout: 'striped' } }), empty, { kind: 'create', layout: 'striped' }],
  [
    'made, and not told yet',
    sampleLocalVolume(),
    holding(),
    { kind: 'ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1' },
  ],
  ['cut while made', sampleLocalVolume(), unfinished, { kind: 'create' }],
  ['a copy', sampleLocalVolume(copy), holding(), { kind: 'copy' }],
  ['a copy that was filled, and is not told', sampleLocalVolume(copy), holding({ tags: filled }), { kind: 'ready' }],
  [
    'to grow',
    sampleLocalVolume({ spec: { sizeBytes: 2 * GIB }, status: ready }),
    holding(),
    { kind: 'extend', sizeBytes: 2 * GIB },
  ],
  [
    'made before the node was started anew',
    sampleLocalVolume({ status: ready }),
    holding({ active: false }),
    { kind: 'activate' },
  ],
  [
    'not started, and the disks of a snapshot of it are away: LVM starts neither without the other',
    sampleLocalVolume({ status: ready }),
    snapshotted({ active: false }, { health: 'partial' }),
    { kind: 'refuse', reason: 'ActivationFailed', message: expect.stringContaining('the disks of pool-0/s1 are away') },
  ],
  [
    'not started, and the disks of a snapshot of another are away',
    sampleLocalVolume({ status: ready }),
    sampleGroup('pool-0', {
      volumes: [sampleVolume('v1', { active: false }), sampleVolume('s1', { origin: 'v0', health: 'partial' })],
      partial: true,
    }),
    { kind: 'activate' },
  ],
  [
    'not started, and its snapshot is whole',
    sampleLocalVolume({ status: ready }),
    snapshotted({ active: false }, {}),
    { kind: 'activate' },
  ],
  [
    'started, and the disks of a snapshot of it are away',
    sampleLocalVolume({ status: ready }),
    snapshotted({ active: true }, { health: 'partial' }),
    { kind: 'ready' },
  ],
  ['active and as asked', sampleLocalVolume({ status: ready }), holding({ active: true }), { kind: 'ready' }],
  [
    'active on a disk that was pulled and is back',
    sampleLocalVolume({ status: ready }),
    holding({ active: true, detached: true }),
    { kind: 'refresh' },
  ],
  [
    'active, and no file leads to it',
    sampleLocalVolume({ status: ready }),
    holding({ active: true, pathless: true }),
    { kind: 'refresh' },
  ],
  [
    'to be removed, and no file leads to it',
    sampleLocalVolume({ meta: deleting, status: ready }),
    holding({ active: true, pathless: true }),
    { kind: 'remove', erase: { first: 'refresh' } },
  ],
  [
    'active on a disk that was pulled and is not back',
    sampleLocalVolume({ status: ready }),
    holding({ active: true, detached: true, health: 'partial' }),
    { kind: 'ready' },
  ],
  [
    'to be removed from a disk that was pulled and is back',
    sampleLocalVolume({ meta: deleting, status: ready }),
    holding({ active: true, detached: true }),
    { kind: 'remove', erase: { first: 'refresh' } },
  ],
  ["someone else's and not active", sampleLocalVolume(), holding({ tags: [], active: false }), { kind: 'refuse' }],
  [
    'half made and not active',
    sampleLocalVolume(),
    holding({ tags: [OUR_TAG, UNFINISHED_TAG], active: false }),
    { kind: 'create' },
  ],
  [
    'to be removed and not active',
    sampleLocalVolume({ meta: deleting, status: ready }),
    holding({ active: false }),
    { kind: 'remove', erase: { path: '/dev/pool-0/v1', size: GIB, first: 'activate' } },
  ],
  [
    'to be removed and active',
    sampleLocalVolume({ meta: deleting, status: ready }),
    holding({ active: true }),
    { kind: 'remove', erase: { path: '/dev/pool-0/v1', size: GIB } },
  ],
  [
    'to be removed, and some of its disks are away: LVM would give its extents, unerased, to the next one',
    sampleLocalVolume({ meta: deleting, status: ready }),
    holding({ active: false, health: 'partial' }),
    { kind: 'refuse', reason: 'GroupFaulty' },
  ],
  [
    'half made in a group some of whose disks are away: the rest of the try stays',
    sampleLocalVolume(),
    { ...holding({ tags: [OUR_TAG, UNFINISHED_TAG], active: false }), partial: true },
    { kind: 'refuse', reason: 'GroupFaulty' },
  ],
  [
    'to be removed from a group some of whose disks are away: LVM would call them missing when they are back',
    sampleLocalVolume({ meta: deleting, status: ready }),
    { ...holding({ active: true }), partial: true },
    { kind: 'refuse', reason: 'GroupFaulty' },
  ],
  [
    'to be removed, half made, and some of its disks are away',
    sampleLocalVolume({ meta: deleting }),
    holding({ tags: [OUR_TAG, UNFINISHED_TAG], active: false, health: 'partial' }),
    { kind: 'remove' },
  ],
  [
    "to be removed in another machine's group",
    sampleLocalVolume({ meta: deleting, status: ready }),
    sampleGroup('pool-0', { foreign: true, systemId: 'other', volumes: [sampleVolume('v1')] }),
    { kind: 'refuse', reason: 'GroupForeign' },
  ],
  [
    "to be removed in another machine's group, and never made there",
    sampleLocalVolume({ meta: deleting }),
    sampleGroup('pool-0', { foreign: true, systemId: 'other' }),
    { kind: 'gone' },
  ],
  [
    "to be removed half made in another machine's group",
    sampleLocalVolume({ meta: deleting }),
    sampleGroup('pool-0', { foreign: true, systemId: 'other', volumes: [sampleVolume('v1')] }),
    { kind: 'refuse', reason: 'GroupForeign' },
  ],
  [
    "in another machine's group",
    sampleLocalVolume(),
    sampleGroup('pool-0', { foreign: true, systemId: 'other' }),
    { kind: 'refuse', reason: 'GroupForeign' },
  ],
  ['larger than asked', sampleLocalVolume(), holding({ size: bytes(2 * GIB) }), { kind: 'ready', sizeBytes: 2 * GIB }],
  ['ready once and gone', sampleLocalVolume({ status: ready }), empty, { kind: 'refuse', reason: 'VolumeLost' }],
  [
    'ready once and cut while made',
    sampleLocalVolume({ status: ready }),
    unfinished,
    { kind: 'refuse', reason: 'VolumeLost' },
  ],
  ["someone else's", sampleLocalVolume(), foreign, { kind: 'refuse', reason: 'NotOurs' }],
  [
    "someone else's and too small",
    sampleLocalVolume({ spec: { sizeBytes: 2 * GIB } }),
    foreign,
    { kind: 'refuse', reason: 'NotOurs' },
  ],
  ['in no group', sampleLocalVolume(), undefined, { kind: 'refuse', reason: 'GroupMissing' }],
  [
    'in an exported group',
    sampleLocalVolume(),
    sampleGroup('pool-0', { exported: true }),
    { kind: 'refuse', reason: 'GroupExported' },
  ],
  ['to be removed', sampleLocalVolume({ meta: deleting, status: ready }), holding(), { kind: 'remove' }],
  ['removed', sampleLocalVolume({ meta: deleting, status: ready }), empty, { kind: 'gone' }],
  ['to be removed half made', sampleLocalVolume({ meta: deleting }), unfinished, { kind: 'remove' }],
  ["to be removed, but someone else's", sampleLocalVolume({ meta: deleting }), foreign, { kind: 'gone' }],
  [
    'to be removed in a missing group',
    sampleLocalVolume({ meta: deleting, status: ready }),
    undefined,
    { kind: 'refuse', reason: 'GroupMissing' },
  ],
  ['to be removed and never made', sampleLocalVolume({ meta: deleting }), undefined, { kind: 'gone' }],
])('a volume %s', (_, volume, group, step) => {
  expect(planLvmVolume(volume, group ? [group] : [])).toMatchObject(step);
});

const own = { ...ready, groupUuid: 'pool-0', volumeUuid: 'lv-v1' };
/** Its group is recorded, and it was not ready yet. */
const begun = { phase: 'Pending', groupUuid: 'pool-0' } as const;
const at = (uuid: string, more: Partial<LvmGroup> = {}): LvmGroup => sampleGroup('pool-0', { uuid, ...more });
const doubted = (uuid: string, recorded: boolean, volumes: LvmGroup['volumes'] = []): LvmGroup =>
  at(uuid, { volumes, doubt: { reason: 'DuplicateName', message: 'Two have the name.', recorded } });
const copied = (volumes: LvmGroup['volumes']): LvmGroup =>
  at('pool-0', { volumes, doubt: { reason: 'DuplicateDevice', message: 'A copy.', recorded: true } });
const forgetful = at('pool-0', { doubt: { reason: 'MetadataLost', message: 'Has lost v1.', recorded: true } });
const cut = (volumes: LvmGroup['volumes'] = []): LvmGroup =>
  at('pool-0', { volumes, devices: sampleGroup('pool-0').devices.map((pv) => ({ ...pv, cutTo: bytes(GIB) })) });
const v1 = [sampleVolume('v1', { active: true })];
const asleep = [sampleVolume('v1', { active: false })];
const inDoubt = { kind: 'refuse', reason: 'GroupMismatch', message: 'Two have the name.' };
const unmade = { sizeBytes: GIB } as const;
const grown = { sizeBytes: 2 * GIB };

test.each<[string, LocalVolume, readonly LvmGroup[], object]>([
  [
    'is as asked in its own of two groups of one name',
    sampleLocalVolume({ status: own }),
    [doubted('other', false), doubted('pool-0', true, v1)],
    { kind: 'ready', vgUuid: 'pool-0', uuid: 'lv-v1' },
  ],
  [
    'is activated in its own of two groups, since its UUID tells',
    sampleLocalVolume({ status: own }),
    [doubted('other', false, v1), doubted('pool-0', true, asleep)],
    { kind: 'activate', vgUuid: 'pool-0', uuid: 'lv-v1' },
  ],
  [
    'is served, since its device was there before its disk was there twice',
    sampleLocalVolume({ status: own }),
    [copied(v1)],
    { kind: 'ready' },
  ],
  [
    'is not activated while its disk is there twice',
    sampleLocalVolume({ status: own }),
    [copied(asleep)],
    { kind: 'refuse', reason: 'ActivationFailed', message: 'A copy.' },
  ],
  [
    'is not removed while its disk is there twice',
    sampleLocalVolume({ meta: deleting, status: own }),
    [copied(v1)],
    { kind: 'refuse', reason: 'GroupMismatch', message: 'A copy.' },
  ],
  [
    'is not called gone with its data while its metadata alone is lost',
    sampleLocalVolume({ status: own }),
    [forgetful],
    { kind: 'refuse', reason: 'VolumeLost', message: 'Has lost v1.' },
  ],
  [
    'is not made where it would overwrite what the metadata has lost',
    sampleLocalVolume({ meta: { name: 'v2' } }),
    [forgetful],
    { kind: 'refuse', reason: 'GroupMismatch', message: 'Has lost v1.' },
  ],
  [
    'is not made in a group that reaches beyond the end of its disk',
    sampleLocalVolume({ spec: unmade }),
    [cut()],
    { kind: 'refuse', reason: 'GroupFaulty' },
  ],
  [
    'is not grown in a group that reaches beyond the end of its disk',
    sampleLocalVolume({ spec: grown, status: own }),
    [cut(v1)],
    { kind: 'refuse', reason: 'GroupFaulty' },
  ],
  [
    'is not grown while two groups have the name',
    sampleLocalVolume({ spec: grown, status: own }),
    [doubted('other', false), doubted('pool-0', true, v1)],
    inDoubt,
  ],
  [
    'is not made while two groups have the name',
    sampleLocalVolume({ spec: unmade }),
    [doubted('other', false), doubted('pool-0', true)],
    inDoubt,
  ],
  [
    'is not called lost because another group is looked at',
    sampleLocalVolume({ status: ready }),
    [doubted('other', false), doubted('pool-0', false, v1)],
    inDoubt,
  ],
  [
    'is not removed while two groups have the name',
    sampleLocalVolume({ meta: deleting, status: own }),
    [doubted('other', false), doubted('pool-0', true, v1)],
    inDoubt,
  ],
  [
    'is not called removed although the recorded group lacks it',
    sampleLocalVolume({ meta: deleting, status: ready }),
    [doubted('other', false), doubted('pool-0', true)],
    inDoubt,
  ],
  [
    'may be in either, so it is not called removed',
    sampleLocalVolume({ meta: deleting }),
    [doubted('other', false, v1), doubted('pool-0', false)],
    inDoubt,
  ],
  [
    'was never made and is in neither: it goes, to be made elsewhere',
    sampleLocalVolume({ meta: deleting }),
    [doubted('other', false), doubted('pool-0', false)],
    { kind: 'gone' },
  ],
  [
    'is missing when another group has taken the name',
    sampleLocalVolume({ status: own }),
    [at('other', { volumes: v1 })],
    { kind: 'refuse', reason: 'GroupMissing', message: expect.stringContaining('other has its name') as string },
  ],
  [
    'is not removed from another group of the name',
    sampleLocalVolume({ meta: deleting, status: own }),
    [at('other', { volumes: v1 })],
    { kind: 'refuse', reason: 'GroupMissing' },
  ],
  [
    'follows no new name of its group, and says it',
    sampleLocalVolume({ status: own }),
    [sampleGroup('renamed', { uuid: 'pool-0', volumes: v1 })],
    { kind: 'refuse', reason: 'GroupMissing', message: expect.stringContaining('vgrename pool-0 pool-0') as string },
  ],
  [
    'is not another logical volume of its name',
    sampleLocalVolume({ status: own }),
    [at('pool-0', { volumes: [sampleVolume('v1', { uuid: 'new', active: true })] })],
    { kind: 'refuse', reason: 'VolumeMismatch', message: expect.stringContaining('is new, not lv-v1') as string },
  ],
  [
    'is not called lost when its logical volume has another name, or another group',
    sampleLocalVolume({ status: own }),
    [at('pool-0'), sampleGroup('pool-1', { uuid: 'g-1', volumes: [sampleVolume('backup', { uuid: 'lv-v1' })] })],
    {
      ...{ kind: 'refuse', reason: 'VolumeMismatch' },
      message:
        'The logical volume of this volume, lv-v1, is pool-1/backup now: rename it back with lvrename pool-1 backup v1, ' +
        'and bring its disks back into volume group pool-0 with vgsplit or vgmerge.',
    },
  ],
  [
    'says so though another has taken its name',
    sampleLocalVolume({ status: own }),
    [at('pool-0', { volumes: [sampleVolume('v1', { uuid: 'new' }), sampleVolume('backup', { uuid: 'lv-v1' })] })],
    { kind: 'refuse', message: expect.stringContaining('lvrename pool-0 backup v1.') as string },
  ],
  [
    'is not called removed while its logical volume has another name',
    sampleLocalVolume({ meta: deleting, status: own }),
    [at('pool-0', { volumes: [sampleVolume('backup', { uuid: 'lv-v1' })] })],
    { kind: 'refuse', reason: 'VolumeMismatch', message: expect.stringContaining('is pool-0/backup now') as string },
  ],
  [
    'is served though a copy of its group has a logical volume of its UUID',
    sampleLocalVolume({ status: own }),
    [sampleGroup('clone', { uuid: 'g-1', volumes: v1 }), at('pool-0', { volumes: v1 })],
    { kind: 'ready', vgUuid: 'pool-0', uuid: 'lv-v1' },
  ],
  [
    'was never made, and waits while another group has the name of its own',
    sampleLocalVolume({ status: begun }),
    [at('other')],
    { kind: 'refuse', reason: 'GroupMissing' },
  ],
  [
    'was never made, and goes though other volumes have its name, or its group’s name',
    sampleLocalVolume({ meta: deleting, status: begun }),
    [at('other', { volumes: [sampleVolume('v9')] }), sampleGroup('pool-1', { volumes: v1 })],
    { kind: 'gone' },
  ],
  [
    'is not made in its own of two groups, whose name may mean the other one',
    sampleLocalVolume({ status: begun }),
    [doubted('other', false), doubted('pool-0', true)],
    inDoubt,
  ],
  [
    'is called removed though another of its name is in another group',
    sampleLocalVolume({ meta: deleting, status: own }),
    [at('pool-0'), sampleGroup('pool-1', { volumes: [sampleVolume('v1', { uuid: 'new' })] })],
    { kind: 'gone' },
  ],
  [
    'is not adopted in its own of two groups, whose name may mean the other one',
    sampleLocalVolume({ spec: { adopted: true }, status: begun }),
    [doubted('other', false), doubted('pool-0', true, [sampleVolume('v1', { tags: [] })])],
    inDoubt,
  ],
  [
    'takes no other logical volume of its name along',
    sampleLocalVolume({ meta: deleting, status: own }),
    [at('pool-0', { volumes: [sampleVolume('v1', { uuid: 'new' })] })],
    { kind: 'refuse', reason: 'VolumeMismatch' },
  ],
])('a volume %s', (_, volume, groups, step) => {
  expect(planLvmVolume(volume, groups)).toMatchObject(step);
});

const device = (signatures: readonly { readonly type: string; readonly offset: number }[] = []) => ({
  path: '/dev/sdc',
  resolved: '/dev/sdc',
  device: sampleDisk('sdc'),
  mountedAt: [],
  probe: { busy: false, signatures },
});
const used = device([{ type: 'ext4', offset: 1 }]);
const zoned = { ...device(), device: sampleDisk('sdc', { zoned: true }) };
const diskVolume = (parts: Parameters<typeof sampleLocalVolume>[0] = {}): LocalVolume => ({
  ...sampleLocalVolume(parts),
  spec: { ...unitSpec('Device', '/dev/sdc'), ...parts?.spec },
});

test.each<[string, LocalVolume, DeviceFacts, object]>([
  ['takes a blank disk', diskVolume(), device(), { kind: 'ready', sizeBytes: 10 * GIB, devicePath: '/dev/sdc' }],
  ['does not take a used one', diskVolume(), used, { kind: 'refuse', reason: 'NotBlank' }],
  ['keeps the one it uses', diskVolume({ status: ready }), used, { kind: 'ready' }],
  [
    'needs the disk',
    diskVolume({ status: ready }),
    { path: '/dev/sdc', mountedAt: [] },
    { kind: 'refuse', reason: 'UnitMissing' },
  ],
  [
    'needs a disk large enough',
    diskVolume({ spec: { sizeBytes: 11 * GIB } }),
    device(),
    { kind: 'refuse', reason: 'TooSmall' },
  ],
  [
    'is wiped before it goes, also when it looks blank',
    diskVolume({ meta: deleting, status: ready }),
    device(),
    { kind: 'wipe' },
  ],
  ['is wiped of its data', diskVolume({ meta: deleting, status: ready }), used, { kind: 'wipe' }],
  [
    'is wiped of what its user made on it',
    diskVolume({ meta: deleting, status: ready }),
    { ...used, group: 'theirs', device: sampleDisk('sdc', { partitions: ['sdc1'] }) },
    { kind: 'wipe' },
  ],
  ['does not take a zoned disk', diskVolume(), zoned, { kind: 'refuse', reason: 'NotBlank' }],
  ['is wiped of a zoned one that it had', diskVolume({ meta: deleting, status: ready }), zoned, { kind: 'wipe' }],
  [
    'is not wiped of a zoned one while that is held',
    diskVolume({ meta: deleting, status: ready }),
    { ...zoned, device: { ...zoned.device, holders: ['dm-1'] } },
    { kind: 'refuse', reason: 'InUse' },
  ],
  [
    'is not wiped while mounted',
    diskVolume({ meta: deleting, status: ready }),
    { ...used, mountedAt: ['/data'] },
    { kind: 'refuse', reason: 'InUse' },
  ],
  [
    'is not wiped while something is built on it',
    diskVolume({ meta: deleting, status: ready }),
    { ...used, device: sampleDisk('sdc', { holders: ['dm-0'] }) },
    { kind: 'refuse', reason: 'InUse' },
  ],
  [
    'waits for its disk before it goes',
    diskVolume({ meta: deleting, status: ready }),
    { path: '/dev/sdc', mountedAt: [] },
    { kind: 'refuse', reason: 'UnitMissing' },
  ],
  ['leaves what it never took', diskVolume({ meta: deleting }), used, { kind: 'gone' }],
])('a Device volume %s', (_, volume, facts, step) => {
  expect(planDeviceVolume(volume, facts)).toMatchObject(step);
});

const stats = {
  total: bytes(10 * GIB),
  used: bytes(0),
  available: bytes(GIB),
  inodes: { total: 1, used: 1, available: 0 },
};
const mounted = { entry: sampleMount('/mnt/open-local/a'), stats, identity: 'ext4 u /' };
const nameless = { entry: mounted.entry, stats };
const mountVolume = (parts: Parameters<typeof sampleLocalVolume>[0] = {}): LocalVolume => ({
  ...sampleLocalVolume(parts),
  spec: unitSpec('MountPoint', '/mnt/open-local/a'),
});

test.each<[string, LocalVolume, typeof mounted | typeof nameless | undefined, string[], object]>([
  [
    'takes an empty one',
    mountVolume(),
    mounted,
    ['lost+found'],
    { kind: 'ready', sizeBytes: 10 * GIB, devicePath: '/mnt/open-local/a', filesystem: 'ext4 u /' },
  ],
  ['does not take a used one', mountVolume(), mounted, ['x'], { kind: 'refuse', reason: 'NotBlank' }],
  ['needs it mounted', mountVolume({ status: ready }), undefined, [], { kind: 'refuse', reason: 'UnitMissing' }],
  ['needs it to be known', mountVolume(), nameless, [], { kind: 'refuse', reason: 'UnitMissing' }],
  [
    'is emptied before it goes',
    mountVolume({ meta: deleting, status: ready }),
    mounted,
    [],
    { kind: 'wipe', filesystem: 'ext4 u /' },
  ],
  ['is emptied of its data', mountVolume({ meta: deleting, status: ready }), mounted, ['x'], { kind: 'wipe' }],
  ['leaves what it never took', mountVolume({ meta: deleting }), mounted, ['x'], { kind: 'gone' }],
])('a MountPoint volume %s', (_, volume, mountPoint, entries, step) => {
  expect(planMountPointVolume(volume, mountPoint, { entries, mounts: [mounted.entry] })).toMatchObject(step);
});

test.each([
  [['x', 'y'], 'holds 2 files and folders.'],
  [Array.from({ length: MOST_ENTRIES }, (_, at) => `${at}`), 'holds 1000 or more files and folders.'],
])('how many files keep a filesystem from being taken is told', (entries, told) => {
  const message = expect.stringContaining(told) as string;
  const step = planMountPointVolume(mountVolume(), mounted, { entries, mounts: [mounted.entry] });
  expect(step).toMatchObject({ kind: 'refuse', reason: 'NotBlank', message });
});

test.each([
  ['seen at another path too', sampleMount('/pods/x')],
  ['crossed by another mount', sampleMount('/mnt/open-local/a/b', { majorMinor: '1:1' })],
])('a filesystem that is %s is not emptied', (_, other) => {
  const volume = mountVolume({ meta: deleting, status: ready });
  expect(planMountPointVolume(volume, mounted, { entries: [], mounts: [mounted.entry, other] })).toMatchObject({
    kind: 'refuse',
    reason: 'InUse',
    message: expect.stringContaining(other.target) as string,
  });
});

test.each<[string, Partial<LvmGroup>]>([
  ['was never finished', { volumes: [sampleVolume('v1', { active: true, tags: [OUR_TAG, UNFINISHED_TAG] })] }],
  ['has no device, since the kernel has no device-mapper', { volumes: [sampleVolume('v1')] }],
])('a volume that %s is not erased before it is removed', (_, more) => {
  const leaving = sampleLocalVolume({ meta: deleting, status: ready });
  expect(planLvmVolume(leaving, [sampleGroup('pool-0', more)])).toEqual({
    kind: 'remove',
    vgUuid: 'pool-0',
    uuid: 'lv-v1',
  });
});

const said = (message: RegExp) => ({
  kind: 'refuse',
  reason: 'NotOurs',
  message: expect.stringMatching(message) as string,
});

test.each<[string, readonly LvmGroup[], object]>([
  ['lost its tag', [foreign], said(/pool-0\/v1 may have the data.*its tag/)],
  [
    'was moved to another group',
    [empty, sampleGroup('pool-1', { volumes: [sampleVolume('v1')] })],
    said(/pool-1\/v1 may have the data.*back to volume group pool-0/),
  ],
  ['is not there', [empty, sampleGroup('pool-1', { volumes: [sampleVolume('v2')] })], { kind: 'gone' }],
])('the removal of a volume that was ready and %s', (_, groups, step) => {
  expect(planLvmVolume(sampleLocalVolume({ status: ready, meta: deleting }), groups)).toEqual(step);
});

test('the removal of a volume that was never ready leaves alone what has its name', () => {
  expect(planLvmVolume(sampleLocalVolume({ meta: deleting }), [foreign])).toEqual({ kind: 'gone' });
});

const adopted = (more: Parameters<typeof sampleLocalVolume>[0] = {}): LocalVolume =>
  sampleLocalVolume({ ...more, spec: { ...more.spec, adopted: true } });
const which = { vgUuid: 'pool-0', uuid: 'lv-v1' };

test.each<[string, LocalVolume, LvmGroup, object]>([
  ['it bears no tag yet', adopted(), foreign, { kind: 'adopt', ...which }],
  ['it is larger than recorded', adopted(), holding({ tags: [], size: bytes(2 * GIB) }), { kind: 'adopt', ...which }],
  ['it was copied from another', adopted({ spec: { source: { volume: 'v0' } } }), foreign, { kind: 'adopt', ...which }],
  ['it has the tag', adopted(), holding(), { kind: 'ready', sizeBytes: GIB }],
  ['it is not active after a boot', adopted(), holding({ active: false }), { kind: 'activate' }],
  ['it is missing, and never made anew', adopted(), empty, { kind: 'refuse', reason: 'VolumeLost' }],
  [
    'it misses disks',
    adopted(),
    holding({ tags: [], health: 'partial' }),
    { kind: 'refuse', reason: 'GroupFaulty', message: expect.stringContaining('misses disks') as string },
  ],
  [
    'LVM is to refresh it',
    adopted(),
    holding({ tags: [], health: 'refresh needed' }),
    { kind: 'refuse', reason: 'GroupFaulty', message: expect.stringContaining('LVM tells "refresh needed"') as string },
  ],
  [
    'it is a snapshot of something',
    adopted(),
    holding({ tags: [], origin: 'root' }),
    { kind: 'refuse', reason: 'VolumeMismatch', message: expect.stringContaining('is a snapshot of root: it is left') },
  ],
  [
    'it is to be a snapshot and is none',
    adopted({ spec: { role: 'Snapshot', source: { volume: 'v0' } } }),
    foreign,
    { kind: 'refuse', reason: 'VolumeMismatch', message: expect.stringContaining('is no snapshot: it is left alone') },
  ],
  [
    'it is the snapshot that it is to be',
    adopted({ spec: { role: 'Snapshot', source: { volume: 'v0' } } }),
    holding({ tags: [], origin: 'v0' }),
    { kind: 'adopt', ...which },
  ],
  [
    'another has taken its name since',
    adopted({ status: { ...ready, volumeUuid: 'lv-other' } }),
    foreign,
    { kind: 'refuse', reason: 'VolumeMismatch' },
  ],
  ['deleted before it was adopted: its data stays', adopted({ meta: deleting }), foreign, { kind: 'gone' }],
  ['deleted afterwards', adopted({ meta: deleting, status: ready }), holding(), { kind: 'remove' }],
])('a volume that was made before its record: %s', (_, volume, group, step) => {
  expect(planLvmVolume(volume, [group])).toMatchObject(step);
});

test('a disk that was made before its record is taken with its content, and kept if it was not adopted yet', () => {
  const probe = { busy: false, signatures: [{ type: 'ext4', offset: 1080 }] };
  const facts: DeviceFacts = { path: '/dev/sdb', device: sampleDisk('sdb'), mountedAt: [], probe };
  const spec = unitSpec('Device', '/dev/sdb');
  expect(planDeviceVolume(sampleLocalVolume({ spec }), facts)).toMatchObject({ kind: 'refuse', reason: 'NotBlank' });
  expect(planDeviceVolume(adopted({ spec }), facts)).toMatchObject({ kind: 'ready', devicePath: '/dev/sdb' });
  expect(planDeviceVolume(adopted({ spec, meta: deleting }), facts)).toEqual({ kind: 'gone' });
});
