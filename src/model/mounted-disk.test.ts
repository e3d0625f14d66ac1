import { expect, test } from 'vitest';
import { notOnDisk } from './mounted-disk.ts';

test.each([
  ['ext4', '/dev/sdb1'],
  ['btrfs', '/dev/mapper/data'],
  ['bcachefs', '/dev/sda:/dev/sdb'],
  ['zfs', 'tank/claims'],
  ['xfs', undefined], // of an older agent
  [undefined, undefined],
])('a %s of %s is on a disk', (fsType, device) => {
  expect(notOnDisk({ ...(fsType && { fsType }), ...(device && { device }) })).toBeUndefined();
});

test.each([
  ['tmpfs', 'tmpfs', 'is tmpfs: it is in memory, and empty after a boot'],
  ['tmpfs', '/dev/shm', 'is tmpfs: it is in memory'],
  ['nfs4', 'server:/export', 'is nfs4 of server:/export: it is not on a disk of this machine alone'],
  ['fuse.sshfs', 'host:', 'is fuse.sshfs of host:'],
  ['overlay', 'overlay', 'is overlay of overlay'],
  ['gfs2', '/dev/sdb', 'is gfs2 of /dev/sdb'],
])('a %s of %s is not', (fsType, device, want) => {
  expect(notOnDisk({ fsType, device })).toContain(want);
});
