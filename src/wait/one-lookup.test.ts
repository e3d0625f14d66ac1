import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { createOneLookup } from './one-lookup.ts';

type Tell = Parameters<LookupFunction>[2];

function looking() {
  const asked: { readonly name: string; readonly tell: Tell }[] = [];
  const lookup = createOneLookup((name, _, tell) => void asked.push({ name, tell }));
  const told: string[] = [];
  const ask = (name: string, options = {}): void =>
    lookup(name, options, (error, address) => void told.push(error?.message ?? JSON.stringify(address)));
  return { asked, told, ask };
}

test('who asks for a name while it is looked up gets the same answer, and no thread is taken for him', () => {
  const { asked, told, ask } = looking();
  for (let i = 0; i < 5; i += 1) ask('collector');
  expect(asked).toHaveLength(1);
  asked[0]?.tell(null, '10.0.0.1', 4);
  expect(told).toEqual(Array.from({ length: 5 }, () => '"10.0.0.1"'));
});

test('an answer is kept for nobody: neither an address that may change, nor a failure', () => {
  const { asked, told, ask } = looking();
  ask('collector');
  asked[0]?.tell(new Error('no name server answers'), '');
  ask('collector');
  asked[1]?.tell(null, '10.0.0.2', 4);
  expect(told).toEqual(['no name server answers', '"10.0.0.2"']);
});

test('other names, and the same name asked otherwise, are looked up beside it', () => {
  const { asked, ask } = looking();
  ask('collector');
  ask('api');
  ask('collector', { all: true });
  expect(asked.map(({ name }) => name)).toEqual(['collector', 'api', 'collector']);
});
