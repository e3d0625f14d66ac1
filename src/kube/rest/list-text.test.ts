import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readList } from './list-text.ts';

interface List {
  readonly items?: Iterable<unknown> | null;
  readonly metadata?: unknown;
}

/** All that a list tells. */
const told = ({ items, metadata }: List): unknown => ({ items: items && [...items], metadata });
const read = (text: string): unknown => told(readList(text));
const parse = (text: string): unknown => told(JSON.parse(text) as List);

const metadata = '"metadata":{"resourceVersion":"7","continue":"abc"}';

test.each([
  [
    'of a built-in kind',
    `{"kind":"PodList",${metadata},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}\n`,
  ],
  [
    'of a custom kind',
    `{"apiVersion":"v1","items":[{"apiVersion":"x","k":[1]},{"apiVersion":"x"}],"kind":"L",${metadata}}`,
  ],
  ['empty', `{${metadata},"items":[]}`],
  ['null', `{${metadata},"items":null}`],
  ['without items', `{${metadata}}`],
  ['printed with spaces', `{ ${metadata}, "items": [ { "a": 1 }, { "a": 2 } ] }`],
  ['with an array after the items', `{"items":[{"a":1},{"a":2}],${metadata},"x":[]}`],
  ['with items of something else before', `{${metadata},"x":{"items":[{"a":1}]},"items":[{"a":2},{"a":3}]}`],
  [
    'with an object that looks like the next one',
    `{${metadata},"items":[{"a":1,"in":[{"b":1},{"a":2},{"a":3}]},{"a":4}]}`,
  ],
  ['with a text that looks like the next one', `{${metadata},"items":[{"a":"},{\\"a\\":1"},{"a":"}]"},{"a":2}]}`],
  ['of objects that begin differently', `{${metadata},"items":[{"a":1},{"b":2},{"a":3},{},{"a":4}]}`],
  ['of no objects', `{${metadata},"items":[1,"a",null,[2],[3]]}`],
])('a list %s is read as by JSON.parse', (_, text) => {
  expect(read(text)).toEqual(parse(text));
});

test.each([
  '',
  'no',
  '{"items":[',
  '{"items":[{"a":1},]}',
  '{"items":[{"a":1},{"a":2]}',
  '{"items":[{"a":1} {"a":2}]}',
])('what is no JSON is refused: %s', (text) => expect(() => read(text)).toThrow(SyntaxError));

test('any list of any objects is read as by JSON.parse', () => {
  const withKeys = (...keys: string[]) =>
    fc.dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 3 });
  const object = withKeys('a', 'items', '},{', '"a":');
  const rest = withKeys('kind', 'in').map((members) => ({ ...members, in: [members, { items: [{}, members] }] }));
  fc.assert(
    fc.property(fc.array(object), fc.option(rest), fc.option(rest), (items, before, after) => {
      const text = JSON.stringify({ ...before, metadata: {}, items, ...after });
      expect(read(text)).toEqual(parse(text));
    }),
  );
});

test('an object is read when it is asked for, not before', () => {
  const [first] = readList<{ a: number }>('{"metadata":{},"items":[{"a":1},{"a":oops}]}').items ?? [];
  expect(first).toEqual({ a: 1 });
});
