import { expect, test } from 'vitest';
import { FILESYSTEMS } from './filesystem-type.ts';
import {
  keptMountOptions,
  optionDifference,
  parseMountOptions,
  strangeOptions,
  type Mounted,
} from './mount-options.ts';

const MOUNTED: readonly Mounted[] = [...FILESYSTEMS, 'MountPoint'];
const CONTEXT = 'context="system_u:object_r:container_file_t:s0:c1,c2"';

test.each<[string[], Mounted, string[], boolean]>([
  [[], 'ext4', [], false],
  [['noatime', 'discard'], 'ext4', ['noatime', 'discard'], false],
  [['noatime,nodiratime', 'noatime'], 'xfs', ['noatime', 'nodiratime'], false],
  [['defaults', 'rw', 'exec', 'suid', 'dev', 'async', 'relatime', 'nofail', '_netdev'], 'ext4', [], false],
  [['ro'], 'btrfs', [], true],
  [
    ['data=journal', 'commit=30', 'nodelalloc', 'barrier=0'],
    'ext4',
    ['data=journal', 'commit=30', 'nodelalloc', 'barrier=0'],
    false,
  ],
  [['logbsize=256k', 'nouuid', 'inode64', 'pquota'], 'xfs', ['logbsize=256k', 'nouuid', 'pquota'], false],
  [['compress=zstd:3', 'discard=async'], 'btrfs', ['compress=zstd:3', 'discard=async'], false],
  [[CONTEXT], 'ext4', [CONTEXT], false],
  [['context=system_u:object_r:ephemeral_t:s0'], 'xfs', ['context=system_u:object_r:ephemeral_t:s0'], false],
  [['noexec', 'nosuid', 'nodev', 'noatime', 'ro'], 'MountPoint', ['noexec', 'nosuid', 'nodev', 'noatime'], true],
])('%j for %s', (texts, mounted, options, readOnly) => {
  expect(parseMountOptions(texts, mounted)).toEqual({ options, readOnly });
});

// What mounts something else, somewhere else, otherwise than this filesystem, or lets a tenant stop the node.
test.each([
  ...['bind', 'rbind', 'move', 'remount', 'loop', 'loop=/dev/loop1', 'offset=1024', 'sizelimit=1', 'shared', 'private'],
  ...[
    'rslave',
    'user',
    'users',
    'owner',
    'X-mount.mkdir',
    'X-mount.subdir=/etc',
    'x-systemd.automount',
    'idmap=/proc/1',
  ],
  ...['subvol=/', 'subvolid=5', 'device=/dev/sda', 'degraded', 'rescue=all', 'fatal_errors=bug', 'clear_cache'],
  ...['norecovery', 'noload', 'abort', 'sb=8193', 'journal_path=/dev/sda', 'journal_dev=2049', 'errors=panic'],
  ...['logdev=/dev/sda', 'rtdev=/dev/sda', 'usrjquota=aquota.user', 'helper=x', 'uid=0', '--bind', '-o'],
  ...['context=', 'context=a b', 'commit=', 'commit=x', 'commit=5;', 'discard=', 'noatime=1', 'constructor', 'context'],
])('%s is refused for every filesystem, by name', (option) => {
  for (const mounted of MOUNTED) {
    expect(() => parseMountOptions([option], mounted)).toThrow(`mount option "${option}" cannot be given to a volume`);
    expect(() => parseMountOptions([`noatime,${option}`], mounted)).toThrow(`"${option}"`);
  }
});

test.each<[string, Mounted]>([
  ['nouuid', 'ext4'],
  ['data=journal', 'xfs'],
  ['data=journal', 'ext2'],
  ['compress=zstd', 'ext4'],
  ['discard', 'MountPoint'],
  [CONTEXT, 'MountPoint'],
])('%s is not for %s', (option, mounted) => {
  expect(() => parseMountOptions([option], mounted)).toThrow(mounted === 'MountPoint' ? 'mounted before' : mounted);
});

test('a label of SELinux on a mount point is refused with what its pod is to set', () => {
  expect(() => parseMountOptions([CONTEXT], 'MountPoint')).toThrow('seLinuxChangePolicy of the pod to Recursive');
});

test.each<[string[], Mounted]>([
  [['ro', 'rw'], 'ext4'],
  [['exec,noexec'], 'MountPoint'],
  [['noatime', 'relatime'], 'xfs'],
  [['data=journal', 'data=writeback'], 'ext4'],
  [['commit=5', 'commit=6'], 'btrfs'],
  [['context=a:b:c:s0', 'context=a:b:d:s0'], 'ext4'],
])('%j contradict each other', (texts, mounted) => {
  expect(() => parseMountOptions(texts, mounted)).toThrow('contradict each other');
});

// Of the right, lines of a kernel 6.18 with the options of the left.
test.each<[string[], Mounted, string]>([
  [[], 'ext4', 'rw,relatime,rw'],
  [['noatime', 'discard'], 'ext4', 'rw,noatime,rw,discard'],
  [['data=journal', 'commit=30'], 'ext4', 'rw,relatime,rw,nodelalloc,data=journal,commit=30'],
  [['strictatime'], 'ext4', 'rw,rw'],
  [[], 'xfs', 'rw,relatime,rw,nouuid,attr2,inode64,logbufs=8,logbsize=32k,noquota'],
  [[], 'btrfs', 'rw,relatime,rw,ssd,discard=async,space_cache=v2,subvolid=5,subvol=/'],
  [['context=a:b:c:s0'], 'ext4', 'rw,relatime,rw,context=a:b:c:s0'],
  [['context="a:b:c:s0"'], 'ext4', 'rw,relatime,rw,context=a:b:c:s0'],
  [[], 'ext4', 'rw,relatime,rw,seclabel'],
  [['context=a:b:c:s0'], 'ext4', 'rw,relatime,rw'], // a kernel without SELinux
])('what was asked for as %j is found again on %s', (texts, mounted, found) => {
  expect(optionDifference(found.split(','), parseMountOptions(texts, mounted), mounted)).toBeUndefined();
});

test.each<[string[], Mounted, string, string, string]>([
  [['noexec'], 'ext4', 'rw,relatime,rw', 'exec', 'noexec'],
  [[], 'ext4', 'rw,noexec,relatime,rw', 'noexec', 'exec'],
  [['noatime'], 'xfs', 'rw,relatime,rw,inode64', 'relatime', 'noatime'],
  [['discard'], 'ext4', 'rw,relatime,rw', 'nodiscard', 'discard'],
  [[], 'xfs', 'rw,relatime,rw,discard', 'discard', 'nodiscard'],
  [['dirsync'], 'ext4', 'rw,relatime,rw', 'no dirsync', 'dirsync'],
  [['nosuid'], 'MountPoint', 'rw,relatime,rw,discard', 'suid', 'nosuid'],
  [['context=a:b:c:s0'], 'ext4', 'rw,relatime,rw,seclabel', 'no context=', 'context=a:b:c:s0'],
  [['context=a:b:c:s0:c1'], 'ext4', 'rw,relatime,rw,context=a:b:c:s0:c2', 'context=a:b:c:s0:c2', 'context=a:b:c:s0:c1'],
])('what was asked for as %j is not what %s has', (texts, mounted, found, has, asked) => {
  expect(optionDifference(found.split(','), parseMountOptions(texts, mounted), mounted)).toEqual({ has, asked });
});

test.each<[string[], Mounted, string[], boolean, string[]]>([
  [['noatime', 'norecovery', 'defaults'], 'ext4', ['noatime', 'norecovery'], false, ['norecovery']],
  [['ro', 'logdev=/dev/sdz'], 'xfs', ['logdev=/dev/sdz'], true, ['logdev=/dev/sdz']],
  [['discard', 'noexec'], 'MountPoint', ['noexec'], false, ['discard']],
])('a volume from before us keeps %j for %s', (texts, mounted, options, readOnly, strange) => {
  expect(keptMountOptions(texts, mounted)).toEqual({ options, readOnly });
  expect(strangeOptions(texts, mounted)).toEqual(strange);
});
