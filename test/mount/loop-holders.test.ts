// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run } from '../../src/exec/run.ts';
import { MIB } from '../../src/model/bytes.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices');
const never = new AbortController().signal;
const soon = { timeoutMs: 20_000 };

test('a loop device holds the disk below it, also when the file that led there is gone', async () => {
  await using stack = new AsyncDisposableStack();
  const disks = stack.use(await createLoopDisks(8 * MIB));
  const [disk = ''] = disks.devices;
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-holders-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const bound = path.join(folder, 'bound'); // as the kubelet binds the raw device of a pod
  await writeFile(bound, '');
  await disks.command('mount', '--bind', disk, bound);
  stack.defer(async () => void (await run(['umount', '--lazy', bound], soon, never).catch(() => undefined)));
  const loop = (await run(['losetup', '--find', '--show', bound], soon, never)).stdout.trim();
  stack.defer(async () => void (await disks.command('losetup', '--detach', loop)));
  const name = path.basename(loop);
  const removed = `umount '${bound}'; rm '${bound}'`; // where another mount namespace has it, the mount goes with it
  await run(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', removed], soon, never);
  expect(await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8')).toBe('/\n');
  const found = await createHostDisks(run, 'keep').list(never);
  expect(found.find((each) => each.path === disk)?.holders).toEqual([name]);
});
