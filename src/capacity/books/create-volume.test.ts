import { present } from '../../model/present.ts';
import { describe, expect, test } from 'vitest';
import { bytes, GIB, MIB, NO_BYTES } from '../../model/bytes.ts';
import { LUKS_HEADER } from '../../model/encryption.ts';
import { parseStorageClass } from '../../model/storage-class.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, unit, volume } from '../ledger-fixture.ts';

const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const pool0 = parseStorageClass({ volumeType: 'LVM', vgName: 'pool-0' });
const disk = parseStorageClass({ volumeType: 'Device', mediaType: 'ssd' });
const one = (size: number) => [node('n1', [group('pool-0', size)])];

describe('CreateVolume', () => {
  test('takes whole extents', () => {
    const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10, { extentSize: bytes(GIB) })])] });
    const answer = ledger.place({ name: 'v', size: bytes(GIB + 1), policy: anyGroup, nodes: ['n1'] }, 0);
    expect(answer).toEqual({ ok: true, placement: { kind: 'LVM', node: 'n1', vgName: 'pool-0', size: gib(2) } });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(8));
  });

  test('takes a unit whole', () => {
    const ledger = ledgerWith({ nodes: [node('n1', [], [unit('Device', '/dev/b', 5), unit('Device', '/dev/c', 9)])] });
    const place = (name: string) => ledger.place({ name, size: gib(2), policy: disk, nodes: ['n1'] }, 0);
    expect(place('v')).toEqual({ ok: true, placement: { kind: 'Device', node: 'n1', path: '/dev/b', size: gib(5) } });
    expect(place('w')).toMatchObject({ placement: { path: '/dev/c' } });
    expect(place('x')).toMatchObject({ ok: false, refusal: { kind: 'no-free-unit' } });
  });

  test('a hundred at once share what there is, and not more', () => {
    const ledger = ledgerWith({ nodes: one(10) });
    const answers = Array.from({ length: 100 }, (_, i) =>
      ledger.place({ name: `v${i}`, size: bytes(768 * MIB), policy: pool0, nodes: ['n1'] }, 0),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(13);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(256 * MIB);
  });

  test('takes the first node in order that has room', () => {
    const ledger = ledgerWith({
      nodes: [...one(1), node('n2', [group('pool-0', 10)]), node('n3', [group('pool-0', 20)])],
    });
    const place = (name: string, nodes?: string[]) => {
      const answer = ledger.place({ name, size: gib(2), policy: anyGroup, ...present({ nodes }) }, 0);
      return answer.ok ? answer.placement.node : answer.refusal.kind;
    };
    expect(place('a', ['n1', 'n3', 'n2'])).toBe('n3');
    expect(place('b', ['n2', 'n3'])).toBe('n2');
    expect(place('c', ['n1'])).toBe('group-too-small');
    expect(place('d', ['ghost'])).toBe('unknown-node');
    expect(place('e', [])).toBe('unknown-node');
  });

  test.each([
    ['binpack', 'n2'],
    ['spread', 'n3'],
  ] as const)('without a word on where, %s chooses %s', (strategy, want) => {
    const nodes = [...one(1), node('n2', [group('pool-0', 10)]), node('n3', [group('pool-0', 20)])];
    const ledger = ledgerWith({ nodes }, { strategy });
    expect(ledger.place({ name: 'v', size: gib(2), policy: anyGroup }, 0)).toMatchObject({ placement: { node: want } });
  });

  test('what may be anywhere is made on a node of the last only if no other has room', () => {
    const ledger = ledgerWith({ nodes: [...one(4), node('n2', [group('pool-0', 20)])] }, { strategy: 'spread' });
    const place = (name: string) => ledger.place({ name, size: gib(3), policy: anyGroup, last: new Set(['n2']) }, 0);
    expect(place('v')).toMatchObject({ placement: { node: 'n1' } });
    expect(place('w')).toMatchObject({ placement: { node: 'n2' } });
    expect(place('v')).toMatchObject({ placement: { node: 'n1' } });
  });

  test('goes where its pod was promised room, also when others take the rest', () => {
    const nodes = ['n1', 'n2'].map((name) => node(name, [group('pool-0', 10), group('pool-1', 4)]));
    const ledger = ledgerWith({ nodes, claims: [claim('a', 3), claim('b', 9)] });
    ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0);
    ledger.filter(pod('b', ['b']), ['n1', 'n2'], 0);
    expect(ledger.place({ name: 'other', size: gib(2), policy: anyGroup, nodes: ['n1'] }, 0)).toMatchObject({
      ok: false,
    });
    const mine = ledger.place({ name: 'v', claimUid: 'uid-a', size: gib(3), policy: anyGroup, nodes: ['n1', 'n2'] }, 0);
    expect(mine).toMatchObject({ placement: { node: 'n1', vgName: 'pool-1' } });
  });

  test('keeps to the planned group and node, though others look better by now', () => {
    const nodes = ['n1', 'n2'].map((name) => node(name, [group('pool-0', 10), group('pool-1', 4)]));
    const ledger = ledgerWith({ nodes, claims: [claim('a', 3)] });
    ledger.filter(pod('a', ['a']), ['n1'], 0);
    ledger.place({ name: 'other', size: gib(7), policy: pool0, nodes: ['n1'] }, 0);
    const mine = ledger.place({ name: 'v', claimUid: 'uid-a', size: gib(3), policy: anyGroup, nodes: ['n2', 'n1'] }, 0);
    expect(mine).toMatchObject({ placement: { node: 'n1', vgName: 'pool-1' } });
  });

  test('finds the room of a claim that was not seen yet by its name', () => {
    const ledger = ledgerWith({ nodes: one(3) });
    const volumes = [{ kind: 'ephemeral', claimName: 'p-v', storageClass: 'lvm', requested: gib(3) }] as const;
    ledger.filter(pod('p', [], { volumes }), ['n1'], 0);
    const ask = {
      name: 'v',
      claimUid: 'u',
      claim: { namespace: 'default', name: 'p-v' },
      size: gib(3),
      policy: anyGroup,
      nodes: ['n1'],
    };
    expect(ledger.place(ask, 0).ok).toBe(true);
    expect(ledger.holds()).toEqual({ floating: 0, settled: 0, claims: 0 });
  });

  test('counts a logical volume of its name that is there already', () => {
    const volumes = [{ name: 'v', size: gib(8) }];
    const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10, { volumes })])] });
    expect(ledger.place({ name: 'other', size: gib(8), policy: anyGroup, nodes: ['n1'] }, 0).ok).toBe(false);
    expect(ledger.place({ name: 'v', size: gib(8), policy: anyGroup, nodes: ['n1'] }, 0).ok).toBe(true);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(2));
  });

  test('refuses a volume of nothing', () => {
    const ledger = ledgerWith({ nodes: one(3) });
    expect(ledger.place({ name: 'v', size: NO_BYTES, policy: anyGroup, nodes: ['n1'] }, 0)).toMatchObject({
      ok: false,
      refusal: { kind: 'bad-request' },
    });
  });

  test('says when the room is only held by pods that may go elsewhere', () => {
    const ledger = ledgerWith({ nodes: [...one(10), node('n2', [group('pool-0', 10)])], claims: [claim('a', 8)] });
    ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0);
    const answer = ledger.place({ name: 'v', size: gib(8), policy: anyGroup, nodes: ['n1'] }, 0);
    expect(answer).toMatchObject({ ok: false, refusal: { kind: 'held-by-others' } });
  });
});

describe('an expected object', () => {
  const ask = { name: 'v', size: gib(6), policy: anyGroup, nodes: ['n1'] };
  const placed = () => {
    const ledger = ledgerWith({ nodes: one(10) });
    ledger.place(ask, 0);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    return ledger;
  };

  test('is the same when it is asked for again', () => {
    const ledger = placed();
    expect(ledger.place(ask, 1)).toEqual(ledger.place({ ...ask, nodes: ['elsewhere'] }, 2));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('is kept by the object', () => {
    const ledger = placed();
    ledger.volumeChanged(volume('v', 'pool-0', 6, { uid: 'first' }));
    ledger.expire(Infinity);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    ledger.volumeGone('v');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  test('is given up when the object could not be made, unless it is there', () => {
    const ledger = placed();
    ledger.unplace('v');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
    ledger.place(ask, 0);
    ledger.volumeChanged(volume('v', 'pool-0', 6));
    ledger.unplace('v');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('goes back to the claim that was sent there', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6, { selectedNode: 'n1' })] });
    ledger.place({ ...ask, claimUid: 'uid-a' }, 0);
    expect(ledger.holds().claims).toBe(0);
    ledger.unplace('v');
    expect(ledger.holds().claims).toBe(1);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('outlives late news of an earlier object of the name', () => {
    const ledger = ledgerWith({ nodes: one(10), volumes: [volume('v', 'pool-0', 6, { uid: 'first' })] });
    ledger.place(ask, 0);
    for (const tell of [
      () => ledger.volumeChanged(volume('v', 'pool-0', 6, { uid: 'first' })),
      () => ledger.volumeGone('v'),
      () => ledger.volumeChanged(volume('v', 'pool-0', 6, { uid: 'second' })),
    ]) {
      tell();
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    }
    ledger.volumeGone('v');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  test('is over when its object is not seen for longer than any watch may lag', () => {
    const ledger = placed();
    ledger.expire(14 * 60_000);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    ledger.expire(15 * 60_000);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });
});

describe('expansion', () => {
  const grown = () => ledgerWith({ nodes: one(10), volumes: [volume('v', 'pool-0', 4)] });

  test('takes the difference at once, in whole extents', () => {
    const ledger = grown();
    expect(ledger.grow('v', bytes(gib(6) + 1))).toEqual({ ok: true, size: gib(6) + 4 * MIB });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4) - 4 * MIB);
  });

  test('is refused when there is no room, and changes nothing', () => {
    const ledger = grown();
    expect(ledger.grow('v', gib(11))).toEqual({
      ok: false,
      refusal: {
        kind: 'group-too-small',
        message: 'not enough room in volume group pool-0 to grow to 11 GiB',
        unresolvable: true,
      },
    });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(6));
    expect(ledger.grow('v', gib(10)).ok).toBe(true);
  });

  test('does not take what others are promised', () => {
    const ledger = grown();
    ledger.claimChanged(claim('a', 3));
    ledger.filter(pod('a', ['a']), ['n1'], 0);
    expect(ledger.grow('v', gib(8)).ok).toBe(false);
    expect(ledger.grow('v', gib(7)).ok).toBe(true);
  });

  test('goes on in a cordoned group, to its end, where nothing new fits', () => {
    const cordoned = group('pool-0', 10, { reserved: gib(10), forGrowth: gib(9) });
    const ledger = ledgerWith({ nodes: [node('n1', [cordoned])], volumes: [volume('v', 'pool-0', 4)] });
    ledger.claimChanged(claim('a', 1));
    expect(fitting(ledger, pod('a', ['a']), ['n1'])).toEqual([]);
    expect(ledger.grow('v', gib(7))).toEqual({ ok: true, size: gib(7) });
    expect(ledger.grow('v', gib(10)).ok).toBe(false);
    expect(ledger.grow('v', gib(9)).ok).toBe(true);
  });

  test('is not taken back by news from before', () => {
    const ledger = grown();
    ledger.grow('v', gib(8));
    ledger.volumeChanged(volume('v', 'pool-0', 4));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(2));
    ledger.volumeChanged(volume('v', 'pool-0', 8));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(2));
  });

  test('is taken back when the object could not be changed', () => {
    const ledger = grown();
    ledger.grow('v', gib(8));
    ledger.shrinkTo('v', gib(4));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(6));
    ledger.grow('v', gib(6));
    ledger.grow('v', gib(8));
    ledger.shrinkTo('v', gib(6));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('never shrinks, and a retry takes nothing more', () => {
    const ledger = grown();
    expect(ledger.grow('v', gib(2))).toEqual({ ok: true, size: gib(4) });
    expect(ledger.grow('v', gib(6))).toEqual(ledger.grow('v', gib(6)));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('of a whole disk goes as far as the disk', () => {
    const ledger = ledgerWith({
      nodes: [node('n1', [], [unit('Device', '/dev/b', 5)])],
      volumes: [volume('v', '/dev/b', 2, { kind: 'Device' })],
    });
    expect(ledger.grow('v', gib(5))).toEqual({ ok: true, size: gib(5) });
    expect(ledger.grow('v', gib(6))).toMatchObject({ ok: false, refusal: { kind: 'group-too-small' } });
  });

  test('of what nobody knows is refused', () => {
    expect(grown().grow('x', gib(1))).toMatchObject({ ok: false, refusal: { message: 'the volume x is not known' } });
  });
});

describe('GetCapacity', () => {
  const nodes = [
    node('n1', [group('pool-0', 4), group('pool-1', 6)], [unit('Device', '/dev/b', 7, { usable: false })]),
    node('n2', [group('pool-0', 9)], [unit('Device', '/dev/b', 8), unit('Device', '/dev/c', 9, { mediaType: 'hdd' })]),
  ];
  const capacity = (largest: number, available: number, whole: number) => ({
    largest: gib(largest),
    available: gib(available),
    whole: gib(whole),
  });

  const luks = { ...anyGroup, encryption: 'luks2' } as const;
  const without = ({ largest, available, whole }: ReturnType<typeof capacity>) => ({
    largest: largest - LUKS_HEADER,
    available: available - 2 * LUKS_HEADER,
    whole: whole - LUKS_HEADER,
  });

  test.each([
    ['the groups of all nodes', anyGroup, undefined, capacity(9, 17, 9)],
    ['the groups of the node', anyGroup, 'n1', capacity(6, 8, 6)],
    ['that group', pool0, 'n1', capacity(2, 2, 4)],
    ['the disks of that medium', disk, undefined, capacity(8, 8, 8)],
    ['a disk that is not free', disk, 'n1', capacity(0, 0, 7)],
    ['encrypted volumes, without the header of each', luks, 'n1', without(capacity(6, 8, 6))],
    ['no such node', anyGroup, 'n9', capacity(0, 0, 0)],
  ])('%s', (_, policy, name, want) => {
    const ledger = ledgerWith({ nodes, volumes: [volume('v', 'pool-0', 2)] });
    expect(ledger.capacity(policy, name)).toEqual(want);
  });

  test('what is held for a pod counts as free: the pod may be the one that asks again', () => {
    const ledger = ledgerWith({ nodes, claims: [claim('c', 9)] });
    expect(fitting(ledger, pod('p', ['c']), ['n1', 'n2'])).toEqual(['n2']);
    expect(freeIn(ledger, 'n2', 'pool-0')).toBe(0);
    expect(ledger.capacity(anyGroup, 'n2')).toEqual(capacity(9, 9, 9));
  });

  test('a disk that a volume has is not free', () => {
    const ledger = ledgerWith({ nodes, volumes: [volume('v', '/dev/b', 8, { kind: 'Device', node: 'n2' })] });
    expect(ledger.capacity(disk, 'n2')).toEqual(capacity(0, 0, 8));
  });

  test('what is reserved is no room', () => {
    const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 4, { reserved: gib(1) })])] });
    expect(ledger.capacity(anyGroup, 'n1')).toEqual(capacity(3, 3, 3));
  });
});
