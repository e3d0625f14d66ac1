// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run } from '../../src/exec/run.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { FILESYSTEMS, type FilesystemType } from '../../src/model/filesystem-type.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { mountAt } from '../../src/mount/mountinfo.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices');
const never = new AbortController().signal;
const disks = createHostDisks(run, 'zero');
const mounts = createHostMounts(run);
const filesystems = createHostFilesystems(run);

/** A loop device with a filesystem, mounted at the target, or in a folder of its own. */
async function mountedDisk(target?: string, type: FilesystemType = 'ext4') {
  await using stack = new AsyncDisposableStack();
  const loops = stack.use(await createLoopDisks((type === 'ext4' ? 32 : 512) * MIB));
  const [source = ''] = loops.devices;
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-wipe-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const at = target ?? path.join(folder, 'mounted');
  await mkdir(at, { recursive: true });
  await filesystems.format(source, { type, uuid: randomUUID() }, never);
  await mounts.mount({ source, target: at, fsType: type, options: [] }, never);
  stack.defer(() => mounts.unmount(at, never));
  const kept = stack.move();
  const device = (await disks.list(never)).find((found) => found.path === source);
  if (!device) throw new Error(`${source} is not among the disks`);
  return { folder, at, device, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test('a disk is wiped once nothing uses it, and blank then', async () => {
  await using disk = await mountedDisk();
  const whole = disk.device;
  await expect(disks.wipe(whole, never)).rejects.toMatchObject({ kind: 'precondition' });
  expect(await readdir(disk.at)).toEqual(['lost+found']); // still whole
  await mounts.unmount(disk.at, never);
  await disks.wipe(whole, never);
  expect(await disks.probe(whole, never)).toEqual({ busy: false, signatures: [] });
  await using file = await open(whole.path);
  const { buffer } = await file.read(Buffer.alloc(whole.size), 0, whole.size, 0);
  expect(buffer.every((byte) => byte === 0)).toBe(true); // loop devices discard
  await disks.wipe(whole, never); // again: done
});

test('two that look at a disk at once are in no way of each other; one that is held is busy', async () => {
  await using loops = await createLoopDisks(32 * MIB);
  const [device = ''] = loops.devices;
  const whole = { path: device, size: bytes(32 * MIB) };
  for (let i = 0; i < 20; i += 1) {
    const seen = await Promise.all([disks.probe(whole, never), disks.probe(whole, never)]);
    expect(seen).toEqual(seen.map(() => ({ busy: false, signatures: [] })));
  }
  await using held = await open(device, constants.O_RDONLY | constants.O_EXCL);
  expect(await disks.probe(whole, never)).toEqual({ busy: true, signatures: [] });
  await held.close();
});

test('a filesystem is emptied of everything, and nothing beside it is touched', async () => {
  await using disk = await mountedDisk();
  const outside = path.join(disk.folder, 'outside');
  await mkdir(outside);
  await writeFile(path.join(outside, 'file'), 'precious');
  await mkdir(path.join(disk.at, 'a/b c/-d'), { recursive: true });
  await writeFile(path.join(disk.at, 'a/b c/-d/file'), 'x');
  await symlink(outside, path.join(disk.at, 'a/link'));
  await symlink(path.join(outside, 'file'), path.join(disk.at, '-rf'));
  const { entry, identity } = await lookAt(disk.at);
  await filesystems.clear({ target: disk.at, identity }, never);
  expect(await filesystems.entries(entry, never)).toEqual([]);
  expect(await readFile(path.join(outside, 'file'), 'utf8')).toBe('precious');
  await filesystems.clear({ target: disk.at, identity }, never); // again: done
});

async function lookAt(target: string) {
  const entry = mountAt(await mounts.list(never), target);
  if (!entry) throw new Error(`nothing is mounted at ${target}`);
  return { entry, identity: await filesystems.identify(entry, never) };
}

const command = (...argv: string[]) => run(argv, { timeoutMs: 30_000 }, never);

const testMade = testOn('root', 'loop devices', 'mkfs of ext4, xfs and btrfs');

testMade('files that a pod made immutable are removed like all others', async () => {
  for (const type of FILESYSTEMS) {
    await using disk = await mountedDisk(undefined, type);
    await mkdir(path.join(disk.at, 'a/b'), { recursive: true });
    await writeFile(path.join(disk.at, 'a/b/file'), 'x');
    await command('chattr', '+i', path.join(disk.at, 'a/b/file'), path.join(disk.at, 'a/b'));
    await command('chattr', '+a', path.join(disk.at, 'a'), disk.at);
    const { entry, identity } = await lookAt(disk.at);
    await filesystems.clear({ target: disk.at, identity }, never);
    expect(await filesystems.entries(entry, never)).toEqual([]);
  }
});

testMade('subvolumes that a pod made are removed, and nothing that is mounted on one', async () => {
  await using disk = await mountedDisk(undefined, 'btrfs');
  const made = ['a', 'a/b c', 'a/b c/d'].map((name) => path.join(disk.at, name));
  for (const [at, subvolume] of made.entries()) {
    await command('btrfs', 'subvolume', 'create', subvolume);
    await writeFile(path.join(subvolume, `file ${at}`), 'x');
  }
  await command('btrfs', 'subvolume', 'snapshot', '-r', made[0] ?? '', path.join(disk.at, 'snapshot'));
  await command('btrfs', 'property', 'set', made[1] ?? '', 'ro', 'true');
  const { entry, identity } = await lookAt(disk.at);
  const held = path.join(disk.at, 'held');
  await command('btrfs', 'subvolume', 'create', held);
  {
    await using other = await mountedDisk(held, 'btrfs');
    await command('btrfs', 'subvolume', 'create', path.join(other.at, 'other'));
    await writeFile(path.join(other.at, 'other/file'), 'precious');
    const left = { kind: 'unavailable', message: expect.stringContaining(`cannot delete '${held}'`) as string };
    await expect(filesystems.clear({ target: disk.at, identity }, never)).rejects.toMatchObject(left);
    expect([await readdir(disk.at), await readdir(path.join(other.at, 'other'))]).toEqual([['held'], ['file']]);
  }
  await filesystems.clear({ target: disk.at, identity }, never);
  expect(await filesystems.entries(entry, never)).toEqual([]);
});

test('what another filesystem has inside of it stays', async () => {
  await using disk = await mountedDisk();
  await using inner = await mountedDisk(path.join(disk.at, 'inner'));
  await writeFile(path.join(inner.at, 'file'), 'precious');
  await writeFile(path.join(disk.at, 'file'), 'x');
  const { identity } = await lookAt(disk.at);
  await expect(filesystems.clear({ target: disk.at, identity }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  expect([await readdir(disk.at), await readdir(inner.at)]).toEqual([['inner'], ['file', 'lost+found']]);
});

test('the folder below a filesystem that is not mounted is left alone, and so is another filesystem at its path', async () => {
  await using disk = await mountedDisk();
  const { entry, identity } = await lookAt(disk.at);
  await mounts.unmount(disk.at, never);
  await writeFile(path.join(disk.at, 'below'), 'precious');
  const gone = { kind: 'precondition', message: expect.stringContaining('is not mounted there now') as string };
  await expect(filesystems.clear({ target: disk.at, identity }, never)).rejects.toMatchObject(gone);
  await expect(filesystems.entries(entry, never)).rejects.toMatchObject(gone);

  await using other = await mountedDisk(disk.at);
  await writeFile(path.join(other.at, 'other'), 'precious');
  await expect(filesystems.clear({ target: disk.at, identity }, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining(`not ${identity}: nothing was removed`) as string,
  });
  expect(await readdir(other.at)).toEqual(['lost+found', 'other']);
  await mounts.unmount(other.at, never);
  expect(await readdir(disk.at)).toEqual(['below']);
});

test('a filesystem is known by its UUID, and by the folder of it that is mounted', async () => {
  await using disk = await mountedDisk();
  const uuid = (await run(['blkid', '-p', '-s', 'UUID', '-o', 'value', disk.device.path], { timeoutMs: 9000 }, never))
    .stdout;
  expect((await lookAt(disk.at)).identity).toBe(`ext4 ${uuid.trim()} /`);
  await mkdir(path.join(disk.at, 'part'));
  const part = path.join(disk.folder, 'part');
  await mkdir(part);
  await mounts.bind({ source: path.join(disk.at, 'part'), target: part, readOnly: false, options: [] }, never);
  try {
    expect((await lookAt(part)).identity).toBe(`ext4 ${uuid.trim()} /part`);
  } finally {
    await mounts.unmount(part, never);
  }
});
