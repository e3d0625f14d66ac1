import { expect, test } from 'vitest';
import { isNameTooLong, mapperUuidOf, volumeDevicePath } from './names.ts';

test('device-mapper knows a volume by its UUIDs without hyphens, and people by the path of its device', () => {
  expect(mapperUuidOf('AAAAAA-1111-BBBBBB', 'CCCCCC-2222-DDDDDD')).toBe('LVM-AAAAAA1111BBBBBBCCCCCC2222DDDDDD');
  expect(volumeDevicePath('pool-0', 'v1')).toBe('/dev/pool-0/v1');
});

test.each([
  ['a'.repeat(76), false],
  ['a'.repeat(77), true],
  [`${'a-'.repeat(25)}a`, false],
  [`${'a-'.repeat(25)}aa`, true],
])('%s leaves too few characters for volumes: %s', (group, isTooLong) => {
  expect(isNameTooLong(group)).toBe(isTooLong);
});
