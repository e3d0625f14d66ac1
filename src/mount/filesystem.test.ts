import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CommandFailed } from '../exec/command-failed.ts';
import { createFakeRun, exits, type Reply } from '../exec/fake-run.ts';
import { run, type Run } from '../exec/run.ts';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { majorMinorOf } from '../model/device-number.ts';
import { canGrow, growArgv, mkfsArgv, neededOptions, parseBlkid, type Filesystems } from './filesystem.ts';
import { createHostFilesystems } from './host-filesystems.ts';

const never = new AbortController().signal;

test.each([
  ['TYPE=ext4\nUSAGE=filesystem\nUUID=x', { kind: 'filesystem', type: 'ext4', uuid: 'x' }],
  ['TYPE=ext4\nUSAGE=filesystem', { kind: 'filesystem', type: 'ext4' }],
  ['BLOCK_SIZE=512\nTYPE=xfs\nUSAGE=filesystem', { kind: 'filesystem', type: 'xfs', blockSize: 512 }],
  ['TYPE=LVM2_member\nUSAGE=raid', { kind: 'other', what: 'LVM2_member' }],
  ['TYPE=crypto_LUKS\nUSAGE=crypto', { kind: 'other', what: 'crypto_LUKS' }],
  ['PTTYPE=gpt', { kind: 'other', what: 'gpt' }],
  ['PART_ENTRY_NUMBER=1', { kind: 'other', what: 'something that blkid cannot name' }],
])('blkid says %j', (stdout, want) => {
  expect(parseBlkid(stdout)).toEqual(want);
});

async function probeFile(reply: Reply, content = 'x') {
  const folder = await mkdtemp(path.join(tmpdir(), 'fs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const device = path.join(folder, 'device');
  await writeFile(device, content, 'latin1');
  const fake = createFakeRun((argv, options, signal) => (argv[0] === 'dd' ? run(argv, options, signal) : reply));
  return createHostFilesystems(fake.run).probe(device, never);
}

test('blank is only what blkid finds nothing on and what can be read', async () => {
  expect(await probeFile(exits(['blkid'], 2))).toEqual({ kind: 'blank' });
  await expect(probeFile(exits(['blkid'], 2, 'error: /dev/x: Input/output error'))).rejects.toMatchObject({
    kind: 'unavailable',
  });
  await expect(probeFile(exits(['blkid'], 2), '')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('it is empty') as string,
  });
  await expect(probeFile(exits(['blkid'], 4))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(await probeFile(exits(['blkid'], 8))).toMatchObject({ kind: 'other' });
});

const at = (offset: number, ...bytes: readonly number[]): string =>
  `${'\0'.repeat(offset)}${Buffer.from(bytes).toString('latin1')}${'\0'.repeat(200)}`;
/** Inodes, size of blocks, magic number and revision of an ext4. */
const ext = (inodes: number, magic: readonly number[]): string =>
  `${'\0'.repeat(1024)}${at(0, inodes).slice(0, 56)}${Buffer.from(magic).toString('latin1')}${'\0'.repeat(99)}`;

test.each([
  ['xfs', 'XFSB'],
  ['btrfs', at(65_600, ...Buffer.from('_BHRfS_M'))],
  ['crypto_LUKS', at(0, 0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe)],
  ['ext2, ext3 or ext4', ext(1, [0x53, 0xef])],
])('where blkid finds nothing, it is told that a device begins like %s', async (looksLike, content) => {
  expect(await probeFile(exits(['blkid'], 2), content)).toEqual({ kind: 'blank', looksLike });
});

test('two bytes alone are no ext4', async () => {
  expect(await probeFile(exits(['blkid'], 2), ext(0, [0x53, 0xef]))).toEqual({ kind: 'blank' });
});

test('an answer of blkid without a word is none', async () => {
  const told = { kind: 'unavailable', message: expect.stringContaining('blkid said nothing of') as string };
  await expect(probeFile('')).rejects.toMatchObject(told);
});

test('a device that is not there is missing, without asking blkid', async () => {
  const fake = createFakeRun((argv, options, signal) => (argv[0] === 'dd' ? run(argv, options, signal) : undefined));
  expect(await createHostFilesystems(fake.run).probe('/dev/none', never)).toEqual({ kind: 'missing' });
});

const mounted = { ...{ id: 1, root: '/', target: '/mnt', options: [] }, majorMinor: '8:99', source: '/dev/none' };
test.each<[string, string, readonly Reply[], string]>([
  ['is asked for its own type alone', 'xfs', ['TYPE=xfs\nUSAGE=filesystem\nUUID=u'], 'xfs u /'],
  ['is asked again', 'ext4', [exits([], 2), 'TYPE=ext4\nUSAGE=filesystem\nUUID=u'], 'ext4 u /'],
  ['of no UUID has its source', 'ext4', ['TYPE=ext4\nUSAGE=filesystem'], 'ext4 /dev/none /'],
  ['that never tells is not known', 'ext4', [exits([], 2), exits([], 2), exits([], 2)], 'does not tell the UUID'],
  ['that we do not make has its source', 'iso9660', [exits([], 2)], 'iso9660 /dev/none /'],
])('what a mounted filesystem is known by: one that %s', async (_, fsType, replies, want) => {
  const left = [...replies];
  const { run: fake, calls } = createFakeRun(() => left.shift());
  const found = createHostFilesystems(fake).identify({ ...mounted, fsType }, never);
  expect(await found.catch(String)).toContain(want);
  const only = { xfs: ['-n', 'xfs'], ext4: ['-n', 'ext4,ext3,ext2'], iso9660: [] }[fsType] ?? [];
  expect(calls[0]).toEqual(['blkid', '-p', ...only, '-o', 'export', '--', '/dev/block/8:99']);
});

test('devices that do not answer are told so, and stop nothing else of this program', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'fs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const paths = ['a', 'b', 'c', 'd', 'e'].map((name) => path.join(folder, name));
  await run(['mkfifo', ...paths], { timeoutMs: 20_000 }, never); // opening one waits for ever
  const enough = new AbortController();
  const filesystems = createHostFilesystems(run);
  const looks = paths.map((device) => filesystems.probe(device, enough.signal).catch((error: unknown) => error));
  expect(await readFile('/proc/self/stat', 'utf8')).toContain(`${process.pid} `); // waits for ever behind them
  enough.abort(new Error('enough'));
  expect(await Promise.all(looks)).toEqual(looks.map(() => enough.signal.reason as Error));
  const impatient: Run = (argv, options, signal) => run(argv, { ...options, timeoutMs: 200 }, signal);
  const [device = ''] = paths;
  await expect(createHostFilesystems(impatient).probe(device, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test.each([
  ['ext4', 'mkfs.ext4 -q -m 0 -U u-1 -- /dev/x'],
  ['xfs', 'mkfs.xfs -q -m uuid=u-1 -- /dev/x'],
  ['btrfs', 'mkfs.btrfs -q -U u-1 -- /dev/x'],
] as const)('making %s overwrites nothing by force', (fsType, want) => {
  expect(mkfsArgv('/dev/x', { type: fsType, uuid: 'u-1' }).join(' ')).toBe(want);
});

test.each<[string, string, (filesystems: Filesystems) => Promise<void>, number]>([
  ['making it', 'mkfs.ext4', (it) => it.format('/dev/x', { type: 'ext4', uuid: 'u' }, never), 1],
  ['checking it', 'e2fsck', (it) => it.check('/dev/x', 'ext4', never), 6],
  ['checking a copy', 'e2fsck', (it) => it.settleCopy('/dev/x', 'ext4', never), 6],
  ['giving a copy its UUID', 'tune2fs', (it) => it.giveUuid('/dev/x', { type: 'ext4', uuid: 'u' }, never), 1],
  ['growing it', 'resize2fs', (it) => it.grow({ device: '/dev/x', target: '/mnt', fsType: 'ext4' }, never), 1],
])('a large filesystem has the time it needs: %s', async (_, program, work, hours) => {
  const times: unknown[] = [];
  const { run: fake } = createFakeRun(([name], { timeoutMs }) => {
    times.push([name, timeoutMs]);
    return '';
  });
  const size = bytes(1024 * GIB);
  await work(createHostFilesystems(fake, () => Promise.resolve(size)));
  expect(times).toEqual([[program, expect.closeTo(hours * 3_600_000 + (1024 * 1024 * 1000) / 5)]]); // at 5 MiB/s
});

test.each([
  ['ext3', 'resize2fs -- /dev/x'],
  ['xfs', 'xfs_growfs -d /mnt'],
  ['btrfs', 'btrfs filesystem resize max /mnt'],
  ['devtmpfs', undefined],
])('growing %s', (fsType, want) => {
  expect(growArgv({ device: '/dev/x', target: '/mnt', fsType })?.join(' ')).toBe(want);
});

test.each([
  ['resize2fs: Permission denied to resize filesystem', 'precondition', 'end every pod that has it'],
  ['resize2fs: No space left on device', 'unavailable', 'No space left on device'],
])('where %s, it is told what to do', async (stderr, kind, message) => {
  const { run: fake } = createFakeRun((argv) => exits(argv, 1, stderr));
  const growing = createHostFilesystems(fake).grow({ device: '/dev/x', target: '/mnt', fsType: 'ext4' }, never);
  await expect(growing).rejects.toMatchObject({ kind, message: expect.stringContaining(message) as string });
});

/** A copy of a volume of 1000 GiB on disks that say 4 KiB and 16 KiB of themselves: mkfs.xfs leaves out 32 blocks. */
const xfs = (blocks: number): string =>
  `meta-data=/dev/x                 isize=512    agcount=32, agsize=8191999 blks
         =                       sectsz=512   attr=2, projid32bit=1
data     =                       bsize=4096   blocks=${blocks}, imaxpct=25
         =                       sunit=1      swidth=4 blks
log      =internal log           bsize=4096   blocks=521728, version=2
`;

test.each([
  ['is as large as it can be', 262_143_968, 1000 * GIB, 'No space left on device', undefined],
  ['is smaller than it can be', 262_143_968, 1000 * GIB + 32 * 4096, 'No space left on device', 'unavailable'],
  ['lacks a group', 262_143_968 - 8_191_999, 1000 * GIB, 'No space left on device', 'unavailable'],
  ['fits its device', 262_143_968, 262_143_968 * 4096, 'No space left on device', 'unavailable'],
  ['has stopped', 262_143_968, 1000 * GIB, 'Input/output error', 'unavailable'],
])('an xfs that the kernel does not grow and that %s', async (_, blocks, size, said, kind) => {
  const { run: fake } = createFakeRun((argv) => exits(argv, 1, `xfs_growfs: xfsctl failed: ${said}`, xfs(blocks)));
  const filesystems = createHostFilesystems(fake, () => Promise.resolve(bytes(size)));
  const growing = filesystems.grow({ device: '/dev/x', target: '/mnt', fsType: 'xfs' }, never);
  const error = await growing.catch((thrown: unknown) => thrown);
  expect(error instanceof Fault ? error.kind : error).toBe(kind);
});

test('a small btrfs is left as large as it is, since the kernel refuses to grow it', () => {
  expect([255, 256].map((mib) => canGrow('btrfs', bytes(mib * MIB)))).toEqual([false, true]);
  expect(canGrow('ext4', bytes(MIB))).toBe(true);
});

test('options that a filesystem cannot do without', () => {
  expect(neededOptions('xfs')).toEqual(['nouuid']);
  expect(neededOptions('ext4')).toEqual([]);
});

test.each([
  [0x0810, '8:16'],
  [0xfd03, '253:3'],
  [0x10_00_07_01, '7:65537'],
])('device number %d is %s', (rdev, want) => {
  expect(majorMinorOf(rdev)).toBe(want);
});

test.each([
  ['by the kernel, for want of memory', 'was ended by SIGKILL', true],
  ['by ourselves, in the end', 'did not end within 9 ms', false],
])('a check that is ended %s', async (_, what, isTold) => {
  const killed = { argv: ['e2fsck'], exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' };
  const { run: fake } = createFakeRun(() => new CommandFailed(killed, what));
  const ended = await createHostFilesystems(fake).check('/dev/none', 'ext4', never).catch(String);
  expect([String(ended).includes(what), String(ended).includes('limit of memory')]).toEqual([true, isTold]);
});
