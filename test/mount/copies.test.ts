// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { copyDevice } from '../../src/copy/copy-device.ts';
import { run } from '../../src/exec/run.ts';
import { bytes, MIB, NO_BYTES } from '../../src/model/bytes.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { systemClock } from '../../src/wait/clock.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices', 'mkfs of ext4, xfs and btrfs');
const never = new AbortController().signal;
const mounts = createHostMounts(run);
const filesystems = createHostFilesystems(run);
const SIZE = 320 * MIB;
const UUID = '11111111-2222-4333-8444-555555555555';

const copyAll = (source: string, target: string, size = SIZE): Promise<void> =>
  copyDevice(
    { source, target, size: bytes(size), from: NO_BYTES },
    { copied: () => Promise.resolve() },
    { run, clock: systemClock },
    never,
  );

/** Two disks, the first of which carries a mounted filesystem with a file whose bytes are synced, and others not. */
async function twoDisks(fsType: 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'btrfs') {
  await using stack = new AsyncDisposableStack();
  const disks = stack.use(await createLoopDisks(SIZE, SIZE));
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-copies-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const [source = '', target = ''] = disks.devices;
  const [here, there] = [path.join(folder, 'here'), path.join(folder, 'there')];
  for (const at of [here, there]) await mkdir(at);
  await disks.command(`mkfs.${fsType}`, source);
  await mounts.mount({ source, target: here, fsType, options: [] }, never);
  for (const at of [here, there]) stack.defer(() => mounts.unmount(at, never));
  await writeFile(path.join(here, 'kept'), 'before');
  await disks.command('sync', '--file-system', here);
  const file = await open(path.join(here, 'synced'), 'w');
  await file.writeFile('in the journal');
  await file.sync(); // by xfs and btrfs into a log, which is only replayed by a mount
  await file.close();
  const kept = stack.move();
  return {
    source,
    target,
    here,
    there,
    fsType,
    command: disks.command,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

test.each(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs'] as const)(
  'a copy of a mounted %s gets a UUID of its own, loses nothing that was synced, and is mounted beside its original',
  async (fsType) => {
    await using disks = await twoDisks(fsType);
    const { source, target, there, command } = disks;
    await copyAll(source, target);
    await filesystems.settleCopy(target, fsType, never);
    await filesystems.settleCopy(target, fsType, never); // as after a cut
    await filesystems.giveUuid(target, { type: fsType, uuid: UUID }, never);
    expect(await filesystems.probe(target, never)).toMatchObject({ uuid: UUID });
    expect(await command('blkid', '-p', '-s', 'UUID', '-o', 'value', source)).not.toBe(UUID);
    await mounts.mount({ source: target, target: there, fsType, options: [] }, never);
    expect(await readFile(path.join(there, 'kept'), 'utf8')).toBe('before');
    expect(await readFile(path.join(there, 'synced'), 'utf8')).toBe('in the journal');
  },
);

test('a device that is mounted is copied onto by nobody', async () => {
  await using disks = await twoDisks('ext4');
  await expect(copyAll(disks.target, disks.source)).rejects.toMatchObject({
    kind: 'unavailable',
    message: `${disks.source} is in use: nothing is copied onto it`,
  });
});

test('zeros of the source are zeros on a disk that was full of something else', async () => {
  const size = 64 * MIB;
  await using disks = await createLoopDisks(size, size);
  const [source = '', target = ''] = disks.devices;
  await writeFile(target, Buffer.alloc(size, 0xaa));
  const some = await open(source, 'r+');
  for (const at of [0, 30 * MIB, size - 4096]) await some.write(Buffer.alloc(4096, 7), 0, 4096, at);
  await some.sync();
  await some.close();
  await copyAll(source, target, size);
  expect(await disks.checksum(target)).toBe(await disks.checksum(source));
});

test('a source whose reads fail is refused, and what was read of it is not told', async () => {
  const size = 16 * MIB;
  await using disks = await createLoopDisks(size, size);
  const [source = '', target = ''] = disks.devices;
  const backing = (await disks.command('losetup', '--noheadings', '--output', 'BACK-FILE', source)).trim();
  await truncate(backing, size / 2); // the kernel still takes the disk to be as large as it was
  await expect(copyAll(source, target, size)).rejects.toMatchObject({ kind: 'precondition' });
});
