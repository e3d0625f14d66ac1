import { expect, onTestFinished, test } from 'vitest';
import { fakeKernel } from './fake-sysfs.ts';
import { filesystemErrors, readKernelSigns } from './kernel-signs.ts';

const never = new AbortController().signal;

async function sysOf(files: Readonly<Record<string, string>>): Promise<string> {
  const { folders, remove } = await fakeKernel(files);
  onTestFinished(remove);
  return folders.sys;
}

const signs = async (name: string, files: Readonly<Record<string, string>>) =>
  readKernelSigns(
    await sysOf(Object.fromEntries(Object.entries(files).map(([file, text]) => [`sys/block/${name}/${file}`, text]))),
    name,
    never,
  );

test.each([
  ['running', false],
  ['blocked', false],
  ['offline', true],
  ['transport-offline', true],
])('a SCSI disk that is %s', async (state, offline) => {
  expect(await signs('sdb', { 'device/state': state, 'device/ioerr_cnt': '0x2a' })).toEqual({
    offline,
    failedCommands: 42,
  });
});

test('an NVMe disk is gone when its controller is dead, and with several when all are', async () => {
  expect(await signs('nvme0n1', { 'device/state': 'live' })).toEqual({ offline: false });
  expect(await signs('nvme0n1', { 'device/state': 'dead' })).toEqual({ offline: true });
  const first = { 'device/nvme0/state': 'dead', 'device/nvme-subsys0/state': 'live' };
  expect(await signs('nvme0n1', { ...first, 'device/nvme1/state': 'live' })).toEqual({ offline: false });
  expect(await signs('nvme0n1', { ...first, 'device/nvme1/state': 'dead' })).toEqual({ offline: true });
});

test('a virtio disk tells nothing, nor does one that is gone, nor a count that is none', async () => {
  expect(await signs('vda', { 'device/vendor': '0x1af4' })).toEqual({ offline: false });
  expect(await signs('sdb', {})).toEqual({ offline: false });
  expect(await signs('sdb', { 'device/ioerr_cnt': '' })).toEqual({ offline: false });
});

const ext4 = (device: string, errors: string, first?: string, last?: string) => ({
  [`sys/fs/ext4/${device}/errors_count`]: errors,
  ...(first === undefined ? {} : { [`sys/fs/ext4/${device}/first_error_errcode`]: first }),
  ...(last === undefined ? {} : { [`sys/fs/ext4/${device}/last_error_errcode`]: last }),
});

test('ext4 tells of errors of the device, and what is written in a filesystem wrongly is not told of a disk', async () => {
  const sys = await sysOf({
    'sys/fs/ext4/features/metadata_csum_seed': 'supported',
    ...ext4('sda1', '0', '0', '0'),
    ...ext4('dm-3', '7', '5', '2'),
    ...ext4('dm-4', '3', '2', '5'),
    ...ext4('dm-5', '9', '5', '4'),
    ...ext4('dm-6', '9'),
  });
  expect(await filesystemErrors(sys, never)).toEqual(
    new Map([
      ['dm-3', 7],
      ['dm-4', 3],
    ]),
  );
});

test('btrfs tells of each device, of which it counts apart only where it has one', async () => {
  const stats = (write: number, corrupt: number): string =>
    `write_errs ${write}\nread_errs 1\nflush_errs 0\ncorruption_errs ${corrupt}\ngeneration_errs 0`;
  const of = (uuid: string, errors: string, ...devices: readonly string[]) => ({
    [`sys/fs/btrfs/${uuid}/devinfo/1/error_stats`]: errors,
    ...Object.fromEntries(devices.map((device) => [`sys/fs/btrfs/${uuid}/devices/${device}/`, ''])),
  });
  const sys = await sysOf({
    'sys/fs/btrfs/features/raid1c34': '0',
    ...of('6b1e', stats(4, 9), 'dm-3'),
    ...of('7c2f', stats(4, 0), 'sdb', 'sdc'),
    ...of('8d30', 'write_errs 0\nread_errs 0\ncorruption_errs 5', 'dm-4'),
  });
  expect(await filesystemErrors(sys, never)).toEqual(new Map([['dm-3', 5]]));
});

test('xfs counts nothing, and a kernel without such filesystems has none', async () => {
  expect(await filesystemErrors(await sysOf({ 'sys/fs/xfs/dm-3/error/fail_at_unmount': '1' }), never)).toEqual(
    new Map(),
  );
});
