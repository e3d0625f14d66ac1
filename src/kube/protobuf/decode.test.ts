import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode } from './decode.ts';
import { bytesField, encode, numberField, textField } from './fake-encoder.ts';
import {
  flag,
  many,
  message,
  one,
  quantityMap,
  requiredText,
  text,
  textMap,
  texts,
  time,
  whole,
  type Message,
} from './schema.ts';
import { MalformedMessage } from './wire.ts';

interface Thing {
  name?: string;
  word?: string;
  words?: string[];
  isOn?: boolean;
  count?: number;
  at?: string;
  labels?: Record<string, string>;
  sizes?: Record<string, string>;
  inner?: { a?: string; parts?: { b?: number }[] };
  source?: { c?: string };
}

const INNER = message<NonNullable<Thing['inner']>>({
  a: text(1),
  parts: many(40, message<{ b?: number }>({ b: whole(2) })),
});
const THING = message<Thing>(
  {
    name: requiredText(1),
    word: text(2),
    words: texts(3),
    isOn: flag(4),
    count: whole(5),
    at: time(6),
    labels: textMap(7),
    sizes: quantityMap(8),
    inner: one(20, INNER),
  },
  { 9: message<Partial<Thing>>({ source: one(1, message<{ c?: string }>({ c: text(3) })) }) },
);

const some = fc.string({ unit: 'grapheme', minLength: 1 });
const map = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { minKeys: 1 });
/** As Go writes its JSON: what is empty and may be is left out. */
const things: fc.Arbitrary<Thing> = fc.record(
  {
    name: fc.string({ unit: 'grapheme' }),
    word: some,
    words: fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }),
    isOn: fc.constant(true),
    count: fc.maxSafeInteger().filter((n) => n !== 0),
    at: fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') })
      .map((date) => `${date.toISOString().slice(0, 19)}Z`),
    labels: map,
    sizes: fc.dictionary(some, some, { minKeys: 1 }),
    inner: fc.record(
      { a: some, parts: fc.array(fc.record({ b: fc.integer({ min: 1 }) }, { requiredKeys: [] }), { minLength: 1 }) },
      { requiredKeys: [] },
    ),
    source: fc.record({ c: some }, { requiredKeys: [] }),
  },
  { requiredKeys: ['name'] },
);

test('an object is read as its JSON is, whatever stands between the fields that are read', () => {
  const number = fc.integer({ min: 41, max: 2 ** 29 - 1 });
  const unread = fc.oneof(
    fc.tuple(number, fc.uint8Array({ maxLength: 300 })).map(([at, bytes]) => bytesField(at, Buffer.from(bytes))),
    fc.tuple(number, fc.maxSafeInteger()).map(([at, value]) => numberField(at, value)),
  );
  fc.assert(
    fc.property(things, unread, unread, (thing, before, after) => {
      const bytes = Buffer.concat([before, encode(THING, thing), after]);
      expect(decode(THING, bytes)).toEqual(JSON.parse(JSON.stringify(thing)));
    }),
  );
});

test.each([
  ['of one byte', 127],
  ['of two bytes', 128],
  ['of 31 bits', 2 ** 31 - 1],
  ['of 32 bits', 2 ** 32 - 1],
  ['of 35 bits', 2 ** 35 - 1],
  ['as long as JSON has it exactly', Number.MAX_SAFE_INTEGER],
  ['below zero', -1],
  ['far below zero', Number.MIN_SAFE_INTEGER],
])('a number %s is read', (_, count) => {
  expect(decode(THING, numberField(5, count))).toEqual({ count });
});

test('numbers of fixed length are passed over', () => {
  const bytes = Buffer.concat([
    Buffer.from([((50 << 3) & 0x7f) | 0x80 | 1, 50 >> 4, ...Array(8).fill(1)]),
    Buffer.from([((50 << 3) & 0x7f) | 0x80 | 5, 50 >> 4, ...Array(4).fill(1)]),
    textField(2, 'x'),
  ]);
  expect(decode(THING, bytes)).toEqual({ word: 'x' });
});

test('a text keeps nothing of the bytes alive and does not change with them', () => {
  const bytes = textField(2, 'a text of more than twenty characters');
  const { word } = decode(THING, bytes);
  bytes.fill(0);
  expect(word).toBe('a text of more than twenty characters');
});

test.each<[string, Buffer, string]>([
  ['a field that is longer than the message', Buffer.from([0x12, 5, 97]), 'longer than its message'],
  [
    'a field of negative length',
    Buffer.concat([Buffer.from([0x12]), numberField(0, -5).subarray(1)]),
    'longer than its message',
  ],
  [
    'a field that is longer than the one around it',
    bytesField(20, Buffer.from([0x0a, 9, 97])),
    'longer than its message',
  ],
  ['a number that does not end', Buffer.from([0x28, 0x80]), 'has no end'],
  ['a number of eleven bytes', Buffer.from([0x28, ...Array(11).fill(0x80), 1]), 'longer than ten bytes'],
  ['a group, which Go never writes', Buffer.from([0x6b, 0x6c]), 'wire type 3'],
  ['half a number of fixed length', Buffer.from([0x91, 0x03, 1, 2]), 'longer than its message'],
  ['a text where a number should be', textField(5, 'x'), 'field 5 is no whole, as count is'],
  ['a number where a text should be', numberField(2, 7), 'field 2 is no text, as word is'],
  ['a time that is none', bytesField(6, numberField(1, Number.MAX_SAFE_INTEGER)), 'there is no time'],
])('%s is refused', (_, bytes, problem) => {
  const read = (): unknown => decode(THING as Message, bytes);
  expect(read).toThrow(MalformedMessage);
  expect(read).toThrow(problem);
});

test('any bytes are read or refused, and nothing else happens', () => {
  const problemOf = (bytes: Buffer): unknown => {
    try {
      decode(THING, bytes);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  fc.assert(
    fc.property(
      things,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.nat(),
      (thing, changes, cut) => {
        const bytes = encode(THING, thing);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        const problem = problemOf(bytes.subarray(0, bytes.length - (cut % bytes.length)));
        expect(problem === undefined || problem instanceof MalformedMessage).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});
