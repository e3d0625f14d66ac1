import { expect, test } from 'vitest';
import type { PodFacts, PvFacts } from '../../model/facts.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { Ledger } from '../ledger.ts';
import { claim, DRIVER, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from '../ledger-fixture.ts';

const NODES = ['n1', 'n2'];
const cluster = (more: Omit<Parameters<typeof ledgerWith>[0], 'nodes'> = {}): Ledger =>
  ledgerWith({ nodes: NODES.map((name) => node(name, [group('pool-0', 10)])), ...more });
const free = (ledger: Ledger) => NODES.map((name) => freeIn(ledger, name, 'pool-0'));
/** A PersistentVolume of ours for a volume of 6 GiB on n1 that has no LocalVolume. */
const old = (name: string, handle = name): PvFacts => ({
  ...{ name, driver: DRIVER, handle, node: 'n1' },
  takes: { kind: 'LVM', where: 'pool-0', size: gib(6) },
});

const scratch: PodFacts = pod('p', [], {
  volumes: [{ kind: 'inline', volumeName: 'tmp', attributes: { vgName: 'pool-0', size: '6Gi' } }],
});
const INLINE = inlineVolumeId('uid-p', 'tmp');

test.each<[string, (ledger: Ledger) => void]>([
  ['its LocalVolume', (ledger) => ledger.volumeChanged(volume(INLINE, 'pool-0', 6, { node: 'n2' }))],
  [
    'the report of its node',
    (ledger) => ledger.nodeChanged(node('n2', [group('pool-0', 10, { volumes: [{ name: INLINE, size: gib(6) }] })])),
  ],
])(
  'an inline volume that was made before the binding of its pod is heard counts once, on its node: by %s',
  (_, tell) => {
    const ledger = cluster();
    expect(fitting(ledger, scratch, NODES)).toEqual(NODES);
    tell(ledger);
    expect(free(ledger)).toEqual([gib(10), gib(4)]);
  },
);

test('a growth counts until the object shows it, and from then on as the object says', () => {
  const ledger = cluster({ volumes: [volume('v', 'pool-0', 2)] });
  ledger.grow('v', gib(5));
  for (const [shown, left] of [
    [2, 5],
    [5, 5],
    [3, 7],
  ] as const) {
    ledger.volumeChanged(volume('v', 'pool-0', shown));
    expect(free(ledger)[0]).toBe(gib(left));
  }
});

test('a PersistentVolume that comes again for another volume speaks of the first no more', () => {
  const ledger = cluster();
  ledger.pvChanged(old('pv', 'first'));
  ledger.pvChanged({ ...old('pv', 'second'), node: 'n2' });
  expect(free(ledger)).toEqual([gib(10), gib(4)]);
});

test('a PersistentVolume of another driver says nothing of the volume whose name it has for its own', () => {
  const ledger = cluster();
  ledger.pvChanged(old('pv', 'v'));
  ledger.pvChanged({ name: 'share', driver: 'nfs.example', handle: 'v' });
  expect(free(ledger)[0]).toBe(gib(4));
});

test('of two PersistentVolumes of one volume the end of the first leaves it counted', () => {
  const ledger = cluster();
  ledger.pvChanged(old('first', 'v'));
  ledger.pvChanged(old('second', 'v'));
  for (const name of ['first', 'never']) ledger.pvGone(name);
  expect(free(ledger)[0]).toBe(gib(4));
  ledger.pvGone('second');
  expect(free(ledger)[0]).toBe(gib(10));
});

test('a claim whose volume of another driver is heard of last gives its room back', () => {
  const ledger = cluster({ claims: [claim('a', 6, { selectedNode: 'n1', volumeName: 'share', bound: true })] });
  expect(free(ledger)[0]).toBe(gib(4));
  ledger.pvChanged({ name: 'share', driver: 'nfs.example', handle: 'x', claimUid: 'uid-a' });
  expect(free(ledger)[0]).toBe(gib(10));
});
