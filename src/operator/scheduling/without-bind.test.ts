import { expect, test } from 'vitest';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from '../../capacity/ledger-fixture.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import { GIB } from '../../model/bytes.ts';
import { present } from '../../model/present.ts';
import type { PodFacts } from '../../model/facts.ts';
import { parseOperatorConfig } from '../config.ts';

/**
 * What a pod holds while kube-scheduler binds it without a word to us (docs/decisions/0035): until its claims or its
 * object show the node, and for longer than kube-scheduler can take.
 */
const BIND_TIMEOUT_MS = 600_000; // bindTimeoutSeconds of kube-scheduler's VolumeBinding, by default
const { holdTtlMs } = parseOperatorConfig([], {});
const NODES = ['n1', 'n2'];
const SLOW = claim('slow', 1, { storageClass: 'of-another-driver' });

const inline = (name: string, claims: readonly string[] = []): PodFacts => {
  const { volumes, ...rest } = pod(name, claims);
  const attributes = { vgName: 'pool-0', size: '6Gi' };
  return { ...rest, volumes: [...volumes, { kind: 'inline', volumeName: 'scratch', attributes }] };
};

/** Two nodes with 10 GiB each, so that one pod of 6 GiB fits on a node. */
const cluster = (): Ledger =>
  ledgerWith(
    {
      nodes: NODES.map((name) => node(name, [group('pool-0', 10)])),
      classes: [{ name: 'of-another-driver', provisioner: 'other.example.org', parameters: {} }],
      claims: [SLOW, claim('a', 6), claim('b', 6)],
    },
    { holdTtlMs },
  );
const free = (ledger: Ledger): (number | undefined)[] => NODES.map((name) => freeIn(ledger, name, 'pool-0'));
const asked = (ledger: Ledger, one: PodFacts, nowMs = 0): string[] => {
  ledger.podChanged(one);
  return fitting(ledger, one, NODES, nowMs);
};

test('a claim: selected-node settles its room, which then is the claim’s and has no end', () => {
  const ledger = cluster();
  expect(asked(ledger, pod('p', ['a']))).toEqual(NODES);
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
  expect(free(ledger)).toEqual([gib(4), gib(10)]);
  ledger.expire(24 * 3_600_000);
  expect(asked(ledger, pod('q', ['b']), 24 * 3_600_000)).toEqual(['n2']);
  ledger.volumeChanged(volume('pvc-a', 'pool-0', 6, { claimUid: 'uid-a' }));
  ledger.podChanged(pod('p', ['a'], { nodeName: 'n1' }));
  ledger.podGone('uid-q');
  expect(free(ledger)).toEqual([gib(4), gib(10)]);
});

test('an inline volume: the pod’s object settles its room', () => {
  const ledger = cluster();
  expect(asked(ledger, inline('p'))).toEqual(NODES);
  ledger.podChanged({ ...inline('p'), nodeName: 'n2' });
  expect(free(ledger)).toEqual([gib(10), gib(4)]);
});

test('an inline volume keeps its room for as long as kube-scheduler may wait for the pod’s other claims', () => {
  const ledger = cluster();
  expect(asked(ledger, inline('p', ['slow']))).toEqual(NODES);
  ledger.claimChanged({ ...SLOW, selectedNode: 'n1' });
  ledger.expire(BIND_TIMEOUT_MS);
  expect(asked(ledger, inline('q'), BIND_TIMEOUT_MS)).toEqual([]);
  ledger.podChanged({ ...inline('p', ['slow']), nodeName: 'n1' });
  expect(asked(ledger, inline('q'), BIND_TIMEOUT_MS)).toEqual(['n2']);
});

test.each([
  { tells: 'its other claim', claims: ['slow'], nominatedNode: undefined },
  { tells: 'the nomination that kube-scheduler writes before a long wait', claims: [], nominatedNode: 'n1' },
])('another leader takes up an inline volume whose pod is being bound, by $tells', ({ claims, nominatedNode }) => {
  const ledger = cluster();
  ledger.podChanged({ ...inline('p', claims), ...present({ nominatedNode }) });
  ledger.podChanged(inline('new'));
  ledger.claimChanged({ ...SLOW, selectedNode: 'n1' });
  ledger.resume(0);
  expect(free(ledger)).toEqual([gib(4), gib(10)]);
  expect(asked(ledger, inline('q'))).toEqual(['n2']);
  ledger.podGone('uid-q');
  ledger.podChanged({ ...inline('p', claims), nodeName: 'n1' });
  expect(free(ledger)).toEqual([gib(4), gib(10)]);
});

test('another leader holds nothing for a pod whose claims are bound, nor twice for a claim that is', () => {
  const ledger = cluster();
  ledger.claimChanged({ ...SLOW, selectedNode: 'n1', bound: true, volumeName: 'pv-slow' });
  ledger.podChanged(inline('p', ['slow']));
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }));
  ledger.podChanged(pod('q', ['a']));
  ledger.resume(0);
  expect(free(ledger)).toEqual([gib(10), gib(4)]);
});

test('a pod that is bound after its time counts all the same, and nobody is promised its room from then on', () => {
  const ledger = cluster();
  asked(ledger, inline('p'));
  ledger.expire(holdTtlMs);
  expect(free(ledger)).toEqual([gib(10), gib(10)]);
  expect(asked(ledger, inline('q'), holdTtlMs)).toEqual(NODES);
  ledger.podChanged({ ...inline('q'), nodeName: 'n1' });
  ledger.podChanged({ ...inline('p'), nodeName: 'n1' });
  expect(free(ledger)).toEqual([-2 * GIB, gib(10)]);
  expect(asked(ledger, pod('r', ['a']), holdTtlMs)).toEqual(['n2']);
});
