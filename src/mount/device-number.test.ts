import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { majorMinorOf } from '../model/device-number.ts';
import { deviceBehind, deviceNumber, isDeviceFile } from './device-number.ts';

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

/** The first block device that this machine has a file for; a file of none where there is none. */
async function someDevice() {
  for (const name of await readdir('/dev')) {
    const number = await deviceNumber(path.join('/dev', name));
    if (number !== undefined) return { root: `/${name}`, number };
  }
  return { root: '/null', number: undefined };
}

test('a bind mount of a device file is of that device, where it is of /dev', async () => {
  const { root, number } = await someDevice();
  const entry = bound(root);
  expect(await deviceBehind(entry)).toBe(number);
  expect(await deviceBehind({ ...entry, majorMinor: '0:4095' })).toBeUndefined();
});

test.each([
  ['devtmpfs', true],
  ['tmpfs', true],
  ['none', true],
  ['ext4', false],
  ['', false],
])('a mount of %s may be one of a device file: %s', (fsType, may) => {
  expect(isDeviceFile(fsType)).toBe(may);
});
