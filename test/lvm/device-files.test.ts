// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { fakeKernel } from '../../src/disk/fake-sysfs.ts';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run } from '../../src/exec/run.ts';
import { testOn } from '../machine.ts';

const test = testOn('root');
const never = new AbortController().signal;

test('a device file that is left behind is known for the volume that has its number by now', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'device-files-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const kernel = await fakeKernel({
    'sys/dev/block/253:77/dm/uuid': 'LVM-another',
    'sys/block/dm-3/dm/uuid': 'LVM-its-own',
  });
  onTestFinished(kernel.remove);
  const [file, link] = [path.join(folder, 'pool--0-v1'), path.join(folder, 'v1')];
  await run(['mknod', file, 'b', '253', '77'], { timeoutMs: 20_000 }, never);
  await symlink(file, link);
  const disks = createHostDisks(run, 'zero', kernel.folders);
  for (const name of [file, link]) expect(await disks.mapperUuid(name, never)).toBe('LVM-another');
  expect(await disks.mapperUuid('/dev/null', never)).toBeUndefined();
  expect(await disks.mapperUuid(path.join(folder, 'none'), never)).toBeUndefined();
});
