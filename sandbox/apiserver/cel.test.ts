import { expect, test } from 'vitest';
import { ruleCauses } from './cel.ts';
import type { Json } from './json.ts';
import type { Schema, ValidationRule } from './schema.ts';

const schema = (rule: ValidationRule, properties: Record<string, Schema> = {}): Schema => ({
  type: 'object',
  properties: {
    n: { type: 'integer' },
    d: { type: 'number' },
    t: { type: 'string', format: 'date-time' },
    ...properties,
  },
  'x-kubernetes-validations': [rule],
});
const ask = (rule: ValidationRule, value: Json, old?: Json, properties?: Record<string, Schema>) =>
  ruleCauses({ value, old, schema: schema(rule, properties), path: 'spec' });

test.each<[string, Json]>([
  ['self.n / 2 == 3', { n: 7 }],
  ['self.n > 4503599627370496', { n: 4_503_599_627_370_497 }],
  ['self.d * 2.0 == 3.0', { d: 1.5 }],
  ['self.d == 2.0', { d: 2 }],
  ['!has(self.n)', {}],
  ['self.?n.orValue(4) == 4', {}],
  ['self.t < timestamp("2027-01-01T00:00:00Z")', { t: '2026-01-01T00:00:00Z' }],
  ['self.__namespace__ == "x" && self.a__dash__b == "y"', { namespace: 'x', 'a-b': 'y' }],
  ['self.list.all(i, i.startsWith("a")) && size(self.list) == 2', { list: ['a', 'ab'] }],
  ['self.list.exists_one(i, i == "a")', { list: ['a', 'b'] }],
  ['"k" in self.map && self.map["k"] == 1', { map: { k: 1 } }],
  ['self.name.matches("^[a-z]+$") && self.name.lowerAscii() == "abc"', { name: 'abc' }],
])('%s holds for %j', (rule, value) => {
  const properties: Record<string, Schema> = {
    namespace: { type: 'string' },
    name: { type: 'string' },
    'a-b': { type: 'string' },
    list: { type: 'array', items: { type: 'string' } },
    map: { type: 'object', additionalProperties: { type: 'integer' } },
  };
  expect(ask({ rule }, value, undefined, properties)).toEqual([]);
});

test('a rule about the old value waits for one', () => {
  const rule = { rule: 'self.n >= oldSelf.n', message: 'may only grow' };
  expect(ask(rule, { n: 1 })).toEqual([]);
  expect(ask(rule, { n: 2 }, { n: 1 })).toEqual([]);
  expect(ask(rule, { n: 1 }, { n: 2 })).toEqual([
    { field: 'spec', reason: 'FieldValueInvalid', message: 'Invalid value: may only grow' },
  ]);
});

test('the word oldSelf inside of a text is no old value', () => {
  expect(ask({ rule: 'string(self.n) == "oldSelf"' }, { n: 1 })).toHaveLength(1);
});

test('a rule that cannot be evaluated is against the value', () => {
  const [cause] = ask({ rule: 'self.n > 1', message: 'more than one' }, {});
  expect(cause).toMatchObject({ field: 'spec', reason: 'FieldValueInvalid' });
  expect(cause?.message).toContain('evaluating rule: more than one');
});

test.each([
  [{ rule: 'false' }, 'Invalid value: failed rule: false'],
  [{ rule: 'false', message: 'no' }, 'Invalid value: no'],
  [{ rule: 'false', message: 'no', messageExpression: '"n is " + string(self.n)' }, 'Invalid value: n is 1'],
  [{ rule: 'false', message: 'no', messageExpression: 'self.missing' }, 'Invalid value: no'],
  [{ rule: 'false', message: 'no', reason: 'FieldValueForbidden' }, 'Forbidden: no'],
  [{ rule: 'false', message: 'no', reason: 'FieldValueRequired' }, 'Required value: no'],
])('the message of %j', (rule, message) => {
  expect(ask(rule, { n: 1 })).toMatchObject([{ message }]);
});

test('items of a keyed list are compared with those of the same key, items of others with none', () => {
  const items: Schema = {
    type: 'object',
    properties: { key: { type: 'string' }, n: { type: 'integer' } },
    'x-kubernetes-validations': [{ rule: 'self.n >= oldSelf.n' }],
  };
  const keyed: Schema = {
    type: 'array',
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['key'],
  };
  const value = [
    { key: 'b', n: 1 },
    { key: 'a', n: 1 },
  ];
  const old = [
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
  ];
  expect(ruleCauses({ value, old, schema: keyed, path: 'l' })).toMatchObject([{ field: 'l[0]' }]);
  expect(ruleCauses({ value, old, schema: { type: 'array', items }, path: 'l' })).toEqual([]);
});
