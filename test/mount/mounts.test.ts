// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { CommandFailed } from '../../src/exec/command-failed.ts';
import { exits } from '../../src/exec/fake-run.ts';
import { run } from '../../src/exec/run.ts';
import { KIB, MIB } from '../../src/model/bytes.ts';
import { textOf } from '../../src/model/fault.ts';
import { deviceNumber } from '../../src/mount/device-number.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { mountAt } from '../../src/mount/mountinfo.ts';
import { createHostMounts, type Mounts } from '../../src/mount/mounts.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices');
const never = new AbortController().signal;
const mounts = createHostMounts(run);
const filesystems = createHostFilesystems(run);

/** A folder in which everything is unmounted and removed at the end. */
async function workFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-mount-'));
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      for (const { target } of (await mounts.list(never)).toReversed())
        if (target.startsWith(`${folder}/`)) await mounts.unmount(target, never);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test('a blank device is formatted, mounted once, bound, grown and taken down', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  await using work = await workFolder();
  const [device = ''] = disks.devices;
  const [staging, pod] = [path.join(work.folder, 'staging'), path.join(work.folder, 'pod')] as const;
  await mkdir(staging);
  await mkdir(pod);

  expect(await filesystems.probe(device, never)).toEqual({ kind: 'blank' });
  expect(await filesystems.sizeOf(device, never)).toBe(64 * MIB);
  expect(await filesystems.sectorOf(device, never)).toBe(512);
  await filesystems.format(device, { type: 'ext4', uuid: randomUUID() }, never);
  expect(await filesystems.probe(device, never)).toMatchObject({ kind: 'filesystem', type: 'ext4' });

  const staged = { source: device, target: staging, fsType: 'ext4', options: ['noatime'] };
  const bound = { source: staging, target: pod, readOnly: true, options: [] };
  for (let turn = 0; turn < 3; turn += 1) {
    await mounts.mount(staged, never);
    await mounts.bind(bound, never);
  }
  const ours = (await mounts.list(never)).filter(({ target }) => target.startsWith(work.folder));
  expect(ours.map(({ target }) => target)).toEqual([staging, pod]);
  expect(ours[0]).toMatchObject({ fsType: 'ext4', majorMinor: await deviceNumber(device), options: ['rw', 'noatime'] });
  expect(ours[1]?.options).toContain('ro');
  await writeFile(path.join(staging, 'file'), 'x');
  expect((await stat(path.join(pod, 'file'))).size).toBe(1);
  await expect(writeFile(path.join(pod, 'file'), 'y')).rejects.toMatchObject({ code: 'EROFS' });
  await expect(mounts.bind({ ...bound, readOnly: false }, never)).rejects.toMatchObject({ kind: 'conflict' });

  for (const entry of ours) expect(await mounts.shows(entry, device, never)).toBe(true);
  const { total, available, inodes } = await filesystems.stats(pod, never);
  expect(total).toBeGreaterThan(available);
  expect(inodes.used).toBeGreaterThan(0);
  await filesystems.grow({ device, target: staging, fsType: 'ext4' }, never); // as large as it gets: done

  await mounts.unmount(pod, never);
  await mounts.unmount(pod, never);
  expect(mountAt(await mounts.list(never), pod)).toBeUndefined();
});

test('a freeze outlives the mount in which it was made, and is taken off', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  await using work = await workFolder();
  const [source = ''] = disks.devices;
  const target = path.join(work.folder, 'frozen');
  await mkdir(target);
  await filesystems.format(source, { type: 'ext4', uuid: randomUUID() }, never);
  const mounted = { source, target, fsType: 'ext4', options: [] };
  await mounts.mount(mounted, never);
  const freeze = (how: string) => run(['fsfreeze', how, target], { timeoutMs: 20_000 }, never);
  await freeze('--freeze');
  await mounts.unmount(target, never);
  await mounts.mount(mounted, never);
  await expect(freeze('--freeze')).rejects.toThrow('Device or resource busy'); // it is frozen still
  for (const _ of [1, 2]) await filesystems.thaw(target, never);
  await expect(freeze('--unfreeze')).rejects.toThrow('Invalid argument');
});

test.each(['ext2', 'ext4', 'xfs', 'btrfs'] as const)('a device tells how large its %s is', async (type) => {
  await using disks = await createLoopDisks(512 * MIB);
  const [source = ''] = disks.devices;
  await filesystems.format(source, { type, uuid: randomUUID() }, never);
  expect(await filesystems.probe(source, never)).toMatchObject({ kind: 'filesystem', type, size: 512 * MIB });
});

test.each(['ext4', 'btrfs'] as const)('what was written to a %s is on its disk once it is flushed', async (type) => {
  await using disks = await createLoopDisks(256 * MIB);
  await using work = await workFolder();
  const [source = ''] = disks.devices;
  const target = path.join(work.folder, 'written');
  await mkdir(target);
  await filesystems.format(source, { type, uuid: randomUUID() }, never);
  await mounts.mount({ source, target, fsType: type, options: [] }, never);
  const written = randomBytes(64 * KIB);
  await writeFile(path.join(target, 'file'), written);
  await filesystems.flush(target, never);
  expect((await readFile(source)).includes(written)).toBe(true);
  await filesystems.flush(source, never);
  await expect(filesystems.flush(path.join(target, 'none'), never)).rejects.toMatchObject({ kind: 'unavailable' });
  await mounts.unmount(target, never);
});

test('another device at the target is a conflict, and a busy one is not unmounted', async () => {
  await using disks = await createLoopDisks(32 * MIB, 32 * MIB);
  await using work = await workFolder();
  const [first = '', second = ''] = disks.devices;
  for (const device of disks.devices) await filesystems.format(device, { type: 'ext4', uuid: randomUUID() }, never);
  const mount = { source: first, target: work.folder + '/at', fsType: 'ext4', options: [] };
  await mkdir(mount.target);
  await mounts.mount(mount, never);
  await expect(mounts.mount({ ...mount, source: second }, never)).rejects.toMatchObject({ kind: 'conflict' });
  await expect(mounts.mount({ ...mount, source: '/dev/none' }, never)).rejects.toMatchObject({ kind: 'not-found' });

  const inside = `${mount.target}/inside`;
  await mkdir(inside);
  await mounts.bind({ source: mount.target, target: inside, readOnly: false, options: [] }, never);
  await expect(mounts.unmount(mount.target, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining(`Unmount what is mounted below it: ${inside}`) as string,
  });
});

test('a device file is bound over a file, and known again', async () => {
  await using disks = await createLoopDisks(8 * MIB);
  await using work = await workFolder();
  const [device = ''] = disks.devices;
  const target = path.join(work.folder, 'block');
  await writeFile(target, '');
  await mounts.bind({ source: device, target, readOnly: false, options: [] }, never);
  await mounts.bind({ source: device, target, readOnly: false, options: [] }, never);
  expect(await deviceNumber(target)).toBe(await deviceNumber(device));
  const entry = mountAt(await mounts.list(never), target);
  expect(entry && (await mounts.shows(entry, device, never))).toBe(true);
  expect(entry && (await mounts.shows(entry, '/dev/null', never))).toBe(false);
});

test('a swap area is no filesystem, and what is not there has no size', async () => {
  await using disks = await createLoopDisks(32 * MIB);
  await disks.command('mkswap', disks.devices[0] ?? '');
  expect(await filesystems.probe(disks.devices[0] ?? '', never)).toMatchObject({ kind: 'other', what: 'swap' });
  expect(await filesystems.sizeOf('/dev/none', never)).toBeUndefined();
});

test('what lies below more mounts than are taken down at a time is told to be there still, and goes next time', async () => {
  await using work = await workFolder();
  const [source, target] = [path.join(work.folder, 'source'), path.join(work.folder, 'target')] as const;
  await mkdir(source);
  await mkdir(target);
  for (let layer = 0; layer < 18; layer += 1)
    await run(['mount', '--bind', source, target], { timeoutMs: 10_000 }, never);
  await expect(mounts.unmount(target, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining(`is still mounted at ${target}, below 16 others`) as string,
  });
  await mounts.unmount(target, never);
  expect(mountAt(await mounts.list(never), target)).toBeUndefined();
});

/** A device file of ours with the number of a device, as one name leads to one disk and later to another. */
async function namedAs(name: string, device: string): Promise<void> {
  await rm(name, { force: true });
  const [major = '', minor = ''] = (await deviceNumber(device))?.split(':') ?? [];
  await run(['mknod', name, 'b', major, minor], { timeoutMs: 20_000 }, never);
}

test('a btrfs whose device has another name by now is known, and is not the one that has its name', async () => {
  await using disks = await createLoopDisks(128 * MIB, 128 * MIB);
  await using work = await workFolder();
  const [device = '', other = ''] = disks.devices;
  const name = `/dev/open-local-${randomUUID()}`;
  const [target, second] = [path.join(work.folder, 'target'), path.join(work.folder, 'second')];
  const beside = path.join(target, 'beside');
  await mkdir(target);
  await mkdir(second);
  for (const each of [device, other]) await filesystems.format(each, { type: 'btrfs', uuid: randomUUID() }, never);
  try {
    await namedAs(name, device);
    const named = { source: name, target, fsType: 'btrfs', options: [] };
    await mounts.mount(named, never);
    await run(['btrfs', 'subvolume', 'create', beside], { timeoutMs: 20_000 }, never);
    await mounts.bind({ source: beside, target: second, readOnly: false, options: [] }, never);
    const entry = mountAt(await mounts.list(never), target);
    const subvolume = mountAt(await mounts.list(never), second);
    if (!entry || !subvolume) throw new Error('nothing is mounted');
    const shows = async () => [await mounts.shows(entry, name, never), await mounts.shows(subvolume, name, never)];
    expect(await shows()).toEqual([true, true]);
    const identity = await filesystems.identify(entry, never);
    expect(identity).toMatch(/^btrfs [\da-f-]{36} \/$/);
    await namedAs(name, other);
    expect(await shows()).toEqual([false, false]);
    expect(await mounts.shows(entry, device, never)).toBe(true);
    const unanswered = createHostMounts((argv, ...more) =>
      argv[0] === 'stat' ? Promise.reject(exits(argv, 1)) : run(argv, ...more),
    );
    await expect(unanswered.shows(entry, device, never)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await unanswered.shows(entry, other, never)).toBe(false);
    await expect(filesystems.identify(entry, never)).rejects.toThrow('is not known to carry the btrfs that is mounted');
    await expect(mounts.mount(named, never)).rejects.toMatchObject({ kind: 'conflict' });
    await disks.command('wipefs', '--all', other);
    expect(await shows()).toEqual([false, false]);
    await rm(name);
    expect([await mounts.shows(entry, device, never), await mounts.shows(entry, other, never)]).toEqual([true, false]);
    expect(await filesystems.identify(entry, never)).toBe(identity);
  } finally {
    await rm(name, { force: true });
  }
});

test('a copy of a btrfs, mounted beside its original, is on its own device and on no other', async ({ skip }) => {
  await using disks = await createLoopDisks(128 * MIB, 128 * MIB, 128 * MIB);
  await using work = await workFolder();
  const [original = '', copy = '', blank = ''] = disks.devices;
  await filesystems.format(original, { type: 'btrfs', uuid: randomUUID() }, never);
  await disks.command('dd', `if=${original}`, `of=${copy}`, 'bs=1M', 'conv=fsync', 'status=none');
  const mount = async (source: string, name: string) => {
    const target = path.join(work.folder, name);
    await mkdir(target);
    await mounts.mount({ source, target, fsType: 'btrfs', options: [] }, never);
    const entry = mountAt(await mounts.list(never), target);
    if (!entry) throw new Error('nothing is mounted');
    return entry;
  };
  const first = await mount(original, 'original');
  const second = await mount(copy, 'copy').catch(() => skip('before Linux 6.7 no kernel mounts a copy'));
  const shows = async (device: string) => [
    await mounts.shows(first, device, never),
    await mounts.shows(second, device, never),
  ];
  expect(await shows(original)).toEqual([true, false]);
  expect(await shows(copy)).toEqual([false, true]);
  expect(await shows(blank)).toEqual([false, false]);
  await disks.command('dd', `if=${original}`, `of=${blank}`, 'bs=1M', 'conv=fsync', 'status=none');
  expect(await shows(blank)).toEqual([false, false]);
});

test('of a filesystem that cannot be mounted, what the kernel says of it is told', async () => {
  await using disks = await createLoopDisks(320 * MIB);
  await using work = await workFolder();
  const [device = ''] = disks.devices;
  const target = path.join(work.folder, 'target');
  await mkdir(target);
  await filesystems.format(device, { type: 'xfs', uuid: randomUUID() }, never);
  await disks.command('dd', 'if=/dev/zero', `of=${device}`, 'bs=512', 'seek=1', 'count=3', 'conv=fsync');
  const messageOf = (by: Mounts, ...options: readonly string[]): Promise<string> =>
    by.mount({ source: device, target, fsType: 'xfs', options }, never).then(
      () => expect.fail('it was mounted'),
      (error: unknown) => {
        expect(error).toMatchObject({ kind: 'unavailable' });
        return textOf(error);
      },
    );
  expect(await messageOf(mounts)).toMatch(
    /Structure needs cleaning.*The kernel says: .*XFS \(loop\d+\): .*xfs_repair/s,
  );
  expect(await messageOf(mounts, 'no-such-option')).not.toContain('The kernel says');
  const cut = createHostMounts(async (argv, options, signal) => {
    const output = run(argv, options, signal);
    if (argv[0] !== 'mount') return output;
    await expect(output).rejects.toBeInstanceOf(CommandFailed);
    throw new CommandFailed({ argv, exitCode: undefined, signal: 'SIGTERM', stdout: '', stderr: '' }, 'took long');
  });
  expect(await messageOf(cut)).toMatch(/took long$/);
});
