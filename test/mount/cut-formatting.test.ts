// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { NodeVolume, NodeVolumes } from '../../src/csi/node/node-volumes.ts';
import { prepareFilesystem } from '../../src/csi/node/prepare-filesystem.ts';
import { run, type Run } from '../../src/exec/run.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import type { FilesystemType } from '../../src/model/filesystem-type.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices', 'mkfs of ext4, xfs and btrfs');
const never = new AbortController().signal;
const mounts = createHostMounts(run);
const SIZE = 320 * MIB;

/** A volume on a loop device, with what was recorded of it. */
async function volumeOnDisk() {
  await using stack = new AsyncDisposableStack();
  const disks = stack.use(await createLoopDisks(SIZE));
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-cut-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const at = path.join(folder, 'at');
  await mkdir(at);
  const [source = ''] = disks.devices;
  const marks: Pick<NodeVolume, 'formatted' | 'formatting'> = { formatted: undefined, formatting: undefined };
  const volume: NodeVolume = {
    id: 'v1',
    kind: 'LVM',
    source,
    fsType: '',
    sizeBytes: bytes(SIZE),
    limits: {},
    ...marks,
  };
  let known = volume;
  const volumes: NodeVolumes = {
    find: () => Promise.resolve(known),
    markFormatting: (_, formatting) => {
      known = { ...known, formatting };
      return Promise.resolve(true);
    },
    markFormatted: (_, formatted) => Promise.resolve(void (known = { ...known, formatted })),
    markEncrypting: () => Promise.reject(new Error('not asked for')),
    markEncrypted: () => Promise.reject(new Error('not asked for')),
    assertNotElsewhere: () => Promise.reject(new Error('not asked for')),
    makeInline: () => Promise.reject(new Error('not asked for')),
    removeInline: () => Promise.reject(new Error('not asked for')),
  };
  const prepare = (fsType: FilesystemType, with_: Run = run, mkfsOptions = '') =>
    prepareFilesystem(
      { id: 'v1', fsType, readOnly: false, mkfsOptions },
      { volumes, mounts, filesystems: createHostFilesystems(with_) },
      never,
    );
  /** Mounts it, which only a whole filesystem lets be done. */
  const mountOnce = async (fsType: FilesystemType): Promise<void> => {
    await mounts.mount({ source, target: at, fsType, options: [] }, never);
    await mounts.unmount(at, never);
  };
  const kept = stack.move();
  return {
    source,
    prepare,
    mountOnce,
    read: () => known,
    volumes,
    command: disks.command,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Runs programs as they are, but kills mkfs after so many ms, wherever it is then. */
const killing =
  (ms: number): Run =>
  (argv, options, signal) =>
    run(argv[0]?.startsWith('mkfs') ? ['timeout', '-s', 'KILL', `${ms / 1000}`, ...argv] : argv, options, signal);

test.each(['xfs', 'ext4', 'btrfs'] as const)('mkfs.%s that is killed at any time is begun anew', async (fsType) => {
  for (const ms of [1, 3, 6, 10, 15, 25]) {
    await using disk = await volumeOnDisk();
    await disk.prepare(fsType, killing(ms)).catch(() => {});
    await disk.prepare(fsType, killing(ms)).catch(() => {});
    expect((await disk.prepare(fsType)).fsType).toBe(fsType);
    await disk.mountOnce(fsType);
    expect(disk.read().formatted).toBe(fsType);
  }
});

test('a superblock that says that mkfs.xfs is at work is ours, or is left alone', async () => {
  await using disk = await volumeOnDisk();
  const formatting = { type: 'xfs', uuid: randomUUID() } as const;
  const filesystems = createHostFilesystems(run);
  await filesystems.format(disk.source, formatting, never);
  const cut = () => disk.command('xfs_db', '-x', '-c', 'sb 0', '-c', 'write inprogress 1', disk.source);
  await cut();
  await expect(disk.mountOnce('xfs')).rejects.toMatchObject({ kind: 'unavailable' });
  expect(await filesystems.probe(disk.source, never)).toMatchObject({
    kind: 'filesystem',
    ...formatting,
    unfinished: true,
  });

  await disk.volumes.markFormatting('v1', { ...formatting, uuid: randomUUID() }, never);
  await disk.prepare('xfs'); // not begun by us: it is taken as it was found
  await expect(disk.mountOnce('xfs')).rejects.toMatchObject({ kind: 'unavailable' });
});

test('a superblock that says that our mkfs.xfs is at work is replaced', async () => {
  await using disk = await volumeOnDisk();
  const formatting = { type: 'xfs', uuid: randomUUID() } as const;
  await createHostFilesystems(run).format(disk.source, formatting, never);
  await disk.command('xfs_db', '-x', '-c', 'sb 0', '-c', 'write inprogress 1', disk.source);
  await disk.volumes.markFormatting('v1', formatting, never);
  await disk.prepare('xfs');
  await disk.mountOnce('xfs');
});

test.each(['xfs', 'ext4', 'btrfs'] as const)('a finished %s is never begun anew', async (fsType) => {
  await using disk = await volumeOnDisk();
  const formatting = { type: fsType, uuid: randomUUID() };
  const filesystems = createHostFilesystems(run);
  await filesystems.format(disk.source, formatting, never);
  await disk.volumes.markFormatting('v1', formatting, never); // and that it is done was never written, or was lost
  await disk.prepare(fsType, (argv, options, signal) => {
    if (/^(mkfs|wipefs)/.test(argv[0] ?? '')) throw new Error('must not be made anew');
    return run(argv, options, signal);
  });
  expect(await filesystems.probe(disk.source, never)).toMatchObject({ kind: 'filesystem', ...formatting });
  expect(disk.read().formatted).toBe(fsType);
});

test('ext4 with damage is repaired when that needs no questions, and else left alone with what was found', async () => {
  await using disk = await volumeOnDisk();
  await disk.prepare('ext4');
  await disk.command('debugfs', '-w', '-R', 'set_super_value state 0', disk.source); // not unmounted cleanly
  await disk.prepare('ext4');
  expect(await disk.command('dumpe2fs', '-h', disk.source)).toMatch(/Filesystem state: +clean/);

  await disk.command('debugfs', '-w', '-R', 'set_super_value state 2', disk.source); // errors were seen
  await disk.command('debugfs', '-w', '-R', 'clri <2>', disk.source); // and its root folder is gone
  await expect(disk.prepare('ext4')).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/has damage .* Root inode/s) as string,
  });
});

test('options of mkfs shape the filesystem, and win over ours', async () => {
  await using disk = await volumeOnDisk();
  await disk.prepare('ext4', run, '-m 1 -O ^has_journal');
  const found = await disk.command('dumpe2fs', '-h', disk.source);
  expect(found).not.toContain('has_journal');
  expect(found).toMatch(/Reserved block count: +[1-9]/);
  await using xfs = await volumeOnDisk();
  await xfs.prepare('xfs', run, '-m reflink=0,bigtime=0');
  expect(await xfs.command('xfs_db', '-r', '-c', 'version', xfs.source)).not.toMatch(/REFLINK|BIGTIME/);
  await xfs.mountOnce('xfs');
});
