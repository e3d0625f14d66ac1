import { expect, test } from 'vitest';
import { standingOf, wantedLines } from './modules.ts';

const kernel = {
  loaded: new Set(['dm_mod']),
  builtin: 'kernel/fs/ext4/ext4.ko\nkernel/drivers/md/dm-bufio.ko\n',
  dep: 'kernel/drivers/md/dm-snapshot.ko.xz: kernel/drivers/md/dm-bufio.ko.xz\nkernel/fs/xfs/libxfs.ko:\n',
  filesystems: 'nodev\tsysfs\n\tbtrfs\n',
};

test.each([
  ['dm_mod', 'loaded'],
  ['ext4', 'loaded'],
  ['btrfs', 'loaded'],
  ['dm_snapshot', 'loadable'],
  ['xfs', 'missing'],
  ['dm_crypt', 'missing'],
])('%s is %s', (module, standing) => {
  expect(standingOf(module, kernel)).toBe(standing);
});

test('nothing is known of a kernel whose list cannot be read', () => {
  expect(standingOf('xfs', { ...kernel, dep: undefined, builtin: undefined })).toBe('unknown');
});

test('of a list no more is kept than what may be asked for', () => {
  const list =
    'kernel/net/x.ko: kernel/fs/xfs/xfs.ko\nkernel/drivers/md/dm-crypt.ko.zst: kernel/drivers/md/dm-mod.ko\n';
  expect(wantedLines(list)).toBe('kernel/drivers/md/dm-crypt.ko.zst: kernel/drivers/md/dm-mod.ko');
  expect(wantedLines('kernel/fs/ext4/ext4.ko\nkernel/net/x.ko\n')).toBe('kernel/fs/ext4/ext4.ko');
});
