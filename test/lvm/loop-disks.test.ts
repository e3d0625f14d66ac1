// oxlint-disable vitest/no-standalone-expect -- the test is testOn's, which the rule does not know
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { createLoops } from '../../sandbox/cluster/loops.ts';
import type { StoryDisk } from '../../sandbox/story/story.ts';
import { run } from '../../src/exec/run.ts';
import { bytes } from '../../src/model/bytes.ts';
import { testOn } from '../machine.ts';
import { createLoopDisks } from './loop-disks.ts';

const SIZE = 1024 ** 2;

const test = testOn('root', 'loop devices');
const never = new AbortController().signal;

/** Devices that were made read-only stay so for the next who attaches them. */
async function leaveReadOnly(count: number): Promise<void> {
  const before = await createLoopDisks(...Array.from({ length: count }, () => SIZE));
  for (const device of before.devices) await before.command('blockdev', '--setro', device);
  await before[Symbol.asyncDispose]();
}

test('disks can be written, whatever a cut test has done to the device before', async () => {
  await leaveReadOnly(1);
  await using after = await createLoopDisks(...Array.from({ length: 3 }, () => SIZE));
  for (const each of after.devices) expect(await after.command('blockdev', '--getro', each)).toBe('0');
});

test('so can those of the sandbox', async () => {
  await leaveReadOnly(3);
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-loops-'));
  const loops = createLoops(run);
  try {
    for (const name of ['a', 'b', 'c']) {
      const device = await loops.attach({ size: bytes(SIZE) } as StoryDisk, path.join(folder, name), never);
      await writeFile(device, 'written');
    }
  } finally {
    await loops.detachAll();
    await rm(folder, { recursive: true });
  }
});

test('disks are as large as asked, and in the order in which lvm has them, also beyond the tenth', async () => {
  const sizes = Array.from({ length: 12 }, (_, i) => (i + 1) * SIZE);
  await using disks = await createLoopDisks(...sizes);
  expect(disks.devices).toEqual(disks.devices.toSorted());
  for (const [i, device] of disks.devices.entries())
    expect(await disks.command('blockdev', '--getsize64', device)).toBe(String(sizes[i]));
});
