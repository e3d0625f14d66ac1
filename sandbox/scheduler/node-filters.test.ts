import { expect, test } from 'vitest';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { SELECTED_NODE } from '../../src/model/well-known.ts';
import type { PodClaims } from '../controllers/pod-claims.ts';
import { rejectionOf } from './node-filters.ts';

const node = (spec: Node['spec'] = {}): Node => ({
  metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'node-1', disk: 'ssd' } },
  spec,
});
const pod = (nodeSelector: Record<string, string> = {}): Pod => ({ metadata: { name: 'p' }, spec: { nodeSelector } });
const volumeOn = (operator: string, ...values: string[]): PersistentVolume => ({
  metadata: { name: 'v' },
  spec: {
    nodeAffinity: {
      required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator, values }] }] },
    },
  },
});
const claim = (selected?: string): PersistentVolumeClaim => ({
  metadata: { name: 'c', annotations: selected === undefined ? {} : { [SELECTED_NODE]: selected } },
});
const bound = (...volumes: PersistentVolume[]): PodClaims => ({ bound: volumes, toProvision: [] });
const waiting = (...claims: PersistentVolumeClaim[]): PodClaims => ({ bound: [], toProvision: claims });

const FITS = /^$/;
test.each<[string, Pod, Node, PodClaims, RegExp]>([
  ['a plain pod fits', pod(), node(), bound(), FITS],
  ['a cordoned node', pod(), node({ unschedulable: true }), bound(), /unschedulable/],
  ['a taint', pod(), node({ taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }), bound(), /\{k: v\}/],
  ['a taint that only prefers', pod(), node({ taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), bound(), FITS],
  [
    'a taint that is tolerated',
    { metadata: {}, spec: { tolerations: [{ key: 'k', operator: 'Exists' }] } },
    node({ taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }),
    bound(),
    FITS,
  ],
  ['a selector that matches', pod({ disk: 'ssd' }), node(), bound(), FITS],
  ['a selector that does not', pod({ disk: 'hdd' }), node(), bound(), /didn't match Pod's node affinity/],
  ['a volume of this node', pod(), node(), bound(volumeOn('In', 'node-1')), FITS],
  ['a volume of another node', pod(), node(), bound(volumeOn('In', 'node-2')), /PersistentVolume's node affinity/],
  ['a volume that avoids this node', pod(), node(), bound(volumeOn('NotIn', 'node-1')), /PersistentVolume's/],
  ['a volume for any node', pod(), node(), bound({ metadata: {} }), FITS],
  ['a claim that no node was chosen for', pod(), node(), waiting(claim()), FITS],
  ['a claim already sent here', pod(), node(), waiting(claim('node-1')), FITS],
  ['a claim sent elsewhere', pod(), node(), waiting(claim('node-2')), /didn't find available persistent volumes/],
])('%s', (_, pod, node, claims, reason) => {
  expect(rejectionOf(pod, node, claims)?.reason ?? '').toMatch(reason);
});
