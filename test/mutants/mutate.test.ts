import { expect, test } from 'vitest';
import { applied, mutationsOf } from './mutate.ts';

const faults = (text: string): string[] => mutationsOf(text).map((mutation) => applied(text, mutation));

test.each([
  ['a < b;', ['a <= b;', ';']],
  ['f(a === 1);', ['f(a !== 1);', 'f(a === 2);', ';']],
  ['x = a + 2 * b;', ['x = a - 2 * b;', 'x = a + 2 / b;', 'x = a + 3 * b;', ';']],
  ["x = 'text ' + b;", [';']],
  ['total += size;', ['total -= size;', ';']],
  [
    'if (ready && !lost) go();',
    ['if (ready || !lost) go();', 'if (ready && lost) go();', 'if (!(ready && !lost)) go();', 'if (ready && !lost) ;'],
  ],
  ['const a = b ?? c;', ['const a = (b);']],
  ['const a = b ? c : d;', ['const a = !(b) ? c : d;']],
  ['async () => { await done; };', ['async () => { done; };', 'async () => { ; };', ';']],
  ['function f() { return a; }', ['function f() { return undefined; }']],
  ['const f = (): number => a;', ['const f = (): number => undefined;']],
  ['const f = [a, b];', ['const f = [b];']],
  ['const f = a.some(g);', ['const f = a.every(g);']],
  ['const f = true;', ['const f = false;']],
])('%j', (text, expected) => {
  expect(faults(text).toSorted()).toEqual(expected.toSorted());
});

test('types, imports and texts are left alone', () => {
  expect(faults("import { a } from './b.ts';\ntype A = 1 | 2;\nconst c: Array<3> = d as unknown as 4[];")).toEqual([]);
});

test('the line of a fault is told', () => {
  expect(mutationsOf('const a = b;\n\nconst c = a < b;')).toMatchObject([{ kind: '< becomes <=', line: 3 }]);
});
