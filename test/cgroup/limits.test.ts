// oxlint-disable vitest/no-standalone-expect -- the test is testOn's, which the rule does not know
import { mkdir, mkdtemp, readFile, readdir, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { createThrottles } from '../../src/cgroup/throttles.ts';
import { deviceNumber } from '../../src/mount/device-number.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const BLKIO = '/sys/fs/cgroup/blkio';
/** A machine has cgroup v1 or v2; v2 is tested in the virtual machine of ring 5. */
const test = testOn('root', 'loop devices', 'cgroup v1');
const never = new AbortController().signal;

/** Makes a cgroup for the test, which is used as if it were the root of the hierarchy. */
async function ownHierarchy(): Promise<{ readonly root: string; readonly group: string }> {
  const root = await mkdtemp(path.join(tmpdir(), 'cgroup-'));
  const group = path.join(BLKIO, path.basename(root));
  onTestFinished(async () => {
    await removeGroup(group);
    await rm(root, { recursive: true });
  });
  await mkdir(group);
  await symlink(group, path.join(root, 'blkio'));
  return { root, group };
}

async function removeGroup(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(path.join(folder, entry.name));
  await rmdir(folder);
}

test('a kernel with cgroup v1 takes the limits, says so, and forgets them', async () => {
  await using disks = await createLoopDisks(16 * 1024 ** 2);
  const device = (await deviceNumber(disks.devices[0] ?? '')) ?? '';
  const { root, group } = await ownHierarchy();
  const pod = path.join(group, 'kubepods/burstable/podu-1');
  await mkdir(path.join(pod, 'container'), { recursive: true });
  const throttles = createThrottles(root);
  const read = (file: string): Promise<string> => readFile(path.join(pod, 'container', file), 'utf8');
  const use = { podUid: 'u-1', device, limits: { writeBps: 1_048_576, readIops: 50 } };

  expect(await throttles.apply(use, never)).toBe('set');
  expect(await read('blkio.throttle.write_bps_device')).toBe(`${device} 1048576\n`);
  expect(await read('blkio.throttle.read_iops_device')).toBe(`${device} 50\n`);
  expect(await throttles.apply(use, never)).toBe('kept');
  await writeFile(path.join(pod, 'container/blkio.throttle.read_iops_device'), `${device} 7`);
  expect(await throttles.apply(use, never)).toBe('set');
  expect(await throttles.apply({ ...use, limits: {} }, never)).toBe('set');
  expect(await read('blkio.throttle.write_bps_device')).toBe('');
  await expect(throttles.apply({ ...use, device: '251:251' }, never)).rejects.toMatchObject({ kind: 'precondition' });
});
