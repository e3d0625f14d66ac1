// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { createHash } from 'node:crypto';
import { open, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Condition } from '../../src/model/objects.ts';
import { testOn } from '../machine.ts';
import { conditionOf, startAgentNode, type AgentNode } from './agent/agent-node.ts';
import type { Disk } from './machine/disk.ts';
import { createProgress } from './machine/progress.ts';
import { USED_DISKS, type UsedDisk } from './agent/used-disks.ts';
import { linkOf } from './machine/vm.ts';

const MIB = 1024 ** 2;
/** Bytes compared at each end of a disk; for smaller disks that is everything. */
const END_BYTES = 64 * MIB;
const SETUP_MS = 280_000;
/**
 * Disks of one round: an agent sends at most 25 events about one object at once, so each round has an agent of its own.
 */
const ROUND = 24;

const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
let node: AgentNode;
const conditions = new Map<string, Condition | undefined>();
const before = new Map<string, string>();
const after = new Map<string, string>();
let told: readonly (string | undefined)[] = [];

const kinds = Object.entries(USED_DISKS);
const fileOf = (serial: string): string => path.join(node.vm.dir, `${serial}.img`);
const sizeOf = ({ mib = 64 }: UsedDisk): number => mib * MIB;
const groupOf = (serial: string): string => `vg-${serial}`;

beforeAll(async () => {
  const signal = AbortSignal.timeout(SETUP_MS);
  node = await startAgentNode(signal);
  progress('the node is up');
  const listed = await makeDisks(signal);
  await digestAll(before);
  progress(`${listed.length} disks are made`);
  for (let at = 0; at < listed.length; at += ROUND) {
    await node.startAgent(signal);
    const vgs = listed.slice(at, at + ROUND);
    const nls = await node.ask({ resourceToBeInited: { vgs } }, signal);
    for (const { name } of vgs) conditions.set(name, conditionOf(nls, `VolumeGroup/${name}`));
    await node.stopAgent(signal);
    progress(`an agent has told about ${vgs.length} of them`);
  }
  await node.vm.must('sync', signal);
  await digestAll(after);
  told = (await node.events(signal)).map(({ message }) => message);
}, SETUP_MS);

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

/** Prepares the disks; resolves to the groups to ask for, one for each. */
async function makeDisks(signal: AbortSignal) {
  const disks = await Promise.all(
    kinds.map(async ([serial, used]): Promise<Disk> => {
      await writeFile(fileOf(serial), '');
      await truncate(fileOf(serial), sizeOf(used));
      return { serial, file: fileOf(serial), ...used.disk };
    }),
  );
  const devices = await node.vm.attach(disks, signal);
  progress('disks are attached');
  const prepared = await node.vm.must(prepareScript(devices), signal, { timeoutMs: SETUP_MS });
  const names = prepared.split('\n').filter((line) => line.startsWith('listed: '));
  expect(names).toHaveLength(kinds.length);
  return kinds.map(([serial], index) => ({ name: groupOf(serial), devices: [names[index]?.slice(8) ?? ''] }));
}

/** One call serves all disks: each call takes a second. */
function prepareScript(devices: readonly string[]): string {
  const scripts = kinds.map(([serial, { prepare = 'true', listed }], index) => {
    const say = `echo "listed: $(${listed ?? `echo ${linkOf(serial)}`})"`;
    return `serial=${serial} disk=${devices[index]}\n{ ${prepare}\n} || exit\n${say}`;
  });
  const flush = 'udevadm settle; sync; for disk in /dev/sd*; do blockdev --flushbufs "$disk"; done';
  return ['set -e', ...scripts, flush].join('\n');
}

async function digestAll(into: Map<string, string>): Promise<void> {
  for (const [serial, used] of kinds) into.set(serial, await digest(fileOf(serial), sizeOf(used)));
}

async function digest(file: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  await using handle = await open(file);
  for (const start of new Set([0, Math.max(0, size - END_BYTES)])) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(END_BYTES), 0, END_BYTES, start);
    hash.update(buffer.subarray(0, bytesRead));
  }
  return hash.digest('hex');
}

for (const [serial, { kind, says }] of kinds) {
  test(`D9: a disk that is or has ${kind} is left alone`, () => {
    const condition = conditions.get(groupOf(serial));
    progress(`${kind}: ${condition?.message}`);
    expect(condition).toMatchObject({ status: 'False', reason: 'DeviceRefused' });
    expect(condition?.message).toMatch(says);
    expect(condition?.message, 'what to do about it').toMatch(/: left alone\. \S.*\S/);
    expect(told, 'an event').toContain(`VolumeGroup/${groupOf(serial)}: ${condition?.message}`);
    expect(after.get(serial), 'its first and last 64 MiB').toBe(before.get(serial));
  });
}
