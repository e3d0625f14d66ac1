import { describe, expect, test } from 'vitest';
import {
  claim,
  fitting,
  freeIn,
  gib,
  group,
  ledgerWith,
  lvm,
  node,
  pod,
  unit,
  volume,
} from '../../src/capacity/ledger-fixture.ts';
import type { Ledger } from '../../src/capacity/ledger.ts';
import { GIB } from '../../src/model/bytes.ts';
import type { PodFacts } from '../../src/model/facts.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { parseStorageClass } from '../../src/model/storage-class.ts';

/**
 * The rules of docs/ledger.md by number and name, each against a race or an accounting error that open-local's extender
 * has: each test fails on that behaviour. R2, heard all first, is the operator's (src/operator/run.test.ts).
 */

const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const pool0 = parseStorageClass({ volumeType: 'LVM', vgName: 'pool-0' });
const one = (size: number) => [node('n1', [group('pool-0', size)])];
const inline = (name: string, size: string, more: Partial<PodFacts> = {}): PodFacts =>
  pod(name, [], { volumes: [{ kind: 'inline', volumeName: 'v', attributes: { vgName: 'pool-0', size } }], ...more });

test('R1, adds up: whoever looks, at whatever moment, sees numbers that add up', () => {
  const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6)] });
  const look = () => {
    for (const { total, reserved, taken, unattributed, settled, floating, free } of ledger.node('n1')?.groups ?? []) {
      expect(total - reserved - taken - unattributed - settled - floating).toBe(free);
    }
  };
  let looks = 0;
  ledger.onFreed(() => {
    look();
    looks += 1;
  });
  ledger.filter(pod('p', ['a']), ['n1'], 0);
  ledger.place({ name: 'v', claimUid: 'uid-a', size: gib(6), policy: anyGroup, nodes: ['n1'] }, 0);
  ledger.volumeChanged(volume('v', 'pool-0', 6));
  ledger.nodeChanged(node('n1', [group('pool-0', 10, { volumes: [{ name: 'v', size: gib(6) }] })]));
  ledger.volumeGone('v');
  for (const again of one(10)) ledger.nodeChanged(again);
  expect(looks).toBeGreaterThan(1);
});

describe('R3, filter reserves', () => {
  test('two pods for the last room: one is sent there, the other is told', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6), claim('b', 6)] });
    expect(fitting(ledger, pod('a', ['a']), ['n1'])).toEqual(['n1']);
    expect(ledger.filter(pod('b', ['b']), ['n1'], 0).refusals[0]?.message).toBe(
      'not enough room for 6 GiB in any volume group',
    );
  });

  test('a shortage in CreateVolume is a shortage, not an error', () => {
    const ledger = ledgerWith({ nodes: one(1) });
    expect(ledger.place({ name: 'v', size: gib(6), policy: anyGroup, nodes: ['n1'] }, 0)).toMatchObject({
      ok: false,
      refusal: { kind: 'group-too-small' },
    });
  });
});

test('R4, uid, not name: a claim deleted and created again under the same name is counted again', () => {
  const ledger = ledgerWith({ nodes: one(20), claims: [claim('data', 6, { uid: 'first' })] });
  const make = (uid: string) => {
    ledger.claimChanged(claim('data', 6, { uid, selectedNode: 'n1' }));
    ledger.place({ name: `pvc-${uid}`, claimUid: uid, size: gib(6), policy: anyGroup, nodes: ['n1'] }, 0);
    ledger.volumeChanged(volume(`pvc-${uid}`, 'pool-0', 6, { claimUid: uid }));
    ledger.claimChanged(claim('data', 6, { uid, selectedNode: 'n1', volumeName: `pvc-${uid}`, bound: true }));
  };
  make('first');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(14));
  // The watch was down: nobody says that the first is gone.
  make('second');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(8));
  ledger.claimGone('first');
  ledger.volumeGone('pvc-first');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(14));
  expect(fitting(ledger, pod('p', ['data']), ['n1', 'n2'])).toEqual(['n1']);
});

test('R5, every hold ends: room for a claim that never becomes a volume comes back by itself', () => {
  const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6)] });
  ledger.filter(pod('p', ['a']), ['n1'], 0);
  ledger.expire(60_000);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  ledger.claimGone('uid-a');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
});

test('R5, every hold ends: a claim that is deleted gives its room back', () => {
  const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6, { selectedNode: 'n1' })] });
  ledger.claimGone('uid-a');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
});

test('R6, all or nothing: disks of 5 and 20 GiB do not serve two claims of 10', () => {
  const classes = [lvm('disk', { volumeType: 'Device' })];
  const nodes = [node('n1', [], [unit('Device', '/dev/b', 5), unit('Device', '/dev/c', 20)])];
  const claims = ['a', 'b'].map((name) => claim(name, 10, { storageClass: 'disk' }));
  const ledger = ledgerWith({ nodes, classes, claims });
  const { refusals } = ledger.filter(pod('p', ['a', 'b']), ['n1'], 0);
  expect(refusals[0]?.message).toBe('not enough room for 2 volumes together (10 GiB, 10 GiB)');
  expect(ledger.node('n1')?.units.map(({ held }) => held)).toEqual([0, 0]);
});

test('R6, all or nothing: one wrong claim is told, and hides none of the others', () => {
  const ledger = ledgerWith({
    nodes: one(10),
    classes: [lvm('tape', { volumeType: 'Tape' })],
    claims: [claim('a', 6), claim('wrong', 1, { storageClass: 'tape' })],
  });
  const [refusal] = ledger.filter(pod('p', ['a', 'wrong']), ['n1'], 0).refusals;
  expect(refusal).toMatchObject({ kind: 'bad-class', message: expect.stringContaining('"Tape"') as string });
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
});

describe.each(['binpack', 'spread'] as const)('R7, planned together, with %s', (strategy) => {
  test('several claims of a pod do not all count on the same room', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6), claim('b', 6)] }, { strategy });
    expect(fitting(ledger, pod('p', ['a', 'b']), ['n1'])).toEqual([]);
  });

  test('nor do an inline volume and a claim', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6)] }, { strategy });
    const asking = pod('p', [], {
      volumes: [
        { kind: 'claim', claimName: 'a' },
        { kind: 'inline', volumeName: 'v', attributes: { vgName: 'pool-0', size: '6Gi' } },
      ],
    });
    expect(fitting(ledger, asking, ['n1'])).toEqual([]);
  });
});

describe('R8, inline from binding: inline volumes', () => {
  const name = inlineVolumeId('uid-p', 'v');
  /** The LocalVolume of the pod's volume comes and goes. */
  function made(ledger: Ledger): void {
    ledger.volumeChanged(volume(name, 'pool-0', 6, { podUid: 'uid-p' }));
    ledger.volumeGone(name);
  }

  test('count before they run, and once while the node reports again and again', () => {
    const ledger = ledgerWith({ nodes: one(10) });
    ledger.filter(inline('p', '6Gi'), ['n1'], 0);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    const bound = inline('p', '6Gi', { nodeName: 'n1' });
    for (let i = 0; i < 3; i += 1) {
      ledger.podChanged(bound);
      for (const again of one(10)) ledger.nodeChanged(again);
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    }
    ledger.expire(Infinity);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('are counted with their logical volume as one, and go with the pod', () => {
    const ledger = ledgerWith({ nodes: one(10), pods: [inline('p', '6Gi', { nodeName: 'n1' })] });
    for (const tell of [
      () => ledger.nodeChanged(node('n1', [group('pool-0', 10, { volumes: [{ name, size: gib(6) }] })])),
      () => ledger.volumeChanged(volume(name, 'pool-0', 6, { podUid: 'uid-p' })),
      () => ledger.podGone('uid-p'),
      () => ledger.volumeGone(name),
    ]) {
      tell();
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    }
    ledger.nodeChanged(node('n1', [group('pool-0', 10)]));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  test('in a group that the node does not have take no room from nowhere', () => {
    const ledger = ledgerWith({
      nodes: [node('n1', [group('other', 10)])],
      pods: [inline('p', '6Gi', { nodeName: 'n1' })],
    });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(-6 * GIB);
    ledger.nodeChanged(node('n1', [group('other', 10), group('pool-0', 10)]));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    made(ledger);
    ledger.podGone('uid-p');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  test('are given back whatever the pod’s other claims are', () => {
    const volumes = [...inline('p', '6Gi').volumes, { kind: 'claim', claimName: 'gone' } as const];
    const ledger = ledgerWith({ nodes: one(10), pods: [pod('p', [], { volumes, nodeName: 'n1' })] });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    made(ledger);
    ledger.podChanged(pod('p', [], { volumes, nodeName: 'n1', finished: true }));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  describe('keep their room when the end of the pod is heard before the volume that its node made', () => {
    const running = inline('p', '6Gi', { nodeName: 'n1' });
    test.each<[string, (ledger: Ledger) => void]>([
      ['it ended', (ledger) => ledger.podChanged({ ...running, finished: true })],
      ['it was deleted', (ledger) => ledger.podGone('uid-p')],
      ['another took its name', (ledger) => ledger.podChanged(inline('p', '6Gi', { uid: 'next' }))],
    ])('%s', (_, end) => {
      const ledger = ledgerWith({ nodes: one(10), pods: [running] });
      end(ledger);
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
      ledger.volumeChanged(volume(name, 'pool-0', 6, { podUid: 'uid-p' }));
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
      ledger.volumeGone(name);
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
    });

    test('its binding is heard with its end', () => {
      const ledger = ledgerWith({ nodes: one(10), pods: [inline('p', '6Gi')] });
      ledger.podChanged({ ...running, finished: true });
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    });

    test('for a minute, when no volume comes', () => {
      const ledger = ledgerWith({ nodes: one(10), pods: [running] });
      ledger.podGone('uid-p');
      for (const now of [5_000, 64_999]) {
        ledger.expire(now);
        expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
      }
      ledger.expire(65_000);
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
    });

    test('but a pod that had ended before we heard of it keeps nothing', () => {
      const ledger = ledgerWith({ nodes: one(10), pods: [{ ...running, finished: true }] });
      expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
    });
  });
});

describe('R9, not ours, no cost', () => {
  test.each([
    ['a class that was deleted', 'gone'],
    ['no class', undefined],
    ['the empty class of static volumes', ''],
    ['another driver', 'nfs'],
  ])('%s costs the pod nothing', (_, storageClass) => {
    const { storageClass: __, ...bare } = claim('other', 5);
    const other = storageClass === undefined ? bare : { ...bare, storageClass };
    const classes = [{ name: 'nfs', provisioner: 'nfs.example', parameters: { volumeType: 'Tape' } }];
    const ledger = ledgerWith({ nodes: one(10), classes, claims: [claim('ours', 6), other] });
    expect(ledger.concerns(pod('q', ['other']))).toBe(false);
    expect(fitting(ledger, pod('p', ['ours', 'other']), ['n1', 'n2'])).toEqual(['n1']);
  });

  test('a node without storage is unfit, and not the end of the call', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6)] });
    expect(fitting(ledger, pod('p', ['a']), ['bare', 'n1'])).toEqual(['n1']);
  });
});

test('R10, roomless follows its source: a pod of nothing but read-only snapshots fits where they are', () => {
  const source = { kind: 'VolumeSnapshot', name: 'monday' } as const;
  const nodes = [...one(1), node('n2', [group('pool-0', 1)])];
  const ledger = ledgerWith({ nodes, claims: [claim('copy', 50, { storageClass: 'pool-0', source })] });
  ledger.sourceChanged({ namespace: 'default', name: 'monday', node: 'n2', readOnly: true });
  expect(fitting(ledger, pod('p', ['copy']), ['n1', 'n2'])).toEqual(['n2']);
});

test('R11, every class reserves: one with vgName like any other', () => {
  const ledger = ledgerWith({ nodes: one(10), claims: [claim('b', 6, { storageClass: 'pool-0' })] });
  expect(ledger.place({ name: 'v', size: gib(6), policy: pool0, nodes: ['n1'] }, 0).ok).toBe(true);
  expect(ledger.place({ name: 'w', size: gib(6), policy: pool0, nodes: ['n1'] }, 0).ok).toBe(false);
  expect(fitting(ledger, pod('p', ['b']), ['n1'])).toEqual([]);
});

test('R12, told again, counted once: a volume that is told again is not added again', () => {
  const takes = { kind: 'LVM', where: 'pool-0', size: gib(6) } as const;
  const ledger = ledgerWith({ nodes: one(10) });
  for (let i = 0; i < 3; i += 1) {
    ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n1', takes });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  }
});

test('R13, no volumes, no opinion: a pod without volumes scores the same on nodes with storage and without', () => {
  const ledger = ledgerWith({ nodes: one(10) });
  expect([...ledger.prioritize(pod('p', []), ['n1', 'bare'])]).toEqual([0, 0]);
});

describe('R14, unseen is not free', () => {
  test('a node whose NodeLocalStorage is deleted is no place any more', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6)] });
    ledger.nodeGone('n1');
    expect(fitting(ledger, pod('p', ['a']), ['n1'])).toEqual([]);
  });

  test('a group that leaves the list and comes back still has what was promised in it', () => {
    const ledger = ledgerWith({
      nodes: one(20),
      claims: [claim('a', 3, { selectedNode: 'n1' })],
      pods: [inline('q', '4Gi', { nodeName: 'n1' })],
    });
    ledger.place({ name: 'v', size: gib(5), policy: anyGroup, nodes: ['n1'] }, 0);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(8));
    ledger.nodeChanged(node('n1', []));
    for (const again of one(20)) ledger.nodeChanged(again);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(8));
  });

  test('a disk that is left out of one report is still taken in the next', () => {
    const disk = unit('Device', '/dev/b', 5);
    const classes = [lvm('disk', { volumeType: 'Device' })];
    const claims = ['a', 'b'].map((name) => claim(name, 5, { storageClass: 'disk' }));
    const ledger = ledgerWith({ nodes: [node('n1', [], [disk])], classes, claims });
    ledger.claimChanged(claim('a', 5, { storageClass: 'disk', selectedNode: 'n1' }));
    ledger.nodeChanged(node('n1', []));
    ledger.nodeChanged(node('n1', [], [disk]));
    expect(fitting(ledger, pod('q', ['b']), ['n1'])).toEqual([]);
  });
});

describe('R15, one claim counts once: a claim that two pods share', () => {
  test('outlives either of them', () => {
    const ledger = ledgerWith({ nodes: one(10), claims: [claim('a', 6)] });
    ledger.filter(pod('p', ['a']), ['n1'], 0);
    ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
    ledger.podChanged(pod('q', ['a']));
    ledger.podGone('uid-p');
    ledger.podGone('uid-q');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  const NAMES = ['n1', 'n2'];
  const free = (ledger: Ledger) => NAMES.map((name) => freeIn(ledger, name, 'pool-0'));
  /** Pods p and q use the claim of 6 GiB; both nodes have room for one of it. */
  function shared(): Ledger {
    const nodes = NAMES.map((name) => node(name, [group('pool-0', 10)]));
    const ledger = ledgerWith({ nodes, claims: [claim('a', 6), claim('b', 3), claim('c', 5)] });
    expect(fitting(ledger, pod('p', ['a']), NAMES)).toEqual(NAMES);
    expect(fitting(ledger, pod('q', ['a', 'b']), NAMES)).toEqual(NAMES);
    expect(free(ledger)).toEqual([gib(1), gib(1)]);
    return ledger;
  }

  test.each<[string, (ledger: Ledger) => unknown, readonly number[]]>([
    ['the first goes', (ledger) => ledger.podGone('uid-p'), [1, 1]],
    ['the second goes', (ledger) => ledger.podGone('uid-q'), [4, 4]],
    ['both go', (ledger) => (ledger.podGone('uid-p'), ledger.podGone('uid-q')), [10, 10]],
    ['the first is asked about again', (ledger) => fitting(ledger, pod('p', ['a']), NAMES), [1, 1]],
    ['the second is bound', (ledger) => ledger.bind('uid-q', 'n2', 0), [4, 1]],
    ['the claim is sent to a node', (ledger) => ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' })), [10, 1]],
  ])('takes its room once when %s', (_, happen, want) => {
    const ledger = shared();
    happen(ledger);
    expect(free(ledger)).toEqual(want.map(gib));
  });

  test('is there for the second when the first settles elsewhere', () => {
    const ledger = shared();
    ledger.bind('uid-p', 'n1', 0);
    expect(free(ledger)).toEqual([gib(1), gib(1)]);
    expect(fitting(ledger, pod('r', ['c']), NAMES)).toEqual([]);
  });

  test('leads the second to where the first can go', () => {
    const nodes = [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 30)])];
    const ledger = ledgerWith({ nodes, claims: [claim('a', 6)] });
    fitting(ledger, pod('p', ['a']), ['n1']);
    expect(fitting(ledger, pod('q', ['a']), NAMES)).toEqual(['n1']);
    expect(ledger.filter(pod('q', ['a']), ['n2'], 0).refusals[0]?.message).toBe(
      'the room for a claim that another pod uses too is held on other nodes',
    );
  });
});
