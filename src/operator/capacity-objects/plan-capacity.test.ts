import { expect, test } from 'vitest';
import { BEYOND_ANY_NODE, bytes, GIB } from '../../model/bytes.ts';
import { parseStorageClass } from '../../model/storage-class.ts';
import { planCapacity, type CapacityFacts } from './plan-capacity.ts';

const gib = (size: number) => bytes(size * GIB);
const lvm = parseStorageClass({ volumeType: 'LVM' });
const disk = parseStorageClass({ volumeType: 'Device' });

const plan = (
  tight: readonly string[],
  classes: CapacityFacts['classes'] = [{ name: 'lvm', policy: lvm }],
  more: Partial<CapacityFacts> = {},
) =>
  planCapacity({
    classes,
    tight: ({ kind }) => (kind === 'LVM' ? tight : []),
    capacity: (_, node) => ({ largest: gib(node.length), available: gib(10) }),
    whole: ({ kind }) => (kind === 'LVM' ? gib(100) : gib(7)),
    promised: () => undefined,
    hostnameOf: (node) => `host-${node}`,
    ...more,
  });

test('a class has one object for all nodes, as large as the largest could be', () => {
  const classes = [{ name: 'lvm', policy: lvm }, { name: 'disk', policy: disk }, { name: 'wrong' }];
  const objects = plan([], classes);
  const name = expect.any(String) as string;
  expect(objects).toEqual([
    { name, storageClass: 'lvm', nodeTopology: {}, largest: gib(100), available: gib(100) },
    { name, storageClass: 'disk', nodeTopology: {}, largest: gib(7), available: gib(7) },
  ]);
  expect(new Set(objects.map((object) => object.name)).size).toBe(2);
});

test('nodes that turned a volume away have objects of their own, and are left out of the other', () => {
  const [n2, n10, rest, ...more] = plan(['n2', 'n10'], [{ name: 'lvm', policy: lvm }]);
  const at = (hostname: string) => ({ matchLabels: { 'kubernetes.io/hostname': hostname } });
  expect(n2).toMatchObject({ nodeTopology: at('host-n2'), largest: gib(2), available: gib(10) });
  expect(n10).toMatchObject({ nodeTopology: at('host-n10'), largest: gib(3) });
  const values = ['host-n10', 'host-n2'];
  expect(rest).toMatchObject({
    nodeTopology: { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'NotIn', values }] },
    largest: gib(100),
  });
  expect(more).toEqual([]);
});

test('an object of other nodes has another name: the server lets nobody change its nodes', () => {
  const names = [plan([]), plan(['n1']), plan(['n1', 'n2']), plan(['n2', 'n1'])].map((all) => all.at(-1)?.name);
  expect(new Set(names.slice(0, 3)).size).toBe(3);
  expect(names[3]).toBe(names[2]);
});

test('where no node has such storage yet, or any more, the first node is worth adding', () => {
  const largest = (before?: number) =>
    plan([], undefined, { whole: () => bytes(0), promised: () => (before === undefined ? before : gib(before)) })[0]
      ?.largest;
  expect(largest()).toBe(BEYOND_ANY_NODE);
  expect(largest(0)).toBe(BEYOND_ANY_NODE); // of an older version
  expect(largest(100)).toBe(gib(100));
});
