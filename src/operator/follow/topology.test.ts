import { expect, test } from 'vitest';
import type { Handlers } from '../../kube/follow/audience.ts';
import { createTopology } from './topology.ts';
import type { NodeView } from './views.ts';

const node = (name: string, hostname?: string) =>
  [name, { name, labels: hostname === undefined ? {} : { 'kubernetes.io/hostname': hostname } }] as const;

const values = new Map<string, NodeView>([
  node('same', 'same'),
  node('i-1.example.com', 'host-1'),
  node('bare'),
  node('host-2', 'other'),
  node('twin', 'twin'),
  node('clone', 'twin'),
]);
let tell: Handlers<NodeView> = {};
const topology = createTopology({
  values,
  subscribe: (handlers) => {
    tell = handlers;
    for (const each of values.values()) handlers.changed?.(each, undefined);
    return () => {};
  },
});

test.each([
  ['same', ['same']],
  ['host-1', ['i-1.example.com']],
  ['bare', ['bare']],
  ['other', ['host-2']],
  ['host-2', ['host-2']], // a name, although the label says otherwise: better than nothing
  ['twin', ['twin', 'clone']], // two machines of one hostname
  ['unknown', ['unknown']],
])('the hostname %s means the nodes %j', (hostname, names) => {
  expect(topology.nodesAt(hostname)).toEqual(names);
});

test.each([
  ['i-1.example.com', 'host-1'],
  ['bare', 'bare'],
  ['unknown', 'unknown'],
])('CSI knows the node %s as %s', (name, hostname) => {
  expect(topology.hostnameOf(name)).toBe(hostname);
});

test('a label that changes, and a node that goes, are followed', () => {
  const [[, before], [, now]] = [node('moved', 'first'), node('moved', 'second')];
  const say = (is: NodeView): void => {
    values.set('moved', is);
    tell.changed?.(is, is === now ? before : undefined);
  };
  say(before);
  expect(topology.nodesAt('first')).toEqual(['moved']);
  say(now);
  expect([topology.nodesAt('first'), topology.nodesAt('second')]).toEqual([['first'], ['moved']]);
  values.delete('moved');
  tell.deleted?.(now);
  expect(topology.nodesAt('second')).toEqual(['second']);
});
