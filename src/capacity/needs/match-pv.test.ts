import { expect, test } from 'vitest';
import type { ClaimFacts, PvOffer } from '../../model/facts.ts';
import { claim, gib } from '../ledger-fixture.ts';
import { choosePv, isOpen, type OfferedPv } from './match-pv.ts';

const OFFER: PvOffer = {
  storageClass: 'lvm',
  capacity: gib(5),
  block: false,
  accessModes: ['ReadWriteOnce'],
  labels: { tier: 'gold' },
  available: true,
  nodes: ['n1'],
};

const pv = (name: string, more: Partial<PvOffer> = {}): OfferedPv => ({
  name,
  driver: 'd',
  handle: name,
  offer: { ...OFFER, ...more },
});

const chosen = (pvs: readonly OfferedPv[], more: Partial<ClaimFacts> = {}, node = 'n1'): string | undefined =>
  choosePv(claim('a', 5, more), pvs, node)?.name;

test('the smallest that suits is chosen', () => {
  const sizes = [9, 4, 7, 8].map((size) => pv(`of-${size}`, { capacity: gib(size) }));
  expect(chosen(sizes)).toBe('of-7');
  expect(chosen([pv('exactly')])).toBe('exactly');
});

test.each<[string, Partial<PvOffer>, Partial<ClaimFacts>, boolean]>([
  ['as it is', {}, {}, true],
  ['too small', { capacity: gib(4) }, {}, false],
  ['on another node', { nodes: ['n2'] }, {}, false],
  ['on one of several nodes', { nodes: ['n2', 'n1'] }, {}, true],
  ['a device for a claim of a filesystem', { block: true }, {}, false],
  ['a filesystem for a claim of a device', {}, { use: { block: true } }, false],
  ['a device for a claim of a device', { block: true }, { use: { block: true } }, true],
  ['an access mode that it lacks', {}, { use: { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] } }, false],
  [
    'all access modes',
    { accessModes: ['ReadWriteMany', 'ReadWriteOnce'] },
    { use: { accessModes: ['ReadWriteMany'] } },
    true,
  ],
  ['a filesystem for one node that it lacks', { accessModes: ['ReadOnlyMany'] }, {}, false],
  ['not available', { available: false }, {}, false],
  ['labels that are selected', {}, { selector: { matchLabels: { tier: 'gold' } } }, true],
  ['labels that are not selected', {}, { selector: { matchLabels: { tier: 'iron' } } }, false],
  ['a selector that nobody can read', {}, { selector: { matchExpressions: [{ key: 'tier', operator: 'Is' }] } }, false],
  ['attributes that are not asked for', { attributesClass: 'fast' }, {}, false],
  ['attributes that it lacks', {}, { attributesClass: 'fast' }, false],
  ['attributes as asked for', { attributesClass: 'fast' }, { attributesClass: 'fast' }, true],
  ['reserved for another claim', { claim: { namespace: 'default', name: 'b' } }, {}, false],
  ['reserved for one of this name elsewhere', { claim: { namespace: 'shop', name: 'a' } }, {}, false],
  ['reserved for an earlier claim of this name', { claim: { namespace: 'default', name: 'a', uid: 'old' } }, {}, false],
  ['reserved for this claim', { claim: { namespace: 'default', name: 'a', uid: 'uid-a' } }, {}, true],
])('a PersistentVolume with %s', (_, offer, more, isChosen) => {
  expect(chosen([pv('old', offer)], more)).toBe(isChosen ? 'old' : undefined);
});

test('one that is reserved for the claim by name goes before smaller ones, whatever its phase, modes and labels', () => {
  const own = pv('own', {
    claim: { namespace: 'default', name: 'a' },
    capacity: gib(50),
    available: false,
    accessModes: [],
    labels: {},
  });
  expect(chosen([pv('small'), own, pv('other')], { selector: { matchLabels: { tier: 'gold' } } })).toBe('own');
});

test('a claim that has its own elsewhere gets no other', () => {
  const own = pv('own', { claim: { namespace: 'default', name: 'a' }, nodes: ['n2'] });
  expect(chosen([own, pv('small')])).toBeUndefined();
  expect(chosen([own, pv('small')], {}, 'n2')).toBe('own');
});

test.each<[string, Partial<ClaimFacts>, boolean]>([
  ['new', {}, true],
  ['bound', { bound: true }, false],
  ['for a volume', { volumeName: 'pv-1' }, false],
  ['for a node', { selectedNode: 'n1' }, false],
  ['being deleted', { deleting: true }, false],
])('whether a volume is looked for, for a claim that is %s', (_, more, open) => {
  expect(isOpen(claim('a', 1, more))).toBe(open);
});
