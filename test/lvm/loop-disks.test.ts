// oxlint-disable vitest/no-standalone-expect -- the test is testOn's, which the rule does not know
import { expect } from 'vitest';
import { testOn } from '../machine.ts';
import { createLoopDisks } from './loop-disks.ts';

const SIZE = 1024 ** 2;

testOn('root', 'loop devices')('disks can be written, whatever a cut test has done to the device before', async () => {
  const before = await createLoopDisks(SIZE);
  const [device = ''] = before.devices;
  await before.command('blockdev', '--setro', device);
  await before[Symbol.asyncDispose]();
  await using after = await createLoopDisks(...Array.from({ length: 3 }, () => SIZE));
  for (const each of after.devices) expect(await after.command('blockdev', '--getro', each)).toBe('0');
});
