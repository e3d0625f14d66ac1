import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';

/**
 * What docs/kubectl.md shows is what the commands print at 80 columns. Where a sentence changed, this test with `-u`
 * writes the page anew.
 */

const file = path.resolve(import.meta.dirname, '../../docs/kubectl.md');
const page = readFileSync(file, 'utf8');
const BLOCK = /^```\n\$ kubectl open-local (.+)\n([\s\S]*?)^```$/gm;

let cluster: SickCluster;
beforeAll(async () => {
  cluster = await startPeopleCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

test('the page shows what is printed, and no line is broken', { timeout: 120_000 }, async () => {
  let printed = page;
  for (const [block, line = ''] of page.matchAll(BLOCK)) {
    const { stdout, stderr } = await runForPeople(cluster, line.split(' '));
    expect(stdout.split('\n').filter(({ length }) => length > 80)).toEqual([]);
    printed = printed.replace(block, () => `\`\`\`\n$ kubectl open-local ${line}\n${stderr}${stdout}\`\`\``);
  }
  await expect(printed).toMatchFileSnapshot(file);
});

test('each command that looks is shown', () => {
  const shown = new Set([...page.matchAll(BLOCK)].map(([, line = '']) => line.split(' ')[0]));
  expect(shown).toEqual(new Set(['top', 'disks', 'volumes', 'why', 'plan']));
});
