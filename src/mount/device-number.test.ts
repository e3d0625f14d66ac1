import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { majorMinorOf } from '../model/device-number.ts';
import { deviceBehind, deviceNumber } from './device-number.ts';

const dev = majorMinorOf((await stat('/dev')).dev);
const bound = (root: string) => ({
  ...{ id: 1, root, target: '/pods/a', options: [], majorMinor: dev, fsType: 'devtmpfs', source: 'udev' },
});

test.each([
  ['was taken out, and another has its name', '/null//deleted'],
  ['was taken out', '/open-local-none//deleted'],
  ['is none of a block device', '/null'],
  ['lies below what is a file by now', '/null/mapper/v1'],
])('a bind mount of a device file that %s is no device', async (_, root) => {
  expect(await deviceBehind(bound(root))).toBeUndefined();
});

test('a path through a file leads to no device', async () => {
  expect(await deviceNumber('/dev/null/v1')).toBeUndefined();
});
