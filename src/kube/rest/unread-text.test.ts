import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Unread } from '../client.ts';
import { parseWithout } from './unread-text.ts';

const UNREAD: readonly Unread[] = [
  { after: '"big":[', before: ']},"spec":{', never: ['"read":'] },
  { after: '"parts":[', before: '],"after":"', never: ['"read":', '"meta":'] },
];
const read = (text: string): unknown => parseWithout(text, UNREAD);

test('what nobody reads is left out, and not parsed', () => {
  const text = '{"meta":{"name":"a","big":[oops]},"spec":{"parts":[oops],"after":"x"}}';
  expect(read(text)).toEqual({ meta: { name: 'a', big: [] }, spec: { parts: [], after: 'x' } });
});

test.each([
  ['neither part', '{"meta":{"name":"a"},"spec":{"other":1}}'],
  ['a beginning without its end', '{"meta":{"big":[1],"name":"a"},"status":{}}'],
  ['an end that belongs to something deeper', '{"spec":{"parts":[{"in":[1],"after":"y"},{"in":[2]}],"after":"x"}}'],
  ['parts in another order', '{"spec":{"parts":[1]},"meta":{"big":[2]}}'],
  ['texts that look like parts', JSON.stringify({ meta: { name: '"big":[1]},"spec":{' }, spec: { a: '],"after":"' } })],
  ['a key that ends like one', '{"meta":{"\\"big":[1]},"spec":{}}'],
  ['no object at all', '[1,2]'],
  ['a field that is read between a part and its end', '{"spec":{"parts":[1],"read":2,"other":[3],"after":"x"}}'],
  ['another object between them', '{"spec":{"parts":[1]},"meta":{"b":[2],"after":"x"}}'],
])('an object with %s is read whole', (_, text) => {
  expect(read(text)).toEqual(JSON.parse(text));
});

test.each(['', '{"meta":{"big":[1]},"spec":{', '{"big":[1]},"spec":{}'])('what is no JSON is refused: %s', (text) =>
  expect(() => read(text)).toThrow(SyntaxError),
);

test('whatever stands in the parts and around them, what is around them is read', () => {
  const key = fc.constantFrom('a', 'big', '"big":[', ']},"spec":{', '],"after":"', 'name');
  const text = fc.oneof(key, fc.string());
  const value = fc.jsonValue({ maxDepth: 3 });
  const around = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(text, value), { maxKeys: 2 });
  const inside = fc.array(fc.oneof(text, value, fc.dictionary(key, fc.oneof(text, fc.array(text)))), { maxLength: 4 });
  fc.assert(
    fc.property(around, inside, around, inside, around, (meta, big, spec, parts, status) => {
      const object = { meta: { ...meta, big }, spec: { ...spec, parts, after: 'x', ...meta }, status };
      const emptied = { meta: { ...meta, big: [] }, spec: { ...spec, parts: [], after: 'x', ...meta }, status };
      const [whole, left] = [object, emptied].map((each) => JSON.parse(JSON.stringify(each)) as unknown);
      expect([whole, left]).toContainEqual(read(JSON.stringify(object)));
    }),
  );
});
