import { describe, expect, test } from 'vitest';
import type { PodFacts } from '../model/facts.ts';
import { parseStorageClass } from '../model/storage-class.ts';
import type { Ledger } from './ledger.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from './ledger-fixture.ts';

const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const nodes = (...sizes: number[]) => sizes.map((size, i) => node(`n${i + 1}`, [group('pool-0', size)]));
const free = (ledger: Ledger) => ['n1', 'n2'].map((name) => freeIn(ledger, name, 'pool-0'));
const NOTHING = { floating: 0, settled: 0, claims: 0 };

/** Pod `a` with a claim of 6 GiB was offered both nodes of 10. */
function floating(more: Partial<PodFacts> = {}) {
  const ledger = ledgerWith({ nodes: nodes(10, 10), claims: [claim('a', 6), claim('b', 6)] });
  expect(fitting(ledger, pod('a', ['a'], more), ['n1', 'n2'])).toEqual(['n1', 'n2']);
  expect(free(ledger)).toEqual([gib(4), gib(4)]);
  return ledger;
}

describe('a hold settles on one node', () => {
  test.each<[string, (ledger: Ledger) => unknown]>([
    ['by the selected-node of its claim', (ledger) => ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }))],
    ['by nominatedNodeName', (ledger) => ledger.podChanged(pod('a', ['a'], { nominatedNode: 'n2' }))],
    ['by spec.nodeName', (ledger) => ledger.podChanged(pod('a', ['a'], { nodeName: 'n2' }))],
    ['by the bind verb', (ledger) => expect(ledger.bind('uid-a', 'n2', 0)).toBeUndefined()],
    [
      'by where CreateVolume may go',
      (ledger) => ledger.place({ name: 'v', claimUid: 'uid-a', size: gib(6), policy: anyGroup, nodes: ['n2'] }, 0),
    ],
  ])('%s', (_, settle) => {
    const ledger = floating();
    settle(ledger);
    expect(free(ledger)).toEqual([gib(10), gib(4)]);
    expect(fitting(ledger, pod('b', ['b']), ['n1', 'n2'])).toEqual(['n1']);
  });

  test('at once when only one node is offered', () => {
    const ledger = ledgerWith({ nodes: nodes(10, 5), claims: [claim('a', 6)] });
    fitting(ledger, pod('a', ['a']), ['n1', 'n2']);
    expect(ledger.holds()).toEqual({ floating: 0, settled: 1, claims: 0 });
  });

  test('a nomination for a node that was not offered changes nothing', () => {
    const ledger = floating();
    ledger.podChanged(pod('a', ['a'], { nominatedNode: 'n9' }));
    expect(free(ledger)).toEqual([gib(4), gib(4)]);
  });

  test('a nomination that filter was asked with is older than its answer, and changes nothing', () => {
    const ledger = floating({ nominatedNode: 'n2' });
    ledger.podChanged(pod('a', ['a'], { nominatedNode: 'n2' }));
    expect(free(ledger)).toEqual([gib(4), gib(4)]);
    ledger.podChanged(pod('a', ['a'], { nominatedNode: 'n1' }));
    expect(free(ledger)).toEqual([gib(4), gib(10)]);
  });

  test('the volumes that are still open go where the first was sent', () => {
    const ledger = ledgerWith({ nodes: nodes(10, 10), claims: [claim('a', 3), claim('b', 4)] });
    ledger.filter(pod('p', ['a', 'b']), ['n1', 'n2'], 0);
    ledger.claimChanged(claim('a', 3, { selectedNode: 'n1' }));
    expect(free(ledger)).toEqual([gib(3), gib(10)]);
    expect(ledger.holds()).toEqual({ floating: 0, settled: 1, claims: 1 });
  });

  test('sent to a node that was never offered, it is planned there if there is room', () => {
    const ledger = ledgerWith({ nodes: nodes(10, 10), claims: [claim('a', 6), claim('b', 3)] });
    ledger.filter(pod('p', ['a', 'b']), ['n1'], 0);
    ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }));
    expect(free(ledger)).toEqual([gib(10), gib(1)]);
  });
});

describe('a hold ends', () => {
  test.each<[string, (ledger: Ledger) => unknown]>([
    ['when its pod is gone', (ledger) => ledger.podGone('uid-a')],
    ['when its pod has ended', (ledger) => ledger.podChanged(pod('a', ['a'], { finished: true }))],
    ['when its claim is gone', (ledger) => ledger.claimGone('uid-a')],
    ['when its claim is replaced under its name', (ledger) => ledger.claimChanged(claim('a', 6, { uid: 'second' }))],
    ['when its time is over', (ledger) => expect(ledger.expire(60_000).pods).toEqual(['uid-a'])],
    [
      'when its claim is bound to a volume of another driver',
      (ledger) => {
        ledger.pvChanged({ name: 'pv', driver: 'nfs.example', handle: 'x', claimUid: 'uid-a' });
        ledger.claimChanged(claim('a', 6, { volumeName: 'pv', bound: true }));
      },
    ],
  ])('%s', (_, end) => {
    const ledger = floating();
    const before = ledger.freedCount;
    end(ledger);
    expect(free(ledger)).toEqual([gib(10), gib(10)]);
    expect(ledger.holds()).toEqual(NOTHING);
    expect(ledger.freedCount).toBeGreaterThan(before);
  });

  test('not before its time', () => {
    const ledger = floating();
    expect(ledger.expire(59_999).pods).toEqual([]);
    expect(free(ledger)).toEqual([gib(4), gib(4)]);
  });

  test('and a new one takes its place when the pod is filtered again', () => {
    const ledger = floating();
    ledger.filter(pod('a', ['a']), ['n2'], 0);
    expect(free(ledger)).toEqual([gib(10), gib(4)]);
    ledger.filter(pod('a', ['a']), ['n9'], 0);
    expect(free(ledger)).toEqual([gib(10), gib(10)]);
  });

  test('claim by claim, as each is recorded', () => {
    const ledger = ledgerWith({ nodes: nodes(10), claims: [claim('a', 3), claim('b', 4)] });
    ledger.filter(pod('p', ['a', 'b']), ['n1'], 0);
    ledger.volumeChanged(volume('pvc-a', 'pool-0', 3, { claimUid: 'uid-a' }));
    expect(ledger.node('n1')?.groups[0]).toMatchObject({ recorded: gib(3), settled: gib(4), free: gib(3) });
    ledger.volumeChanged(volume('pvc-b', 'pool-0', 4, { claimUid: 'uid-b' }));
    expect(ledger.node('n1')?.groups[0]).toMatchObject({ recorded: gib(7), settled: 0, free: gib(3) });
  });

  test('a claim that two pods share is held for both, and for none once it is recorded', () => {
    const ledger = ledgerWith({ nodes: nodes(20), claims: [claim('a', 6)] });
    ledger.filter(pod('p', ['a']), ['n1'], 0);
    ledger.filter(pod('q', ['a']), ['n1'], 0);
    ledger.podGone('uid-p');
    expect(free(ledger)[0]).toBe(gib(14));
    ledger.volumeChanged(volume('pvc-a', 'pool-0', 6, { claimUid: 'uid-a' }));
    expect(ledger.holds()).toEqual(NOTHING);
    expect(free(ledger)[0]).toBe(gib(14));
  });
});

test('what is held for a pod’s ephemeral volume is held for another pod that uses its claim, too', () => {
  const ledger = ledgerWith({ nodes: nodes(10, 10) });
  const ephemeral = { kind: 'ephemeral', claimName: 'p-tmp', storageClass: 'lvm', requested: gib(6) } as const;
  ledger.filter(pod('p', [], { volumes: [ephemeral] }), ['n1', 'n2'], 0);
  ledger.claimChanged(claim('p-tmp', 6, { ofPod: 'uid-p' }));
  expect(fitting(ledger, pod('q', ['p-tmp']), ['n1', 'n2'])).toEqual(['n1', 'n2']);
  expect(free(ledger)).toEqual([gib(4), gib(4)]);
});

describe('what is observed, recorded and held counts once', () => {
  test('from filter to bound to gone', () => {
    const ledger = floating();
    ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }));
    const ask = {
      name: 'pvc-a',
      claim: { namespace: 'default', name: 'a' },
      size: gib(6),
      policy: anyGroup,
      nodes: ['n2'],
    };
    expect(ledger.place(ask, 0)).toEqual({
      ok: true,
      placement: { kind: 'LVM', node: 'n2', vgName: 'pool-0', size: gib(6) },
    });
    const stages: (() => void)[] = [
      () => ledger.volumeChanged(volume('pvc-a', 'pool-0', 6, { node: 'n2', claimUid: 'uid-a' })),
      () => ledger.nodeChanged(node('n2', [group('pool-0', 10, { volumes: [{ name: 'pvc-a', size: gib(6) }] })])),
      () => ledger.claimChanged(claim('a', 6, { selectedNode: 'n2', volumeName: 'pvc-a', bound: true })),
      () => ledger.podChanged(pod('a', ['a'], { nodeName: 'n2' })),
      () => ledger.podGone('uid-a'),
      () => ledger.claimGone('uid-a'),
      () => ledger.volumeGone('pvc-a'),
    ];
    for (const stage of stages) {
      stage();
      expect(free(ledger)).toEqual([gib(10), gib(4)]);
    }
    ledger.nodeChanged(node('n2', [group('pool-0', 10)]));
    expect(free(ledger)).toEqual([gib(10), gib(10)]);
    expect(ledger.holds()).toEqual(NOTHING);
  });

  test('the larger of what is recorded and what the node has seen', () => {
    const ledger = ledgerWith({
      nodes: [node('n1', [group('pool-0', 20, { volumes: [{ name: 'v', size: gib(5) }] })])],
      volumes: [volume('v', 'pool-0', 3)],
    });
    expect(free(ledger)[0]).toBe(gib(15));
    ledger.volumeChanged(volume('v', 'pool-0', 8));
    expect(free(ledger)[0]).toBe(gib(12));
  });

  test('reservations, strangers’ volumes and what no volume shows are not free', () => {
    const facts = group('pool-0', 20, {
      volumes: [{ name: 'root', size: gib(5) }],
      available: gib(12),
      reserved: gib(4),
    });
    const ledger = ledgerWith({ nodes: [node('n1', [facts])] });
    expect(ledger.node('n1')?.groups[0]).toMatchObject({
      observed: gib(5),
      unattributed: gib(3),
      reserved: gib(4),
      free: gib(8),
    });
  });

  test('a volume of old times is recorded by its PersistentVolume, until a LocalVolume does it', () => {
    const takes = { kind: 'LVM', where: 'pool-0', size: gib(6) } as const;
    const pv = { name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n1', claimUid: 'uid-a', takes };
    const ledger = ledgerWith({ nodes: nodes(10) });
    ledger.pvChanged(pv);
    expect(free(ledger)[0]).toBe(gib(4));
    ledger.volumeChanged(volume('pv', 'pool-0', 6, { claimUid: 'uid-a' }));
    expect(free(ledger)[0]).toBe(gib(4));
    ledger.volumeGone('pv');
    ledger.pvGone('pv');
    expect(free(ledger)[0]).toBe(gib(10));
  });

  test('two disks that a restart finds on one path are both told', () => {
    const ledger = ledgerWith({
      nodes: [node('n1', [], [{ kind: 'Device', path: '/dev/b', size: gib(5), usable: false }])],
    });
    ledger.volumeChanged(volume('x', '/dev/b', 5, { kind: 'Device' }));
    ledger.volumeChanged(volume('y', '/dev/b', 5, { kind: 'Device' }));
    expect(ledger.node('n1')?.units[0]?.takenBy).toEqual(['x', 'y']);
  });
});

test('bind refuses what was never offered and does not fit, and a pod that nobody knows', () => {
  const ledger = floating();
  ledger.podChanged(pod('b', ['b']));
  expect(ledger.bind('uid-b', 'n1', 0)?.kind).toBe('held-by-others');
  expect(ledger.bind('uid-x', 'n1', 0)?.kind).toBe('bad-request');
  ledger.podGone('uid-a');
  expect(ledger.bind('uid-b', 'n1', 0)).toBeUndefined();
  expect(free(ledger)).toEqual([gib(4), gib(10)]);
});

test('bind refuses a pod whose room died with a disk', () => {
  const ledger = floating();
  ledger.podChanged(pod('a', ['a']));
  ledger.nodeChanged(node('n1', [group('pool-0', 5)]));
  expect(ledger.bind('uid-a', 'n1', 0)?.kind).toBe('group-too-small');
});

test('bind keeps room for a claim whose volume was placed and given up', () => {
  const ledger = ledgerWith({ nodes: nodes(10), claims: [claim('a', 3), claim('b', 4)], pods: [pod('p', ['a', 'b'])] });
  ledger.filter(pod('p', ['a', 'b']), ['n1'], 0);
  ledger.place({ name: 'v', claimUid: 'uid-a', size: gib(3), policy: anyGroup, nodes: ['n1'] }, 0);
  ledger.unplace('v');
  expect(free(ledger)[0]).toBe(gib(6));
  expect(ledger.bind('uid-p', 'n1', 0)).toBeUndefined();
  expect(free(ledger)[0]).toBe(gib(3));
});

test('bind refuses a pod whose volume went elsewhere', () => {
  const ledger = ledgerWith({ nodes: nodes(10, 10), claims: [claim('a', 3)], pods: [pod('p', ['a'])] });
  ledger.filter(pod('p', ['a']), ['n1'], 0);
  ledger.claimChanged(claim('a', 3, { selectedNode: 'n2' }));
  expect(ledger.bind('uid-p', 'n1', 0)?.kind).toBe('wrong-node');
});

test('a listener hears of freed room once per step, and not any more when it has had enough', () => {
  const ledger = floating();
  const heard: number[] = [];
  const stop = ledger.onFreed(() => heard.push(ledger.holds().floating));
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }));
  ledger.podChanged(pod('z', []));
  expect(heard).toEqual([0]);
  stop();
  ledger.claimGone('uid-a');
  expect(heard).toHaveLength(1);
});

describe('who waits for room is told', () => {
  const takes = { kind: 'LVM', where: 'pool-0', size: gib(1) } as const;
  const pv = { name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n1', takes };
  const news = (tell: (ledger: Ledger) => void): number => {
    const ledger = ledgerWith({ nodes: nodes(10), claims: [claim('a', 6)] });
    ledger.pvChanged(pv);
    const before = ledger.freedCount;
    tell(ledger);
    return ledger.freedCount - before;
  };

  test.each<[string, (ledger: Ledger) => void]>([
    ['a claim comes', (ledger) => ledger.claimChanged(claim('b', 6))],
    [
      'a snapshot that claims are made from comes',
      (ledger) => ledger.sourceChanged({ namespace: 'default', name: 'monday', node: 'n1', readOnly: true }),
    ],
  ])('when %s', (_, tell) => {
    expect(news(tell)).toBe(1);
  });

  test.each<[string, (ledger: Ledger) => void]>([
    ['a claim', (ledger) => ledger.claimChanged(claim('a', 6))],
    ['a PersistentVolume', (ledger) => ledger.pvChanged(pv)],
  ])('not when %s is told again', (_, tell) => {
    expect(news(tell)).toBe(0);
  });
});

test('a node that is gone and of which nothing is promised is forgotten', () => {
  const ledger = floating();
  ledger.nodeGone('n1');
  expect(ledger.snapshot().map(({ name }) => name)).toEqual(['n1', 'n2']);
  expect(fitting(ledger, pod('b', ['b']), ['n1', 'n2'])).toEqual([]);
  ledger.expire(60_000);
  expect(ledger.snapshot().map(({ name }) => name)).toEqual(['n2']);
});
