import { expect, test } from 'vitest';
import type { KubeObject } from '../../model/objects.ts';
import { createObjectCache, objectKey } from './object-cache.ts';

const object = (name: string, resourceVersion: string, uid = name): KubeObject => ({
  metadata: { name, resourceVersion, uid },
});
const createCache = () => {
  const cache = createObjectCache<KubeObject, string>(({ metadata }) => `${metadata.uid}@${metadata.resourceVersion}`);
  cache.startList();
  cache.listed(object('a', '3'));
  cache.endList('5');
  return cache;
};

test('keys', () => {
  expect(objectKey({ metadata: { name: 'a' } })).toBe('a');
  expect(objectKey({ metadata: { name: 'a', namespace: 'ns' } })).toBe('ns/a');
});

test('the version is that of the list, then of whatever was heard; unknown while a list is under way', () => {
  const cache = createCache();
  expect(cache.version()).toBe('5');
  cache.hear('MODIFIED', object('a', '6'));
  expect(cache.version()).toBe('6');
  cache.hearVersion('9');
  expect(cache.version()).toBe('9');
  cache.startList();
  expect(cache.version()).toBe('');
  expect(cache.wrote(object('a', '10'))).toEqual([]);
});

test('a name that was given again by a write of ours: the end of the old object does not take the new one along', () => {
  const cache = createCache();
  expect(cache.wrote(object('a', '9', 'new'))).toEqual([{ before: 'a@3' }, { now: 'new@9' }]);
  expect(cache.hear('MODIFIED', object('a', '6'))).toEqual([]);
  expect(cache.hear('DELETED', object('a', '7'))).toEqual([]);
  expect(cache.hear('ADDED', object('a', '9', 'new'))).toEqual([]);
  expect(cache.values.get('a')).toBe('new@9');
  expect(cache.hear('DELETED', object('a', '10', 'new'))).toEqual([{ before: 'new@9' }]);
});

test('the end of an object may carry its last version or a later one, and may be heard of twice', () => {
  for (const version of ['3', '6']) {
    const cache = createCache();
    expect(cache.hear('DELETED', object('a', version))).toEqual([{ before: 'a@3' }]);
    expect(cache.hear('DELETED', object('a', version))).toEqual([]);
    expect(cache.values.size).toBe(0);
  }
});

test.each([
  ['7', '8'],
  ['999999999', '1000000000'],
  ['9007199254740992', '9007199254740993'],
  ['12345678901234567890', '12345678901234567891'],
])('version %s is known again, and is older than %s', (version, next) => {
  const cache = createCache();
  expect(cache.hear('ADDED', object('b', version))).toEqual([{ now: `b@${version}` }]);
  expect(cache.hear('MODIFIED', object('b', version))).toEqual([]);
  expect(cache.hear('MODIFIED', object('b', next))).toEqual([{ before: `b@${version}`, now: `b@${next}` }]);
  expect(cache.hear('MODIFIED', object('b', version))).toEqual([]);
});

test('versions that cannot be ordered: the last word counts', () => {
  const cache = createCache();
  expect(cache.hear('MODIFIED', object('a', 'xyz'))).toEqual([{ before: 'a@3', now: 'a@xyz' }]);
  expect(cache.wrote(object('a', 'abc'))).toEqual([]);
});
