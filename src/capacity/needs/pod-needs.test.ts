import { describe, expect, test } from 'vitest';
import { claim, DRIVER, freeIn, gib, group, ledgerWith, lvm, node, pod, volume } from '../ledger-fixture.ts';
import type { Sealed } from '../../model/encryption.ts';
import type { SourceFacts } from '../../model/facts.ts';
import type { Ledger } from '../ledger.ts';

const from = (name: string) => ({ source: { kind: 'VolumeSnapshot', name } }) as const;
const mounted = (name: string, more: Partial<SourceFacts> = {}): SourceFacts => ({
  namespace: 'default',
  name,
  node: 'n1',
  readOnly: true,
  size: gib(5),
  ...more,
});
const why = (ledger: Ledger, claims: readonly string[], nodes = ['n1', 'n2']) =>
  ledger.filter(pod('p', claims), nodes, 0).refusals.map((refusal) => refusal?.message);

function ledger(sources: readonly SourceFacts[]): Ledger {
  const made = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 10)])],
    claims: [
      claim('monday', 4, from('monday')),
      claim('tuesday', 4, from('tuesday')),
      claim('large', 6, from('monday')),
      claim('bound', 1, { bound: true, volumeName: 'pv' }),
    ],
    volumes: [volume('pv', 'pool-0', 1, { node: 'n2', claimUid: 'uid-bound' })],
  });
  for (const source of sources) made.sourceChanged(source);
  return made;
}

const WRONG = 'a volume of the pod, or what it is made from, is on another node';
const made = (name: string) => `the claim default/${name} is made from VolumeSnapshot ${name}`;
const SPLIT = "which is on another node than the pod's other volumes and sources";

test('a claim that mounts a snapshot goes to its node, also when nothing is free there', () => {
  const ours = ledger([mounted('monday')]);
  ours.volumeChanged(volume('full', 'pool-0', 10));
  expect(why(ours, ['monday'])).toEqual([undefined, WRONG]);
});

test('sources on different nodes are told, with the claim that is made from one', () => {
  const ours = ledger([mounted('monday'), mounted('tuesday', { node: 'n2' })]);
  expect(why(ours, ['monday', 'tuesday'])[0]).toBe(`${made('monday')}, ${SPLIT}`);
  expect(why(ours, ['bound', 'monday'])[0]).toBe(`${made('monday')}, ${SPLIT}`);
});

test('what a mounted snapshot cannot be is told before a node is chosen', () => {
  const ours = ledger([mounted('monday')]);
  expect(why(ours, ['large'])[0]).toBe(
    'the claim default/large: it is to mount a snapshot of 5 GiB as it is: ask for no more than that',
  );
});

test('a source that serves nobody says why', () => {
  const problem = 'it overflowed: its store was full, and what it held is lost';
  expect(why(ledger([mounted('monday', { problem })]), ['monday'])[0]).toBe(`${made('monday')}: ${problem}`);
});

test('a claim that is filled from a snapshot takes room on its node, and no less than the snapshot has', () => {
  const ours = ledger([mounted('monday', { readOnly: false, size: gib(4) }), mounted('tuesday', { readOnly: false })]);
  expect(why(ours, ['monday'])).toEqual([undefined, WRONG]);
  expect(why(ours, ['tuesday'])[0]).toBe(
    'the claim default/tuesday: what it is made from has 5 GiB: ask for no less than that',
  );
  ours.volumeChanged(volume('full', 'pool-0', 7));
  expect(why(ours, ['monday'])[0]).toContain('not enough room for 4 GiB');
});

test('a claim that asks for what its snapshot tells is served, and takes all that the snapshot has', () => {
  const ours = ledger([mounted('monday', { readOnly: false, size: gib(5), least: gib(4) })]);
  expect(why(ours, ['monday'])).toEqual([undefined, WRONG]);
  ours.claimChanged(claim('small', 3, from('monday')));
  expect(why(ours, ['small'])[0]).toBe(
    'the claim default/small: what it is made from has 4 GiB: ask for no less than that',
  );
  ours.claimChanged(claim('monday', 4, { ...from('monday'), selectedNode: 'n1' }));
  expect(freeIn(ours, 'n1', 'pool-0')).toBe(gib(5));
  ours.claimChanged(claim('monday', 4, from('monday')));
  ours.volumeChanged(volume('full', 'pool-0', 6));
  expect(why(ours, ['monday'])[0]).toContain('not enough room for 5 GiB');
});

test('a claim whose source serves nobody holds no room', () => {
  const ours = ledger([mounted('monday', { readOnly: false })]);
  ours.claimChanged(claim('monday', 5, { ...from('monday'), selectedNode: 'n1' }));
  expect(freeIn(ours, 'n1', 'pool-0')).toBe(gib(5));
  ours.sourceChanged(mounted('monday', { readOnly: false, problem: 'it is being deleted' }));
  expect(freeIn(ours, 'n1', 'pool-0')).toBe(gib(10));
});

test('a source in another namespace is looked for there, and not one of its name in the namespace of the claim', () => {
  const elsewhere = { kind: 'VolumeSnapshot', name: 'monday', namespace: 'backups' } as const;
  const ours = ledger([mounted('monday', { readOnly: false, node: 'n2' })]);
  ours.claimChanged(claim('data', 5, { source: elsewhere }));
  const missing =
    'the claim default/data is made from VolumeSnapshot backups/monday, which is not known yet or not ready';
  expect(why(ours, ['data'])).toEqual([missing, missing]);
  ours.sourceChanged(mounted('monday', { namespace: 'backups', readOnly: false }));
  expect(why(ours, ['data'])).toEqual([undefined, WRONG]);

  const clone = { kind: 'PersistentVolumeClaim', name: 'bound' } as const;
  ours.claimChanged({ ...claim('clone', 1, { source: { ...clone, namespace: 'default' } }), namespace: 'shop' });
  const asking = { ...pod('q', ['clone']), namespace: 'shop' };
  expect(ours.filter(asking, ['n1', 'n2'], 0).refusals.map((each) => each?.message)).toEqual([WRONG, undefined]);
});

describe('what is made from an encrypted source is encrypted too', () => {
  const [luks, btrfs] = [{ encryption: 'luks2' }, { encryption: 'luks2', fsType: 'btrfs' }] as const;
  const plain = 'its source is encrypted: use a StorageClass of one that is, or copy its files';
  const closed = 'its source is not encrypted: use a StorageClass of one that is not, or copy its files';
  const files = 'a btrfs that is encrypted cannot be copied as it is: copy its files';
  const cases: [string, string, Sealed | undefined, string | undefined][] = [
    ['plain from plain', 'lvm', undefined, undefined],
    ['encrypted from encrypted', 'safe', luks, undefined],
    ['plain from encrypted', 'lvm', luks, plain],
    ['encrypted from plain', 'safe', undefined, closed],
    ['encrypted from a btrfs', 'safe', btrfs, files],
  ];

  test.each(cases.flatMap((each) => [false, true].map((readOnly) => [...each, readOnly] as const)))(
    '%s: from a snapshot',
    (_, storageClass, sealed, problem, readOnly) => {
      const ours = ledger([mounted('monday', { readOnly, ...(sealed && { sealed }) })]);
      ours.classChanged(lvm('safe', { encryption: 'luks2' }));
      ours.claimChanged(claim('data', 5, { storageClass, ...from('monday') }));
      const said = 'the claim default/data is made from VolumeSnapshot monday: ';
      expect(why(ours, ['data'])[0]).toBe(problem && said + problem);
    },
  );

  test.each(cases)('%s: a clone', (_, storageClass, sealed, problem) => {
    const ours = ledger([]);
    ours.classChanged(lvm('safe', { encryption: 'luks2' }));
    ours.volumeChanged(volume('pv', 'pool-0', 1, { node: 'n2', claimUid: 'uid-bound', ...(sealed && { sealed }) }));
    ours.claimChanged(claim('data', 1, { storageClass, source: { kind: 'PersistentVolumeClaim', name: 'bound' } }));
    const said = 'the claim default/data is made from PersistentVolumeClaim bound: ';
    expect(why(ours, ['data'])[1]).toBe(problem && said + problem);
  });

  test('of a source without a record nobody knows it: CreateVolume judges alone', () => {
    const ours = ledgerWith({
      nodes: [node('n1', [group('pool-0', 10)])],
      claims: [
        claim('old', 1, { bound: true, volumeName: 'old' }),
        claim('data', 1, { storageClass: 'safe', source: { kind: 'PersistentVolumeClaim', name: 'old' } }),
      ],
      classes: [lvm('safe', { encryption: 'luks2' })],
    });
    ours.pvChanged({ name: 'old', driver: DRIVER, handle: 'old', node: 'n1', claimUid: 'uid-old' });
    expect(why(ours, ['data'], ['n1'])).toEqual([undefined]);
  });
});
