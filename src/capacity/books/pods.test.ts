import { expect, test } from 'vitest';
import type { PodFacts } from '../../model/facts.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { Ledger } from '../ledger.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from '../ledger-fixture.ts';

const NODES = ['n1', 'n2'];
/** Two nodes of 10 GiB. */
const cluster = (...claims: Parameters<typeof claim>[]): Ledger =>
  ledgerWith({
    nodes: NODES.map((name) => node(name, [group('pool-0', 10)])),
    claims: claims.map((of) => claim(...of)),
  });
const free = (ledger: Ledger) => NODES.map((name) => freeIn(ledger, name, 'pool-0'));
const EMPTY = [gib(10), gib(10)];

/** A pod with an inline volume of 6 GiB. */
const scratch = (name: string, more: Partial<PodFacts> = {}, size = '6Gi'): PodFacts =>
  pod(name, [], { volumes: [{ kind: 'inline', volumeName: 'tmp', attributes: { vgName: 'pool-0', size } }], ...more });
const madeFor = (name: string) => volume(inlineVolumeId(`uid-${name}`, 'tmp'), 'pool-0', 6, { node: 'n2' });

test('after a restart room is held for pods that are being bound, and for none that are bound or gone', () => {
  const ledger = cluster();
  ledger.podChanged(scratch('bound', { nodeName: 'n2', nominatedNode: 'n1' }));
  ledger.podChanged(scratch('gone', { nominatedNode: 'n1' }));
  ledger.podGone('uid-gone');
  ledger.resume(0);
  expect(free(ledger)).toEqual([gib(10), gib(4)]);
  ledger.podChanged(scratch('binding', { nominatedNode: 'n1' }));
  ledger.resume(0);
  expect(free(ledger)).toEqual([gib(4), gib(4)]);
});

test('after a restart room that was held where a volume is goes elsewhere on the node', () => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 5), group('pool-1', 5)])] });
  ledger.claimChanged(claim('a', 4, { selectedNode: 'n1' }));
  ledger.claimChanged(claim('b', 1, { selectedNode: 'n1' }));
  const place = freeIn(ledger, 'n1', 'pool-0') === gib(5) ? 'pool-1' : 'pool-0';
  const other = place === 'pool-0' ? 'pool-1' : 'pool-0';
  ledger.volumeChanged(volume('v', place, 5));
  ledger.resume(0);
  expect({ [place]: freeIn(ledger, 'n1', place), [other]: freeIn(ledger, 'n1', other) }).toEqual({
    [place]: 0,
    [other]: 0,
  });
  expect(ledger.held().claims.toSorted()).toEqual(['uid-a', 'uid-b']);
});

test('a pod that takes the name of one that is bound ends what that one still holds', () => {
  const ledger = cluster(['a', 6]);
  ledger.filter(pod('p', ['a']), NODES, 0);
  ledger.podChanged(pod('p', ['a'], { nodeName: 'n2' }));
  expect(free(ledger)).toEqual([gib(10), gib(4)]);
  ledger.podChanged(pod('p', [], { uid: 'next' }));
  expect(free(ledger)).toEqual(EMPTY);
});

test('a pod that ends without a node leaves nothing behind', () => {
  const ledger = cluster();
  ledger.podChanged(scratch('p'));
  expect(fitting(ledger, scratch('p'), NODES)).toEqual(NODES);
  ledger.podChanged(scratch('p', { finished: true }));
  expect(free(ledger)).toEqual(EMPTY);
  expect(ledger.snapshot().map(({ name }) => name)).toEqual(NODES);
});

test('an inline volume that its node will refuse takes nothing once its pod is bound', () => {
  const ledger = cluster();
  const before = ledger.snapshot();
  ledger.podChanged(scratch('p', { nodeName: 'n2' }, 'much'));
  expect(ledger.snapshot()).toEqual(before);
  ledger.podGone('uid-p');
  expect(ledger.snapshot()).toEqual(before);
});

test.each<[string, readonly ((ledger: Ledger) => void)[]]>([
  ['the volume', [(ledger) => ledger.volumeChanged(madeFor('p')), (ledger) => ledger.podChanged(bound)]],
  ['the binding', [(ledger) => ledger.podChanged(bound), (ledger) => ledger.volumeChanged(madeFor('p'))]],
])(
  'an inline volume that was made and removed is not waited for when its pod ends, whatever was heard first: %s',
  (_, events) => {
    const ledger = cluster();
    for (const tell of events) tell(ledger);
    expect(free(ledger)).toEqual([gib(10), gib(4)]);
    ledger.volumeGone(madeFor('p').name);
    ledger.podGone('uid-p');
    expect(free(ledger)).toEqual(EMPTY);
  },
);
const bound = scratch('p', { nodeName: 'n2' });
