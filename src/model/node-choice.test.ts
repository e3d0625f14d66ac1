import { expect, test } from 'vitest';
import { keptOff, nodeTraitsOf, nodeWishOf, type NodeWish } from './node-choice.ts';
import type { Node, Pod } from './objects.ts';

const node = (spec: Node['spec'] = {}): Node => ({
  metadata: { name: 'n1', labels: { disk: 'ssd', rack: '7' } },
  spec,
});
const terms = (key: string, operator: string, ...values: string[]): NodeWish => ({
  terms: [{ matchExpressions: [{ key, operator, values }] }],
});
const allowing = (...asked: Record<string, string[]>[]): NodeWish => ({
  classes: [
    {
      storageClass: 'fast',
      terms: asked.map((each) => Object.entries(each).map(([key, values]) => ({ key, values }))),
    },
  ],
});
const tainted = node({ taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] });
const rated = (value: string): Node => node({ taints: [{ key: 'k', value, effect: 'NoSchedule' }] });
const atMost = (value: string): NodeWish => ({ tolerations: [{ key: 'k', operator: 'Lt', value }] });
/** As the node controller taints a cordoned node. */
const cordoned = node({
  unschedulable: true,
  taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }],
});

test.each<[string, NodeWish, Node, string | undefined]>([
  ['nothing is asked', {}, node(), undefined],
  ['the node is cordoned', {}, cordoned, 'cordon'],
  ['a cordoned node is of another name', { selector: { no: 'where' } }, cordoned, 'selector'],
  ['a DaemonSet tolerates that', { tolerations: [{ operator: 'Exists' }] }, cordoned, undefined],
  ['the node is tainted', {}, tainted, 'taint'],
  ['the taint only prefers', {}, node({ taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), undefined],
  ['the taint is tolerated', { tolerations: [{ key: 'k', value: 'v' }] }, tainted, undefined],
  ['another value is tolerated', { tolerations: [{ key: 'k', value: 'w' }] }, tainted, 'taint'],
  ['another effect is tolerated', { tolerations: [{ key: 'k', value: 'v', effect: 'NoExecute' }] }, tainted, 'taint'],
  ['any value is tolerated', { tolerations: [{ key: 'k', operator: 'Exists' }] }, tainted, undefined],
  ['a taint below a number is tolerated', atMost('950'), rated('900'), undefined],
  ['a taint of that number is not below it', atMost('950'), rated('950'), 'taint'],
  [
    'a taint above a number is tolerated',
    { tolerations: [{ key: 'k', operator: 'Gt', value: '-1' }] },
    rated('0'),
    undefined,
  ],
  ['a taint that is no number is not compared', atMost('950'), rated('v'), 'taint'],
  ['a number of a taint begins with a zero', atMost('950'), rated('0900'), 'taint'],
  [
    'a toleration’s operator is of a later Kubernetes',
    { tolerations: [{ key: 'k', operator: 'Like', value: 'v' }] },
    tainted,
    'taint',
  ],
  ['the selector matches', { selector: { disk: 'ssd' } }, node(), undefined],
  ['the selector does not', { selector: { disk: 'hdd' } }, node(), 'selector'],
  ['a term matches', terms('disk', 'In', 'hdd', 'ssd'), node(), undefined],
  ['a term does not', terms('disk', 'NotIn', 'ssd'), node(), 'selector'],
  ['a label that only objects of JavaScript have', terms('constructor', 'Exists'), node(), 'selector'],
  ['a word of theirs as an operator', terms('disk', 'toString'), node(), 'selector'],
  ['a number is greater', terms('rack', 'Gt', '6'), node(), undefined],
  ['a number is not less', terms('rack', 'Lt', '7'), node(), 'selector'],
  ['a text is no number', terms('disk', 'Gt', '6'), node(), 'selector'],
  [
    'the node is named',
    { terms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] },
    node(),
    undefined,
  ],
  ['a term asks for nothing', { terms: [{}] }, node(), 'selector'],
  ['a class allows it', allowing({ disk: ['hdd', 'ssd'] }), node(), undefined],
  ['one of a class’s terms allows it', allowing({ disk: ['hdd'] }, { rack: ['7'] }), node(), undefined],
  ['a class does not', allowing({ disk: ['hdd'] }), node(), 'class'],
  ['a class allows half of it', allowing({ disk: ['ssd'], rack: ['8'] }), node(), 'class'],
  ['a class asks for a label that it lacks', allowing({ zone: ['a'] }), node(), 'class'],
  ['a term of a class asks for nothing', allowing({}), node(), 'class'],
])('who keeps a pod off a node when %s', (_, wish, object, by) => {
  expect(keptOff(wish, nodeTraitsOf(object))?.by).toBe(by);
});

test('what a pod asks is read from its object', () => {
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }] };
  const pod: Pod = {
    metadata: {},
    spec: {
      nodeSelector: { a: 'b' },
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
      tolerations: [{ operator: 'Exists' }],
    },
  };
  expect(nodeWishOf(pod)).toEqual({
    selector: { a: 'b' },
    terms: required.nodeSelectorTerms,
    tolerations: [{ operator: 'Exists' }],
  });
  expect(nodeWishOf({ metadata: {} })).toEqual({});
});

test('it is told whether the reason is the only one', () => {
  expect(keptOff({}, nodeTraitsOf(cordoned))).toEqual({ by: 'cordon', alone: true });
  const elsewhere: NodeWish = { selector: { no: 'where' } };
  expect(keptOff(elsewhere, nodeTraitsOf(node()))).toEqual({ by: 'selector', alone: true });
  expect(keptOff(elsewhere, nodeTraitsOf(cordoned))).toEqual({ by: 'selector', alone: false });
});
