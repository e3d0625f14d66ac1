import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun } from '../exec/fake-run.ts';
import { MIB } from '../model/bytes.ts';
import { fakeKernel } from './fake-sysfs.ts';
import { diskIdentity } from './identity.ts';
import { readBlockDevices } from './sysfs.ts';

const never = new AbortController().signal;

async function devicesOf(files: Readonly<Record<string, string>>) {
  const { folders, remove } = await fakeKernel(files);
  onTestFinished(remove);
  return readBlockDevices(folders, createFakeRun(() => undefined).run, never);
}

const disk = (name: string, more: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    Object.entries({ dev: '8:0', size: '2048', ro: '0', 'queue/rotational': '0', 'holders/': '', ...more }).map(
      ([file, text]) => [`sys/block/${name}/${file}`, text],
    ),
  );

test('a disk with its partitions, sizes from sectors of 512 bytes whatever the disk says', async () => {
  const found = await devicesOf({
    ...disk('nvme0n1', { dev: '259:0', size: '8', 'queue/logical_block_size': '4096' }),
    ...disk('nvme0n1/nvme0n1p2', { dev: '259:2', size: '4', ro: '1' }),
    ...disk('nvme0n1/nvme0n1p1', { dev: '259:1', size: '2' }),
  });
  expect(found).toMatchObject([
    {
      name: 'nvme0n1',
      path: '/dev/nvme0n1',
      kind: 'disk',
      size: 4096,
      partitions: ['nvme0n1p1', 'nvme0n1p2'],
      majorMinor: '259:0',
      sectorBytes: 4096,
    },
    { name: 'nvme0n1p1', kind: 'partition', disk: 'nvme0n1', size: 1024, readOnly: false, sectorBytes: 4096 },
    { name: 'nvme0n1p2', kind: 'partition', disk: 'nvme0n1', size: 2048, readOnly: true, partitions: [] },
  ]);
});

test('the boot areas of an eMMC are no partitions of it and no disks for anybody, and its CID tells which it is', async () => {
  const found = await devicesOf({
    ...disk('mmcblk0', { dev: '179:0', 'device/cid': '150100424a54' }),
    ...disk('mmcblk0/mmcblk0p1', { dev: '179:1' }),
    ...disk('mmcblk0/mmcblk0boot0', { dev: '179:8' }), // in both folders, as a link has it
    ...disk('mmcblk0boot0', { dev: '179:8' }),
  });
  expect(found.map(({ name, kind, partitions }) => [name, kind, partitions])).toEqual([
    ['mmcblk0', 'disk', ['mmcblk0p1']],
    ['mmcblk0p1', 'partition', []],
    ['mmcblk0boot0', 'unfit', []],
  ]);
  expect(found[0]?.worldwideName).toBe('150100424a54');
});

test('rotating disks are hdd, and so are their partitions', async () => {
  const found = await devicesOf({ ...disk('sda', { 'queue/rotational': '1' }), ...disk('sda/sda1') });
  expect(found.map(({ mediaType }) => mediaType)).toEqual(['hdd', 'hdd']);
});

test.each([
  'naa.0000000000000000',
  'naa.5000000000000000',
  'naa.60000000000000000000000000000000',
  'eui.0000000000000000',
  'eui.ffffffffffffffff',
  'uuid.00000000-0000-0000-0000-000000000000',
])('%s is the name of no disk: two that have it are told apart by their serial numbers', async (wwid) => {
  const named = (name: string, serial: string) =>
    disk(name, { 'device/wwid': wwid, 'device/vpd_pg80': `\0\u0080\0\u0004${serial}` });
  const found = await devicesOf({ ...named('sda', 'PNF1'), ...named('sdb', 'PNF2') });
  expect(found.map(({ worldwideName }) => worldwideName)).toEqual([undefined, undefined]);
  expect(found.map((device) => diskIdentity(device, found))).toEqual([`PNF1 ${MIB}`, `PNF2 ${MIB}`]);
});

test('a name with zeros in it is a name', async () => {
  for (const wwid of [
    'naa.5000c500a1b2c3d4',
    'eui.0025385000000001',
    'naa.6000000000000000000000000000000f',
    't10.ATA 0',
  ])
    expect((await devicesOf(disk('sda', { 'device/wwid': wwid })))[0]?.worldwideName).toBe(wwid);
});

test('a disk that can be written in order only is told to be so, with its partitions', async () => {
  const zoned = (word: string) => devicesOf({ ...disk('sda', { 'queue/zoned': word }), ...disk('sda/sda1') });
  expect((await zoned('host-managed')).map((device) => device.zoned)).toEqual([true, true]);
  for (const word of ['none', 'host-aware'])
    expect((await zoned(word)).map((device) => device.zoned)).toEqual([undefined, undefined]);
});

test.each([
  ['sda', {}, 'disk'],
  ['vdb', {}, 'disk'],
  ['nvme1n1', {}, 'disk'],
  ['mmcblk0', {}, 'disk'],
  ['loop0', {}, 'loop'],
  ['md127', {}, 'md'],
  ['dm-0', { 'dm/uuid': 'LVM-abc' }, 'logical-volume'],
  ['dm-1', { 'dm/uuid': 'CRYPT-LUKS2-abc' }, 'device-mapper'],
  ['zram0', {}, 'unfit'],
  ['sr0', {}, 'unfit'],
])('%s %o is %s', async (name, more, kind) => {
  expect(await devicesOf(disk(name, more))).toMatchObject([{ kind }]);
});

test('holders and swap are seen', async () => {
  const found = await devicesOf({
    ...disk('sda', { 'holders/dm-3/': '' }),
    ...disk('sdb'),
    'proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n/dev/sdb  partition\t1\t0\t-2',
  });
  expect(found).toMatchObject([
    { name: 'sda', holders: ['dm-3'], swap: false },
    { name: 'sdb', holders: [], swap: true },
  ]);
});

test('hidden paths of an NVMe disk, and devices that vanish, are left out; odd names lead into folders', async () => {
  const found = await devicesOf({
    ...disk('nvme0c0n1', { hidden: '1' }),
    'sys/block/sdz/holders/': '',
    ...disk('cciss!c0d0'),
  });
  expect(found.map(({ path }) => path)).toEqual(['/dev/cciss/c0d0']);
});

test('a loop device laid over a disk or a partition holds it; one over a file holds nothing', async () => {
  const found = await devicesOf({
    ...disk('loop0', { 'loop/backing_file': '/dev/sda' }),
    ...disk('loop1', { 'loop/backing_file': '/dev/sdb1' }),
    ...disk('loop2', { 'loop/backing_file': '/var/lib/images/a.img' }),
    ...disk('loop3'),
    ...disk('sda', { 'holders/dm-3/': '' }),
    ...disk('sdb'),
    ...disk('sdb/sdb1'),
  });
  const holders = Object.fromEntries(found.map(({ name, holders }) => [name, holders]));
  expect(holders).toMatchObject({ sda: ['dm-3', 'loop0'], sdb: [], sdb1: ['loop1'], loop0: [] });
  const files = Object.fromEntries(found.map(({ name, backingFile }) => [name, backingFile]));
  expect(files).toMatchObject({ loop0: '/dev/sda', loop2: '/var/lib/images/a.img', loop3: undefined, sda: undefined });
});

test('the serial number of a disk, from where its kind keeps it', async () => {
  const found = await devicesOf({
    ...disk('sda', { 'device/vpd_pg80': '\0\u0080\0\u0005data3' }),
    ...disk('sdb', { 'device/vpd_pg80': '\0\u0080\0\u0004    ' }),
    ...disk('vda', { serial: 'data1' }),
    ...disk('vdb', { serial: '' }),
  });
  expect(found.map(({ serial }) => serial)).toEqual(['data3', undefined, 'data1', undefined]);
});

test('the worldwide name of a disk, from where its kind keeps it', async () => {
  const found = await devicesOf({
    ...disk('nvme0n1', { wwid: 'eui.0025388b91b3f1a2' }),
    ...disk('sda', { 'device/wwid': 'naa.5000c500a1b2c3d4' }),
    ...disk('sda/sda1'),
    ...disk('sdb', { 'device/wwid': '' }),
    ...disk('vda'),
  });
  const names = Object.fromEntries(found.map(({ name, worldwideName }) => [name, worldwideName]));
  expect(names).toEqual({ nvme0n1: 'eui.0025388b91b3f1a2', sda: 'naa.5000c500a1b2c3d4' });
});

test('a partition has what its disk’s partition table calls it', async () => {
  const found = await devicesOf({ ...disk('vda'), ...disk('vda/vda1', { uevent: 'PARTN=1\nPARTUUID=0a-1' }) });
  expect(found.map(({ contentUuid }) => contentUuid)).toEqual([undefined, 'partition 0a-1']);
});

test('a disk that goes while it is read is none', async () => {
  const files = { ...disk('sda'), ...disk('sdb'), ...disk('sdc') };
  delete files['sys/block/sda/dev'];
  delete files['sys/block/sdb/size'];
  expect((await devicesOf(files)).map(({ name }) => name)).toEqual(['sdc']);
});
