import { expect, test } from 'vitest';
import type { Mutant } from './plant.ts';
import { isEquivalent, isFound, linesOf, rangeOf, sampleOf, scoresOf, type Planted, type Verdict } from './score.ts';

const TEXT = 'if (a &&\n    b < c) {\n  go();\n}\n';

const mutantAt = (start: [number, number], end: [number, number], replacement: string): Mutant => ({
  file: 'src/a/b.ts',
  mutatorName: 'ConditionalExpression',
  status: 'Survived',
  replacement,
  location: { start: { line: start[0], column: start[1] }, end: { line: end[0], column: end[1] } },
});
const plantedIn = (mutant: Mutant): Planted => ({ ...mutant, ...linesOf(TEXT, mutant) });

test('a fault is told by its lines, before and after', () => {
  expect(linesOf(TEXT, mutantAt([2, 5], [2, 10], 'b <= c'))).toEqual({ before: 'b < c) {', after: 'b <= c) {' });
  const whole = linesOf(TEXT, mutantAt([1, 5], [2, 10], 'true'));
  expect(whole).toEqual({ before: 'if (a && b < c) {', after: 'if (true) {' });
});

test('its place is told as Stryker takes it, which counts columns from 0', () => {
  expect(rangeOf(mutantAt([1, 5], [2, 10], 'true'))).toBe('src/a/b.ts:1:4-2:9');
});

test('a known fault that changes nothing is not counted, and 100 percent is all of the others', () => {
  const nothing = plantedIn(mutantAt([2, 5], [2, 10], 'b <= c'));
  const known = [{ file: 'src/a/b.ts', before: 'b < c) {', after: 'b <= c) {', reason: 'they differ' }];
  const other = plantedIn(mutantAt([2, 5], [2, 10], 'b > c'));
  expect([isEquivalent(nothing, known), isEquivalent(other, known)]).toEqual([true, false]);
  const found: Verdict[] = Array.from({ length: 1999 }, () => ({ planted: other, outcome: 'found' }));
  const verdicts: Verdict[] = [
    ...found,
    { planted: nothing, outcome: 'equivalent' },
    { planted: other, outcome: 'survived' },
  ];
  expect(scoresOf(found)).toMatchObject([{ folder: 'src/a', percent: 100 }]);
  expect(scoresOf(verdicts)).toEqual([{ folder: 'src/a', planted: 2001, found: 1999, equivalent: 1, percent: 99.9 }]);
});

test.each([
  ['Killed', true],
  ['Timeout', true],
  ['RuntimeError', true],
  ['CompileError', true],
  ['Survived', false],
  ['NoCoverage', false],
  ['Ignored', false],
  ['Pending', false],
] as const)('a fault that ended as %s: found %s', (status, found) => {
  expect(isFound({ status })).toBe(found);
});

test('a sample has as many parts as asked for, each once, and others by other random numbers', () => {
  const files = [
    { file: 'src/a.ts', lines: 20 },
    { file: 'src/b.ts', lines: 8 },
  ];
  const all = ['src/a.ts:1-8', 'src/a.ts:17-20', 'src/a.ts:9-16', 'src/b.ts:1-8'];
  expect(sampleOf(files, 9, () => 0)).toEqual(all);
  expect(sampleOf(files, 2, () => 0)).toEqual(['src/a.ts:1-8', 'src/a.ts:9-16']);
  expect(sampleOf(files, 2, (below) => below - 1)).toEqual(['src/a.ts:1-8', 'src/b.ts:1-8']);
});
