import { expect, test } from 'vitest';
import { cordonedNodes, exactNodes } from './exact-nodes.ts';

const topology = { hostnameOf: (node: string) => (node.startsWith('twin') ? 'twin' : node) };

test.each([
  ['one of two nodes of one hostname', ['twin-1', 'twin-2', 'n3'], 'twin-2', ['twin-2', 'n3']],
  ['a node of its own hostname', ['n3', 'twin-1', 'twin-2'], 'n3', ['n3', 'twin-1', 'twin-2']],
  ['none', ['twin-1', 'twin-2'], undefined, ['twin-1', 'twin-2']],
  ['a node that is not asked for', ['twin-1'], 'twin-2', ['twin-1']],
])('where the scheduler chose %s', (_, nodes, chosen, left) => {
  expect(exactNodes(nodes, chosen, topology)).toEqual(left);
});

test('the cordoned nodes are told by name', () => {
  expect([...cordonedNodes([{ name: 'n1' }, { name: 'n2', cordoned: true }])]).toEqual(['n2']);
});
