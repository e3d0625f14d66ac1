import { expect, test } from 'vitest';
import type { AskedVolume } from '../../capacity/needs/asked-volumes.ts';
import { claim, gib, lvm, pod } from '../../capacity/ledger-fixture.ts';
import type { ClaimFacts, ClassFacts, PodFacts } from '../../model/facts.ts';
import { hasNodeAndClaims, sayNamedNode, type KnownOfClaims } from './named-node.ts';

const ASKED: AskedVolume = { what: 'claim', name: 'a', size: gib(6), storageClass: 'lvm' };
const CLASS: ClassFacts = { ...lvm('lvm'), waitsForConsumer: true };
const AT_ONCE = lvm('lvm');
const named = pod('p', ['a'], { nodeName: 'n1' });

const told = (more: Partial<ClaimFacts> = {}, storageClass = CLASS, asking: PodFacts = named) => {
  const known: KnownOfClaims = {
    claim: (key) => (key === 'default/a' ? claim('a', 6, more) : undefined),
    storageClass: (name) => (name === 'lvm' ? storageClass : undefined),
    hostname: (node) => (node === 'n1' ? 'host-1' : undefined),
  };
  return sayNamedNode(asking, [{ ...ASKED, what: 'inline volume', name: 'scratch' }, ASKED], known);
};

test('a pod that has a node which nobody chose for its claim is told what helps', () => {
  expect(told()).toEqual({
    reason: 'ClaimNotReady',
    message:
      'Waits with claim a (6 GiB, class lvm). The pod has a node (spec.nodeName is n1), which it names itself, or got by an earlier claim of that name: so no scheduler chooses a node for the claim, and its class makes no volume before that (WaitForFirstConsumer). What helps: make the pod anew without spec.nodeName, as a controller does if its template has none; to have that node, with nodeSelector kubernetes.io/hostname: host-1.',
  });
  expect(told({}, CLASS, pod('p', ['a'], { nodeName: 'n2' }))?.message).toMatch(/kubernetes\.io\/hostname: n2\.$/);
});

test.each<[string, Partial<ClaimFacts>, ClassFacts?]>([
  ['is bound', { bound: true }],
  ['names its volume', { volumeName: 'pv-1' }],
  ['has its node', { selectedNode: 'n1' }],
  ['is being deleted', { deleting: true }],
  ['has a class that makes volumes at once', {}, AT_ONCE],
])('nothing is said of a claim that %s', (_, more, storageClass) => {
  expect(told(more, storageClass)).toBeUndefined();
});

test.each<[string, PodFacts, boolean]>([
  ['names its node', named, true],
  ['has none', pod('p', ['a']), false],
  ['has ended', { ...named, finished: true }, false],
  ['has inline volumes alone', { ...named, volumes: [{ kind: 'inline', volumeName: 'x', attributes: {} }] }, false],
])('whether a pod that %s may wait so', (_, asking, may) => {
  expect(hasNodeAndClaims(asking)).toBe(may);
});
