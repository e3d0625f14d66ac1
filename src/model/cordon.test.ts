import { expect, test } from 'vitest';
import { cordonOf, cordonValue, isCordoned } from './cordon.ts';

const cordon = (value?: string) =>
  cordonOf({ metadata: value === undefined ? {} : { annotations: { 'csi.aliyun.com/storage-cordoned': value } } });

test.each([
  { value: undefined, names: [] },
  { value: '', names: [] },
  { value: 'pool-0', names: ['pool-0'] },
  { value: ' pool-0, /dev/sdb\n', names: ['pool-0', '/dev/sdb'] },
  { value: '*', names: ['*'] },
])('$value names $names', ({ value, names }) => {
  expect([...cordon(value)]).toEqual(names);
});

test('* is everything, and a name only itself', () => {
  expect(isCordoned(cordon('*'), 'pool-0')).toBe(true);
  expect(isCordoned(cordon('pool-0'), 'pool-0')).toBe(true);
  expect(isCordoned(cordon('pool-0'), 'pool-01')).toBe(false);
});

test('of nothing there is no annotation', () => {
  expect(cordonValue(['b', 'a'])).toBe('a,b');
  expect(cordonValue([])).toBeNull();
});
