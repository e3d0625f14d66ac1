// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdir, mkdtemp, open, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run } from '../../src/exec/run.ts';
import { MIB } from '../../src/model/bytes.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices');
const never = new AbortController().signal;
const disks = createHostDisks(run, 'zero');
const mounts = createHostMounts(run);
const filesystems = createHostFilesystems(run);

/** A loop device with ext4, mounted. */
async function mountedDisk() {
  await using stack = new AsyncDisposableStack();
  const loops = stack.use(await createLoopDisks(32 * MIB));
  const [source = ''] = loops.devices;
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-wipe-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const at = path.join(folder, 'mounted');
  await mkdir(at);
  await filesystems.format(source, 'ext4', never);
  await mounts.mount({ source, target: at, fsType: 'ext4', options: [] }, never);
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

test('a filesystem is emptied of everything, and nothing beside it is touched', async () => {
  await using disk = await mountedDisk();
  const outside = path.join(disk.folder, 'outside');
  await mkdir(outside);
  await writeFile(path.join(outside, 'file'), 'precious');
  await mkdir(path.join(disk.at, 'a/b c/-d'), { recursive: true });
  await writeFile(path.join(disk.at, 'a/b c/-d/file'), 'x');
  await symlink(outside, path.join(disk.at, 'a/link'));
  await symlink(path.join(outside, 'file'), path.join(disk.at, '-rf'));
  await filesystems.clear(disk.at, never);
  expect(await filesystems.entries(disk.at, never)).toEqual([]);
  expect(await readFile(path.join(outside, 'file'), 'utf8')).toBe('precious');
  await filesystems.clear(disk.at, never); // again: done
});
