import { expect, test } from 'vitest';
import type { PvFacts, PvOffer } from '../../model/facts.ts';
import { gib } from '../ledger-fixture.ts';
import { PersistentVolumes } from './persistent-volumes.ts';

const offer = (storageClass: string): PvOffer => ({
  ...{ storageClass, capacity: gib(1), block: false, accessModes: ['ReadWriteOnce'], labels: {}, available: true },
});
const pv = (name: string, storageClass?: string): PvFacts => ({
  ...{ name, driver: 'local.csi.aliyun.com', handle: name },
  ...(storageClass !== undefined && { offer: offer(storageClass) }),
});

test('those that claims may be bound to are found by their class, until they are bound, change or go', () => {
  const pvs = new PersistentVolumes();
  expect([pvs.hasOffers, pvs.get('a'), [...pvs.offersFor('fast', 'ns/c')]]).toEqual([false, undefined, []]);
  for (const each of [pv('a', 'fast'), pv('b', 'fast'), pv('c', ''), pv('bound')]) pvs.set(each);
  const offers = () => ['fast', 'slow', undefined].map((name) => pvs.offersFor(name, 'ns/c').map((each) => each.name));
  expect([offers(), pvs.hasOffers, pvs.has('bound'), pvs.get('bound')]).toEqual([
    [['a', 'b'], [], ['c']],
    true,
    true,
    pv('bound'),
  ]);
  pvs.set(pv('a', 'slow'));
  expect(offers()).toEqual([['b'], ['a'], ['c']]);
  pvs.set(pv('b'));
  expect([offers(), pvs.get('b')]).toEqual([[[], ['a'], ['c']], pv('b')]);
  for (const name of ['a', 'c', 'bound', 'never']) pvs.delete(name);
  expect([offers(), pvs.hasOffers, pvs.has('a'), pvs.has('b')]).toEqual([[[], [], []], false, false, true]);
  expect(pvs.told).toEqual(new Map([['b', pv('b')]]));
});

test('one that is reserved is found for its claim alone, and in its class', () => {
  const pvs = new PersistentVolumes();
  const of = (name: string, claim: string, storageClass = 'fast'): PvFacts => ({
    ...pv(name),
    offer: { ...offer(storageClass), claim: { namespace: 'ns', name: claim } },
  });
  for (const each of [pv('free', 'fast'), of('a', 'c'), of('other', 'd'), of('slow', 'c', 'slow')]) pvs.set(each);
  const offers = (storageClass: string | undefined, key: string) =>
    pvs.offersFor(storageClass, key).map(({ name }) => name);
  expect([offers('fast', 'ns/c'), offers('fast', 'ns/d'), offers('fast', 'elsewhere/c')]).toEqual([
    ['a', 'free'],
    ['other', 'free'],
    ['free'],
  ]);
  pvs.set(of('a', 'd'));
  expect([offers('fast', 'ns/c'), offers('fast', 'ns/d')]).toEqual([['free'], ['other', 'a', 'free']]);
  for (const name of ['free', 'a', 'other']) pvs.delete(name);
  expect([offers('fast', 'ns/d'), pvs.hasOffers]).toEqual([[], true]);
  pvs.set(of('none', 'c', ''));
  expect(offers(undefined, 'ns/c')).toEqual(['none']);
});
