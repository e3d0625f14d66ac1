// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { writeFile, readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { MIB } from '../../src/model/bytes.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices');
const never = new AbortController().signal;

test('nobody can write to a device once that is forbidden, and everybody can read it', async () => {
  await using disks = await createLoopDisks(4 * MIB);
  const [device = ''] = disks.devices;
  await createHostFilesystems(run).forbidWrites(device, never);
  await expect(writeFile(device, 'new', { flag: 'r+' })).rejects.toThrow(/EACCES|EPERM|EROFS/);
  expect((await readFile(device)).every((byte) => byte === 0)).toBe(true);
});
