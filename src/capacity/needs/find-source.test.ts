import { expect, test } from 'vitest';
import { claim, DRIVER, freeIn, gib, group, ledgerWith, node, pod } from '../ledger-fixture.ts';
import type { Ledger } from '../ledger.ts';

const nodes = [node('n2', [group('pool-0', 10)])];
const ofOrigin = { kind: 'PersistentVolumeClaim', name: 'origin' } as const;
const clone = claim('c', 2, { source: ofOrigin });
const origin = claim('origin', 2, { volumeName: 'pv', bound: true });
const pv = { name: 'pv', driver: DRIVER, handle: 'pv', node: 'n2' };
const block = { use: { block: true } };

test.each([
  ['what is being deleted', { ...origin, deleting: true }, clone, pv, 'it is being deleted'],
  [
    'less than was asked for the origin',
    { ...origin, requested: gib(3) },
    clone,
    pv,
    'it asks for 3 GiB: ask for no less than that',
  ],
  [
    'a raw device as a filesystem',
    { ...origin, ...block },
    clone,
    pv,
    'it has volumeMode Block, and so has what is made from it: do not ask for Filesystem',
  ],
  [
    'a filesystem as a raw device',
    origin,
    { ...clone, ...block },
    pv,
    'it has volumeMode Filesystem, and so has what is made from it: do not ask for Block',
  ],
  [
    "another driver's volume",
    origin,
    clone,
    { ...pv, driver: 'nfs.csi.k8s.io' },
    'its volume is of the CSI driver nfs.csi.k8s.io',
  ],
  [
    'a volume without a driver',
    origin,
    clone,
    { name: 'pv', driver: '', handle: '' },
    'its volume is of no CSI driver',
  ],
])('no clone is made of %s', (_, from, asking, of, problem) => {
  const ledger = ledgerWith({ nodes, claims: [from, asking] });
  ledger.pvChanged(of);
  const { refusals } = ledger.filter(pod('p', ['c']), ['n2'], 0);
  expect(refusals[0]?.message).toBe(`the claim default/c is made from PersistentVolumeClaim origin: ${problem}`);
});

test.each<[string, (ledger: Ledger) => void]>([
  ['is being deleted', (ledger) => ledger.claimChanged({ ...origin, deleting: true })],
  ['asks for more', (ledger) => ledger.claimChanged({ ...origin, requested: gib(3) })],
  ['is gone', (ledger) => ledger.claimGone(origin.uid)],
  ['is made anew', (ledger) => ledger.claimChanged({ ...origin, uid: 'another', deleting: true })],
])('a clone whose origin %s after its node was chosen holds no room any more', (_, change) => {
  const ledger = ledgerWith({ nodes, claims: [{ ...clone, selectedNode: 'n2' }, origin] });
  ledger.pvChanged(pv);
  expect(freeIn(ledger, 'n2', 'pool-0')).toBe(gib(8));
  change(ledger);
  expect(freeIn(ledger, 'n2', 'pool-0')).toBe(gib(10));
  ledger.claimChanged(origin);
  expect(freeIn(ledger, 'n2', 'pool-0')).toBe(gib(8));
});

test('no claim is made from a snapshot of another volumeMode, and none holds room', () => {
  const monday = { namespace: 'default', name: 'monday', node: 'n2', readOnly: false, size: gib(2), mode: 'Block' };
  const source = { kind: 'VolumeSnapshot', name: 'monday' } as const;
  const ledger = ledgerWith({
    nodes,
    claims: [
      claim('c', 2, { source, selectedNode: 'n2' }),
      claim('d', 2, { source, ...block }),
      claim('e', 2, { source }),
    ],
  });
  expect(freeIn(ledger, 'n2', 'pool-0')).toBe(gib(8));
  ledger.sourceChanged(monday);
  expect(freeIn(ledger, 'n2', 'pool-0')).toBe(gib(10));
  const said = (name: string) => ledger.filter(pod(`p-${name}`, [name]), ['n2'], 0).refusals[0]?.message;
  expect(said('d')).toBeUndefined();
  expect(said('e')).toContain('it has volumeMode Block, and so has what is made from it: do not ask for Filesystem');
});

test('a claim whose snapshot is gone after its node was chosen holds no room any more', () => {
  const named = { namespace: 'default', name: 'monday', node: 'n2', readOnly: false };
  const source = { kind: 'VolumeSnapshot', name: 'monday' } as const;
  const ledger = ledgerWith({ nodes, claims: [claim('c', 2, { source, selectedNode: 'n2' })] });
  const free = () => freeIn(ledger, 'n2', 'pool-0');
  // Until all snapshots were told, it may be among the others.
  expect(free()).toBe(gib(8));
  ledger.sourcesListed();
  expect(free()).toBe(gib(10));
  ledger.sourceChanged({ ...named, node: '', waits: true });
  expect(free()).toBe(gib(8));
  ledger.sourceChanged(named);
  expect(free()).toBe(gib(8));
  ledger.sourceGone('default', 'monday');
  expect(free()).toBe(gib(10));
});

test('a pod waits for a snapshot that waits for something', () => {
  const source = { kind: 'VolumeSnapshot', name: 'monday' } as const;
  const ledger = ledgerWith({ nodes, claims: [claim('c', 2, { source })] });
  ledger.sourceChanged({ namespace: 'default', name: 'monday', node: '', readOnly: false, waits: true });
  expect(ledger.filter(pod('p', ['c']), ['n2'], 0).refusals[0]?.message).toContain(
    'which is not known yet or not ready',
  );
});
