import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import type { BlockDevice, Probe } from './disks.ts';
import { inspectDevice, type DeviceFacts } from './inspect.ts';

const blankProbe: Probe = { busy: false, signatures: [] };
const sdb: BlockDevice = {
  name: 'sdb',
  path: '/dev/sdb',
  majorMinor: '8:16',
  kind: 'disk',
  size: bytes(GIB),
  mediaType: 'ssd',
  readOnly: false,
  holders: [],
  partitions: [],
  swap: false,
};
const facts = (device: Partial<BlockDevice> = {}, more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  path: '/dev/sdb',
  resolved: '/dev/sdb',
  device: { ...sdb, ...device },
  mountedAt: [],
  probe: blankProbe,
  ...more,
});
const signed = (...signatures: Probe['signatures']): DeviceFacts => facts({}, { probe: { busy: false, signatures } });

test.each([
  ['a disk', {}],
  ['a partition', { kind: 'partition', disk: 'sdb', name: 'sdb1' } as const],
  ['a loop device', { kind: 'loop' } as const],
  ['an md array', { kind: 'md' } as const],
  ['a multipath or encrypted device', { kind: 'device-mapper' } as const],
  ['the smallest', { size: bytes(5 * MIB) }],
])('%s with nothing on it is blank', (_, device) => {
  expect(inspectDevice(facts(device))).toEqual({ blank: true });
});

test.each<[string, DeviceFacts, string, string]>([
  ['not there', { path: '/dev/sdq', mountedAt: [] }, 'missing', 'is not there'],
  [
    'a file',
    { path: '/etc/motd', resolved: '/etc/motd', mountedAt: [] },
    'not-a-disk',
    'is not a block device (it is /etc/motd)',
  ],
  ['a logical volume', facts({ kind: 'logical-volume' }), 'not-a-disk', 'is not a disk but a logical volume'],
  ['zram', facts({ kind: 'unfit' }), 'not-a-disk', 'is not a disk but a device of another kind'],
  ['read-only', facts({ readOnly: true }), 'read-only', 'is read-only'],
  ['zoned', facts({ zoned: true }), 'zoned', 'is a zoned disk'],
  ['of no size', facts({ size: bytes(0) }), 'too-small', 'has 0 B, less than the 5 MiB that a group needs'],
  ['smaller than an extent', facts({ size: bytes(5 * MIB - 1) }), 'too-small', 'has 4.9 MiB'],
  ['in a group', facts({}, { group: 'vg0' }), 'in-group', 'belongs to volume group vg0'],
  ['an orphan of LVM', facts({}, { group: '' }), 'in-group', 'is an LVM physical volume of no group'],
  ['swap', facts({ swap: true }), 'swap', 'is in use as swap'],
  ['mounted', facts({}, { mountedAt: ['/data'] }), 'mounted', 'is mounted at /data'],
  ['mounted and partitioned', facts({ partitions: ['sdb1'] }, { mountedAt: ['/'] }), 'mounted', 'is mounted at /'],
  ['partitioned', facts({ partitions: ['sdb1', 'sdb2'] }), 'partitioned', 'has partitions (sdb1, sdb2)'],
  ['held', facts({ holders: ['dm-3'] }), 'held', 'is held by dm-3'],
  ['busy', facts({}, { probe: { busy: true, signatures: [] } }), 'busy', 'is in use'],
  ['unreadable', facts({}, { probe: { ...blankProbe, unreadable: 'EIO' } }), 'unreadable', 'cannot be read: EIO'],
  [
    'not probed',
    { path: '/dev/sdb', resolved: '/dev/sdb', device: sdb, mountedAt: [] },
    'not-probed',
    'has not been looked at',
  ],
  [
    'ext4',
    signed({ type: 'ext4', offset: 1080, label: 'data', uuid: 'u1' }),
    'signature',
    'carries filesystem ext4 (label data, UUID u1)',
  ],
  ['xfs', signed({ type: 'xfs', offset: 0 }), 'signature', 'carries filesystem xfs'],
  ['btrfs', signed({ type: 'btrfs', offset: 0 }), 'signature', 'carries filesystem btrfs'],
  ['another kind', signed({ type: 'vxext4', offset: 0 }), 'signature', 'carries a signature of vxext4'],
  ['one more', signed({ type: 'udf_boot', offset: 0 }), 'signature', 'carries a signature of udf_boot'],
  ['LUKS', signed({ type: 'crypto_LUKS', offset: 0 }), 'signature', 'carries a LUKS encrypted volume'],
  ['RAID', signed({ type: 'linux_raid_member', offset: 0 }), 'signature', 'carries a member of a software RAID'],
  [
    'ZFS, many times',
    signed({ type: 'zfs_member', offset: 1 }, { type: 'zfs_member', offset: 2 }),
    'signature',
    'carries a member of a ZFS pool',
  ],
  [
    'GPT',
    signed({ type: 'gpt', offset: 512 }, { type: 'PMBR', offset: 510 }),
    'signature',
    'carries a GPT partition table and a protective MBR',
  ],
  [
    'anything libblkid names',
    signed({ type: 'ceph_bluestore', offset: 0 }),
    'signature',
    'carries a signature of ceph_bluestore',
  ],
  [
    'unknown bytes',
    facts({}, { probe: { ...blankProbe, dataAt: 4096 } }),
    'data',
    'holds data of no known kind at byte 4096',
  ],
])('%s is refused', (_, given, kind, what) => {
  const inspection = inspectDevice(given);
  expect(inspection).toMatchObject({ blank: false, finding: { kind, what: expect.stringContaining(what) as string } });
  expect(inspection.blank ? '' : inspection.finding.todo).toMatch(/^[A-Z].{10,}/);
});

test('what to do about a signature names the device that the name leads to', () => {
  const inspection = inspectDevice({ ...signed({ type: 'ext4', offset: 1 }), path: '/dev/disk/by-id/x' });
  expect(inspection).toMatchObject({
    finding: { todo: 'If its data is not needed: wipefs --all /dev/sdb && dd if=/dev/zero of=/dev/sdb bs=1M count=1' },
  });
});
