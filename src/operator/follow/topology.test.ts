import { expect, test } from 'vitest';
import { createTopology } from './topology.ts';

const node = (name: string, hostname?: string) =>
  [name, { name, labels: hostname === undefined ? {} : { 'kubernetes.io/hostname': hostname } }] as const;

const topology = createTopology({
  values: new Map([node('same', 'same'), node('i-1.example.com', 'host-1'), node('bare'), node('host-2', 'other')]),
});

test.each([
  ['same', ['same']],
  ['host-1', ['i-1.example.com']],
  ['bare', ['bare']],
  ['other', ['host-2']],
  ['host-2', ['host-2']], // a name, although the label says otherwise: better than nothing
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
