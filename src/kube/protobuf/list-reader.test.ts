import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesField, encode, encodeList, encodeStatus, envelope, numberField, textField } from './fake-encoder.ts';
import { createListReader, type ListMeta } from './list-reader.ts';
import { message, one, text } from './schema.ts';
import { MalformedMessage, MAX_OBJECT_BYTES } from './wire.ts';

interface Thing {
  metadata: { name?: string };
}
const THING = message<Thing>({ metadata: one(1, message<{ name?: string }>({ name: text(1) })) });

const named = (name: string): Thing => ({ metadata: { name } });
const bytesOf = (...names: string[]): Buffer =>
  encodeList(
    'Thing',
    names.map((name) => encode(THING, named(name))),
    { resourceVersion: '7', continue: 'next' },
  );

interface Told {
  readonly objects: readonly Thing[];
  readonly meta: ListMeta;
}

/** What a list tells that comes in these chunks. */
function read(chunks: readonly Buffer[]): Told {
  const objects: Thing[] = [];
  const reader = createListReader({ kind: 'Thing', schema: THING, tell: (object) => void objects.push(object) });
  for (const chunk of chunks) {
    const passing = Buffer.from(chunk);
    reader.push(passing);
    passing.fill(0xff); // a socket may use its buffer again
  }
  return { objects, meta: reader.end() };
}

/** The bytes in chunks that end at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

test('a list is read the same in whatever chunks it comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })),
      fc.array(fc.nat()),
      (names, places) => {
        expect(read(cut(bytesOf(...names), places))).toEqual({
          objects: names.map(named),
          meta: { resourceVersion: '7', continue: 'next' },
        });
      },
    ),
  );
});

test('a list that comes byte by byte, with fields that are not known at both levels', () => {
  const item = bytesField(2, encode(THING, named('a')));
  const raw = Buffer.concat([
    bytesField(2, encode(THING, named('b'))),
    numberField(9, 300),
    bytesField(1, textField(2, '8')),
    bytesField(77, item),
    item,
  ]);
  const whole = Buffer.concat([envelope('ThingList', 'v1', raw), numberField(9, 5), textField(99, 'more')]);
  const told = read(cut(whole, [...whole.keys()]));
  expect(told).toEqual({ objects: [named('b'), named('a')], meta: { resourceVersion: '8' } });
});

test('an object is told as soon as its last byte is there', () => {
  const bytes = bytesOf('a', 'b');
  const objects: Thing[] = [];
  const reader = createListReader({ kind: 'Thing', schema: THING, tell: (object) => void objects.push(object) });
  const end = bytes.indexOf(encode(THING, named('a'))) + encode(THING, named('a')).length;
  reader.push(bytes.subarray(0, end - 1));
  expect(objects).toEqual([]);
  reader.push(bytes.subarray(end - 1, end));
  expect(objects).toEqual([named('a')]);
});

test('a list that ends too early is refused, wherever it is cut', () => {
  const bytes = bytesOf('a', 'b');
  const raw = bytes.indexOf(encode(THING, named('b'))) + encode(THING, named('b')).length;
  for (let end = 0; end < raw; end += 1) {
    expect(() => read([bytes.subarray(0, end)])).toThrow('it ends too early');
  }
  expect(read([bytes.subarray(0, raw)]).objects).toHaveLength(2); // what follows says nothing
});

const tooLong = numberField(0, MAX_OBJECT_BYTES + 1).subarray(1);
const rawOf = (...parts: Buffer[]): Buffer => envelope('ThingList', 'v1', Buffer.concat(parts));

test.each<[string, Buffer, string]>([
  ['that is JSON', Buffer.from('{"kind":"ThingList"}'), 'it begins with 7b226b696e64223a'],
  ['that is another one', encodeList('Other', [], { resourceVersion: '1' }), 'it is a OtherList, not a ThingList'],
  ['that is a Status', encodeStatus({ code: 500, reason: 'x', message: 'x' }), 'it is a Status, not a ThingList'],
  ['with an object longer than any', rawOf(Buffer.from([0x12]), tooLong), 'is longer than'],
  ['with an object longer than the list', rawOf(Buffer.from([0x12, 100, 1, 2])), 'is longer than its list'],
  ['with an object that is none', rawOf(bytesField(2, Buffer.from([0xff]))), 'a number has no end'],
  ['with a field that does not end', rawOf(Buffer.from(Array(12).fill(0x80))), 'longer than ten bytes'],
  ['with a group', rawOf(Buffer.from([0x0b])), 'wire type 3'],
])('a list %s is refused', (_, bytes, problem) => {
  expect(() => read([bytes])).toThrow(MalformedMessage);
  expect(() => read([bytes])).toThrow(problem);
});

test('a field outside of the list that is longer than any object is refused before it comes', () => {
  const head = Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x1a]), tooLong]);
  expect(() => read([head])).toThrow('is longer than any');
});
