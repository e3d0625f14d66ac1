// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { testOn } from '../machine.ts';
import { startAgentNode, type AgentNode } from './agent/agent-node.ts';
import { costOf } from './agent/cost.ts';
import { makeManyVolumes } from './agent/make-many-volumes.ts';
import { createProgress } from './machine/progress.ts';

const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
let node: AgentNode;

beforeAll(async () => {
  node = await startAgentNode(signal);
  await node.startAgent(signal);
  await makeManyVolumes(node, 100, signal);
  progress('100 volumes are there');
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

test('A2: with 100 volumes and nothing changing, one LVM command a minute and 80 MB of memory are enough', async () => {
  await costOf(node, 5, signal); // by then the agent has handled their appearance
  const cost = await costOf(node, 60, signal);
  progress(JSON.stringify(cost));
  expect(cost.lvmCommands).toBeLessThanOrEqual(1);
  expect(cost.residentMib).toBeLessThanOrEqual(80);
}, 200_000);
