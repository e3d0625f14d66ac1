import { expect, test } from 'vitest';
import { DRIVER, claim, gib, group, ledgerWith, node as storageOf, pod } from '../../capacity/ledger-fixture.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import { createTopology, hostnameIn } from './topology.ts';
import { createPvsByNode, withNodeNames } from './pvs-by-node.ts';
import type { NodeView, PvView } from './views.ts';

/** An informer that hears what the test says. */
function hearing<P>(nameOf: (object: P) => string) {
  const values = new Map<string, P>();
  const all = new Set<Handlers<P>>();
  return {
    values,
    get: (name: string) => values.get(name),
    subscribe: (handlers: Handlers<P>) => {
      all.add(handlers);
      return () => void all.delete(handlers);
    },
    say: (now: P): void => {
      const before = values.get(nameOf(now));
      values.set(nameOf(now), now);
      for (const { changed } of all) changed?.(now, before);
    },
    end: (last: P): void => {
      values.delete(nameOf(last));
      for (const { deleted } of all) deleted?.(last);
    },
  };
}

const rest = {
  run: async () => {},
  hasSynced: () => true,
  whenSynced: async () => {},
  wrote: () => {},
  health: () => ({
    ...{ synced: true, failures: 0, lastError: undefined, handlerErrors: 0, lists: 1, silentMs: 0 },
  }),
};

const node = (name: string, hostname: string): NodeView => ({ name, labels: { 'kubernetes.io/hostname': hostname } });
const AWS = node('ip-10-0-0-1.ec2.internal', 'ip-10-0-0-1');

const view = (name: string, hostname: string, offered = false): PvView => ({
  facts: {
    ...{ name, driver: DRIVER, handle: name, node: hostname, claimUid: `uid-${name}` },
    takes: { kind: 'LVM', where: 'pool-0', size: gib(4) },
    ...(offered && {
      offer: {
        ...{ storageClass: 'lvm', capacity: gib(4), block: false, accessModes: [], labels: {}, available: true },
        nodes: [hostname],
      },
    }),
  },
  phase: 'Bound',
  keepsData: true,
  claim: { namespace: 'default', name },
});

function cluster() {
  const nodes = hearing<NodeView>(({ name }) => name);
  const heard = hearing<PvView>(({ facts }) => facts.name);
  const pvs = createPvsByNode({ ...rest, ...heard }, nodes);
  const ledger = ledgerWith({
    nodes: [storageOf(AWS.name, [group('pool-0', 10)]), storageOf('other', [group('pool-0', 10)])],
    claims: [claim('data', 4, { bound: true, volumeName: 'data' })],
  });
  pvs.subscribe({
    changed: ({ facts }) => ledger.pvChanged(facts),
    deleted: ({ facts }) => ledger.pvGone(facts.name),
  });
  const fitting = () => {
    const names = [AWS.name, 'other'];
    const { refusals } = ledger.filter(pod('p', ['data']), names, 0);
    return names.filter((_, at) => refusals[at] === undefined);
  };
  return { nodes, heard, pvs, fitting, taken: () => ledger.node(AWS.name)?.groups[0]?.taken };
}

test.each(['node', 'PersistentVolume'])(
  'a volume that only its PersistentVolume records counts on the node of its hostname, the %s heard first',
  (first) => {
    const { nodes, heard, pvs, fitting, taken } = cluster();
    const say = [() => nodes.say(AWS), () => heard.say(view('data', 'ip-10-0-0-1'))];
    for (const each of first === 'node' ? say : say.toReversed()) each();
    expect(fitting()).toEqual([AWS.name]);
    expect(taken()).toBe(gib(4));
    expect(pvs.get('data')?.facts.node).toBe(AWS.name);
    expect([...pvs.values.values()].map(({ facts }) => facts.node)).toEqual([AWS.name]);
  },
);

test('a node that goes, comes back, or gets another hostname, and a volume that goes, are followed', () => {
  const { nodes, heard, fitting, taken } = cluster();
  heard.say(view('data', 'ip-10-0-0-1'));
  nodes.say(AWS);
  nodes.end(AWS);
  expect([fitting(), taken()]).toEqual([[], 0]);
  nodes.say(node(AWS.name, 'elsewhere'));
  expect(fitting()).toEqual([]);
  nodes.say(AWS);
  expect([fitting(), taken()]).toEqual([[AWS.name], gib(4)]);
  heard.end(view('data', 'ip-10-0-0-1'));
  expect(taken()).toBe(0);
});

test('nothing is told twice on clusters where nodes have their hostnames for names', () => {
  const { nodes, heard, pvs } = cluster();
  const told: string[] = [];
  pvs.subscribe({ changed: ({ facts }) => void told.push(facts.node ?? '') });
  heard.say(view('a', 'n1'));
  nodes.say(node('n1', 'n1'));
  nodes.say({ ...node('n1', 'n1'), cordoned: true });
  nodes.end(node('n1', 'n1'));
  heard.say(view('b', 'n1'));
  expect(told).toEqual(['n1', 'n1']);
});

test('what claims may be bound to is reached by names of nodes, too; what has them already is left as it is', () => {
  const nodes = hearing<NodeView>(({ name }) => name);
  const topology = createTopology(nodes);
  nodes.say(AWS);
  nodes.say(node('n1', 'n1'));
  const [renamed, plain] = [view('a', hostnameIn(AWS), true), view('b', 'n1', true)];
  expect(withNodeNames(renamed, topology).facts.offer?.nodes).toEqual([AWS.name]);
  expect(withNodeNames(plain, topology)).toBe(plain);
});
