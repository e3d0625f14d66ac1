import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';

/** What docs/kubectl.md shows is what the commands print, at 80 columns. */

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/kubectl.md'), 'utf8');
const blocks = [...page.matchAll(/^```\n\$ kubectl open-local (.+)\n([\s\S]*?)^```$/gm)].map(
  ([, line = '', shown = '']) => ({ line, shown }),
);

let cluster: SickCluster;
beforeAll(async () => {
  cluster = await startPeopleCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

test.each(blocks)('$line', async ({ line, shown }) => {
  const { stdout, stderr } = await runForPeople(cluster, line.split(' '));
  expect(stderr + stdout).toBe(shown);
  expect(shown.split('\n').filter(({ length }) => length > 80)).toEqual([]);
});

test('each command that looks is shown', () => {
  const shown = new Set(blocks.map(({ line }) => line.split(' ')[0]));
  expect(shown).toEqual(new Set(['top', 'disks', 'volumes', 'why', 'plan']));
});
