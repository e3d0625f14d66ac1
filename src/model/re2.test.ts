import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from './fault.ts';
import { translateRe2 } from './re2.ts';

/** Found with Go's regexp, which open-local uses: the pattern, the text, and the leftmost match. */
test.each<[pattern: string, text: string, match: string | null]>([
  ['/dev/sd[[:lower:]]', '/dev/sdb', '/dev/sdb'],
  ['/dev/nvme[[:digit:]]+n1', '/dev/nvme10n1', '/dev/nvme10n1'],
  ['[[:^digit:]]+', 'ab1', 'ab'],
  ['[^[:alpha:]]', 'a1', '1'],
  ['[[:alpha:]-]+', 'a-b', 'a-b'],
  ['\\pL+', 'pößl1', 'pößl'],
  ['\\p{Greek}', 'aλ', 'λ'],
  ['\\P{L}', 'a1', '1'],
  ['\\p{^L}', 'a1', '1'],
  ['[\\pN_]+', 'a1_2', '1_2'],
  ['(?P<pool>pool)-(?<n>[0-9])', 'pool-1', 'pool-1'],
  ['\\Apool\\z', 'pool', 'pool'],
  ['\\Apool\\z', 'a pool', null],
  ['(?i)POOL', 'pool', 'pool'],
  ['po(?i)OL|X', 'x', 'x'],
  ['po(?i:OL)', 'POol', null],
  ['(?i)p(?-i)O', 'PO', 'PO'],
  ['(?i)p(?-i)O', 'Po', null],
  ['(a(?i)b)c', 'aBC', null],
  ['(?s).+', 'a\nb', 'a\nb'],
  ['.+', 'a\nb', 'a'],
  ['.', '\u2028', '\u2028'],
  ['(?m)^b$', 'a\nb', 'b'],
  ['a$', 'a\n', null],
  ['(?U)a+', 'aaa', 'a'],
  ['(?U)a+?', 'aaa', 'aaa'],
  ['\\Q.*\\E+', 'a.**', '.**'],
  ['\\Q[', '[', '['],
  ['a{,2}', 'a{,2}', 'a{,2}'],
  ['a{2}', 'aaa', 'aa'],
  ['\\x41\\x{42}\\103', 'ABC', 'ABC'],
  ['\\s', '\v', null],
  ['[]a]+', ']a', ']a'],
  ['[a\\-z]+', '-', '-'],
  ['[!-/]&&', '#&&', '#&&'],
  ['\\/dev\\/sd\\_', '/dev/sd_', '/dev/sd_'],
  ['\\bb', 'a b', 'b'],
  ['^*a', 'a', 'a'],
  ['', 'a', ''],
  ['a||b', 'b', ''],
])('%s in %j is %j', (pattern, text, match) => {
  expect(translateRe2(pattern).exec(text)?.[0] ?? null).toBe(match);
});

test.each([
  ['a(?=b)', '(?= begins a group that RE2 does not have'],
  ['(?<!a)b', '(?< begins a group that RE2 does not have'],
  ['(?>a)', '(?> begins a group'],
  ['(a)\\1', '\\1 is a backreference, which RE2 does not have'],
  ['\\k<n>', '\\k is no escape of RE2'],
  ['\\Z', '\\Z is no escape of RE2'],
  ['a**', '** repeats a repetition'],
  ['a++', '++ repeats a repetition'],
  ['*a', '* has nothing to repeat'],
  ['a{2,1}', '{2,1} is no repetition of RE2'],
  ['a{1001}', '{1001} is no repetition of RE2'],
  ['[z-a]', 'z-a ends before it begins'],
  ['[a', 'has no closing ]'],
  ['(a', 'has no closing )'],
  ['a)', 'a ) without its ('],
  ['a\\', 'a backslash at the end'],
  ['[[:constructor:]]', '[:constructor:] is no class of RE2'],
  ['[[:letter:]]', '[:letter:] is no class of RE2'],
  ['\\p{Klingon}', '\\p{Klingon} names no category and no script'],
  ['(?)a', '(?) changes no flag'],
])('%s is refused by name', (pattern, message) => {
  expect(() => translateRe2(pattern)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(() => translateRe2(pattern)).toThrow(message);
});

/** What became of a pattern: a match, or a refusal. */
function outcomeOf(pattern: string): unknown {
  try {
    return translateRe2(pattern).exec('ab');
  } catch (error) {
    return error;
  }
}

test('a pattern is translated or refused, and nothing else is thrown', () => {
  const part = fc.constantFrom(...'ab.*+?|()[]{}^$\\-:,/dswpLQEAz01<>P=!i'.split(''), '[:alpha:]', '(?i)', '\\pL');
  const patterns = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  const isKnown = (outcome: unknown): boolean =>
    outcome === null || Array.isArray(outcome) || (outcome instanceof Fault && outcome.kind === 'invalid');
  fc.assert(
    fc.property(patterns, (pattern) => {
      expect(isKnown(outcomeOf(pattern))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
