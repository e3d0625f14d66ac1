import { expect, test } from 'vitest';
import { parseNameFilter, parseNamePattern } from './name-pattern.ts';

test.each([
  ['pool-0', 'pool-0', true],
  ['pool-[0-9]', 'pool-10', false],
  ['pool-[0-9]+', 'pool-10', true],
  ['a|ab', 'ab', false], // the first match decides, as in open-local
  ['ab|a', 'ab', true],
  ['/dev/sd[b-z]', '/dev/sdb', true],
  ['/dev/sd[b-z]', '/dev/sdb1', false],
  ['(?i)POOL', 'pool', true],
  ['/dev/sd[[:lower:]]', '/dev/sdb', true],
  ['\\Apool-(?P<n>\\pN)\\z', 'pool-1', true],
  ['', '', true],
])('%s against %s', (pattern, name, want) => {
  expect(parseNamePattern(pattern)(name)).toBe(want);
});

test('a pattern that is none is named', () => {
  expect(() => parseNameFilter({ include: ['ok', 'po(ol'] })).toThrow('"po(ol" is not a regular expression of RE2');
});

test('exclude wins, and without include nothing is managed', () => {
  const { holds } = parseNameFilter({ include: ['pool-.*'], exclude: ['pool-1'] });
  expect(['pool-0', 'pool-1', 'other'].filter((name) => holds(name))).toEqual(['pool-0']);
  expect(parseNameFilter({ exclude: ['a'] }).holds('b')).toBe(false);
});

test('a device is known by all of its names, and a pattern that holds for nothing is told', () => {
  const byId = ['/dev/disk/by-id/wwn-0x5'];
  const filter = parseNameFilter({ include: ['/dev/sd[[:lower:]]', 'absent'], exclude: ['/dev/disk/by-id/wwn-.*'] });
  expect(filter.holds('/dev/sdb', byId)).toBe(false);
  expect(filter.holds('/dev/sdb', [])).toBe(true);
  expect(parseNameFilter({ include: byId }).holds('/dev/sdb', byId)).toBe(true);
  expect(filter.unused(['/dev/sdb', ...byId])).toEqual(['absent']);
});
