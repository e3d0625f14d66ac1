// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { FILESYSTEMS, smallestFilesystem } from '../../src/model/filesystem-type.ts';
import { Code } from '../../src/csi/status.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { isReadOnly, mountAt } from '../../src/mount/mountinfo.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';
import { mountDead } from './dead-mount.ts';
import {
  expand,
  Mode,
  never,
  publish,
  rig,
  stage,
  stats,
  unpublish,
  unstage,
  volume,
  type CapabilityOptions,
  type Rig,
} from '../rig/csi-node.ts';

const test = testOn('root', 'loop devices', 'fuse', 'mkfs of ext4, xfs and btrfs');
const command = async (...argv: string[]) => (await run(argv, { timeoutMs: 30_000 }, never)).stdout.trim();

/** The node service over this machine's own mounts, with a volume v1 on a loop device of so many bytes. */
async function realRig(size: number): Promise<Rig & { readonly device: string }> {
  const disks = await createLoopDisks(size);
  onTestFinished(() => disks[Symbol.asyncDispose]());
  const [device = ''] = disks.devices;
  const it = await rig({ mounts: createHostMounts(run), filesystems: createHostFilesystems(run) });
  it.volumes.set('v1', volume('v1', { source: device }));
  onTestFinished(async () => {
    for (const { target } of (await it.mounts.list(never)).toReversed())
      if (target.startsWith(`${it.folder}/`)) await it.mounts.unmount(target, never);
  });
  return { ...it, device };
}

const seenAt = async ({ mounts, folder }: Rig): Promise<readonly string[]> =>
  (await mounts.list(never)).map(({ target }) => target).filter((target) => target.startsWith(`${folder}/`));

test.each(FILESYSTEMS)('the whole life of a volume with %s, each call twice', async (fsType) => {
  const size = Math.max(smallestFilesystem(fsType), 64 * MIB);
  const it = await realRig(bytes(size));
  const asked = { fsType, mountFlags: ['noatime', 'nodev'] };
  for (const _ of [1, 2]) await stage(it, asked);
  for (const _ of [1, 2]) await publish(it, asked);
  expect(await seenAt(it)).toEqual([it.staging, it.target]);
  expect(mountAt(await it.mounts.list(never), it.target)).toMatchObject({
    fsType,
    options: ['rw', 'nodev', 'noatime'],
  });
  await writeFile(path.join(it.target, 'file'), 'kept');
  expect((await stats(it)).usage.map(({ total }) => total > 0n)).toEqual([true, fsType !== 'btrfs']); // has no inodes

  for (const _ of [1, 2]) await unpublish(it);
  for (const _ of [1, 2]) await unstage(it);
  expect(await seenAt(it)).toEqual([]);
  await stage(it, asked);
  expect(await readFile(path.join(it.staging, 'file'), 'utf8')).toBe('kept');
});

// Others ask for a right (CAP_SYS_RESOURCE) that root has not everywhere: test/node/volumes.node.ts.
test('xfs is grown with its device', async () => {
  const size = smallestFilesystem('xfs');
  const it = await realRig(size);
  await stage(it, { fsType: 'xfs' });
  await publish(it, { fsType: 'xfs' });
  const before = (await stats(it)).usage[0]?.total ?? 0n;
  const grown = size + 64 * MIB;
  await expect(expand(it, grown)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  await truncate(await command('losetup', '--noheadings', '--output', 'BACK-FILE', it.device), grown);
  await command('losetup', '--set-capacity', it.device);
  for (const _ of [1, 2]) expect(await expand(it, grown)).toEqual({ capacityBytes: BigInt(grown) });
  expect(Number(((await stats(it)).usage[0]?.total ?? 0n) - before)).toBeGreaterThan(50 * MIB);
});

test('xfs that was not grown with its device, since its claim went, is when it is staged', async () => {
  const it = await realRig(smallestFilesystem('xfs'));
  const total = async (): Promise<number> => {
    await stage(it, { fsType: 'xfs' });
    await publish(it, { fsType: 'xfs' });
    const [bytesOf] = (await stats(it)).usage;
    await unpublish(it);
    await unstage(it);
    return Number(bytesOf?.total);
  };
  const before = await total();
  await truncate(await command('losetup', '--noheadings', '--output', 'BACK-FILE', it.device), 2 * before);
  await command('losetup', '--set-capacity', it.device);
  expect((await total()) - before).toBeGreaterThan(50 * MIB);
});

test('who may only read a volume that is mounted without programs cannot run them either', async () => {
  const it = await realRig(32 * MIB);
  const asked = { mountFlags: ['noexec', 'nosuid'] };
  await stage(it, asked);
  await publish(it, { ...asked, readonly: true });
  expect(mountAt(await it.mounts.list(never), it.target)?.options).toEqual(['ro', 'nosuid', 'noexec', 'relatime']);
});

const broken: readonly [string, CapabilityOptions, (it: Rig & { device: string }) => Promise<unknown>, string][] = [
  [
    'ext4 met an error',
    { fsType: 'ext4', mountFlags: ['errors=remount-ro'] },
    ({ device }) => writeFile(`/sys/fs/ext4/${path.basename(device)}/trigger_fs_error`, '1'),
    'read-only after errors',
  ],
  [
    'xfs has shut itself down',
    { fsType: 'xfs' },
    ({ staging }) => command('xfs_io', '-x', '-c', 'shutdown', staging),
    'has stopped',
  ],
];

test.each(broken)(
  'when %s, the volume is mounted anew once no pod has it, and given to nobody before',
  async (...row) => {
    const [, asked, trip, told] = row;
    const it = await realRig(smallestFilesystem('xfs'));
    await stage(it, asked);
    await publish(it, asked);
    await trip(it);
    const second = { ...it, target: path.join(it.folder, 'pod', 'second') };
    const refused = { code: Code.FAILED_PRECONDITION, details: expect.stringContaining(told) as string };
    await expect(publish(second, asked)).rejects.toMatchObject(refused);
    await expect(stage(it, asked)).rejects.toMatchObject(refused);
    expect(await seenAt(it)).toEqual([it.staging, it.target]);
    await unpublish(it);
    await publish(second, asked); // the kubelet does not stage it anew for a pod that was there before
    await writeFile(path.join(second.target, 'file'), 'written', { flush: true });
    await unpublish(second);
    await trip(it);
    await stage(it, asked);
    await publish(it, asked);
    expect(await readFile(path.join(it.target, 'file'), 'utf8')).toBe('written');
  },
);

test('a mount that never answers, where a volume belongs, is named and not waited for, and is taken down', async () => {
  await using dead = await mountDead();
  const it = await realRig(32 * MIB);
  await stage(it);
  const named = { code: Code.ALREADY_EXISTS, details: expect.stringContaining(`${dead.target} is taken`) as string };
  await expect(stage({ ...it, staging: dead.target })).rejects.toMatchObject(named);
  await expect(publish({ ...it, target: dead.target })).rejects.toMatchObject(named);
  await unpublish({ ...it, target: dead.target });
  expect(mountAt(await it.mounts.list(never), dead.target)).toBeUndefined();
});

/** What a kubelet may leave of a pod `a`: which part of a published volume, and where below its root folder. */
const LEFT: readonly [string, boolean, string, string][] = [
  ['all of a volume', false, '.', 'pods/a/volume-subpaths/pv/c/0'],
  ['a part of a volume', false, 'sub', 'pods/a/volume-subpaths/pv/c/0'],
  ['a device', true, '.', 'plugins/kubernetes.io/csi/volumeDevices/pv/dev/a'],
];

test.each(LEFT)('%s that is left mounted for an earlier pod keeps no later pod out', async (_, block, part, below) => {
  const it = await realRig(32 * MIB);
  const mode = Mode.SINGLE_NODE_SINGLE_WRITER;
  const targetOf = (pod: string): string =>
    path.join(
      it.folder,
      block
        ? `plugins/kubernetes.io/csi/volumeDevices/publish/pv/${pod}`
        : `pods/${pod}/volumes/kubernetes.io~csi/pv/mount`,
    );
  const [a, b] = [targetOf('a'), targetOf('b')];
  await stage(it, { block });
  await publish(it, { mode, block, target: a });
  const [source, left] = [path.join(a, part), path.join(it.folder, below)];
  await mkdir(path.dirname(left), { recursive: true });
  if (block) await writeFile(left, '');
  else for (const folder of [source, left]) await mkdir(folder, { recursive: true });
  await it.mounts.bind({ source, target: left, readOnly: false, options: [] }, never);
  await unpublish({ ...it, target: a });
  await unstage(it);
  expect(await seenAt(it)).toEqual([left]);

  await stage(it, { block });
  for (const _ of [1, 2]) await publish(it, { mode, block, target: b });
  await expect(publish(it, { mode, block, target: a })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(`published at ${b} already: end the pod b`) as string,
  });
  await unpublish({ ...it, target: b });
  await unstage(it);
  expect(await seenAt(it)).toEqual([left]);
});

test('a write-protected device is mounted to be read, and never so by itself', async () => {
  const it = await realRig(32 * MIB);
  await stage(it);
  await unstage(it);
  await command('blockdev', '--setro', it.device);
  it.filesystems.check = () => Promise.resolve();
  await expect(stage(it)).rejects.toMatchObject({ details: expect.stringContaining('write-protected') as string });
  expect(await seenAt(it)).toEqual([]);
  await stage(it, { mode: 2 }); // SINGLE_NODE_READER_ONLY
  expect(isReadOnly(mountAt(await it.mounts.list(never), it.staging))).toBe(true);
  await unstage(it);
  await command('blockdev', '--setrw', it.device);
});
