// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { NodeLocalStorage } from '../../src/model/objects.ts';
import { testOn } from '../machine.ts';
import { startAgentNode, type AgentNode } from './agent/agent-node.ts';
import { createProgress } from './machine/progress.ts';
import { volumesOn, type VolumesOn } from './agent/volumes-on.ts';

const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  node = await startAgentNode(signal);
  on = volumesOn(node, signal);
  await node.startAgent(signal, 'agent', ['--interval=1h']); // whatever is seen is seen by events
  await node.ask({}, signal);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

const devicesOf = ({ status }: NodeLocalStorage): readonly string[] =>
  (status?.nodeStorageInfo?.deviceInfo ?? []).map(({ name }) => name);
const groupsOf = ({ status }: NodeLocalStorage): readonly string[] =>
  (status?.nodeStorageInfo?.volumeGroups ?? []).map(({ name, condition }) => `${name} ${condition}`);
const diskOf = (serial: string) => ({ serial, file: path.join(node.vm.dir, `${serial}.img`) });

async function within(what: string, wanted: (nls: NodeLocalStorage) => boolean): Promise<NodeLocalStorage> {
  const start = performance.now();
  const nls = await node.until(wanted, AbortSignal.any([signal, AbortSignal.timeout(60_000)]));
  progress(`${what} after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return nls;
}

test('a disk that comes is reported by its event, with its partitions, and one that goes is not', async () => {
  const device = await on.blankDisk('comes', 64);
  await within('a new disk is told', (nls) => devicesOf(nls).includes(device));
  await on.bash(`sgdisk -n 1:0:0 ${device} && udevadm settle`);
  await within('its partition is told', (nls) => devicesOf(nls).includes(`${device}1`));
  await node.vm.pull('comes', signal);
  await within('it is told to be gone', (nls) => !devicesOf(nls).some((name) => name.startsWith(device)));
});

test('a group whose disk is pulled is told, and so are its volumes; both serve again when it is back', async () => {
  await on.makeGroup('data', ['one']);
  await on.create('kept', 64);
  await on.bash('yes kept | dd of=/dev/data/kept bs=1M count=64 iflag=fullblock oflag=direct status=none');
  const sum = () => on.bash('dd if=/dev/data/kept bs=1M iflag=direct status=none | sha256sum');
  const before = await sum();
  await node.vm.pull('one', signal);
  await within('the group is told to be gone', (nls) => groupsOf(nls).length === 0);
  const lost = await on.until('kept', ({ status }) => status?.reason !== undefined);
  expect(lost.status).toMatchObject({ phase: 'Failed', reason: 'GroupMissing' });
  expect(lost.status?.message).toMatch(/bring its disks back/);

  await node.vm.attach([diskOf('one')], signal);
  await within('the group is told to be back', (nls) => groupsOf(nls).includes('data DiskReady'));
  await on.until('kept', ({ status }) => status?.phase === 'Ready' && status.reason === undefined);
  expect(await sum()).toBe(before);
});

test('of a group of two disks that loses one, the other is told to be faulty and not used up', async () => {
  await on.makeGroup('pair', ['left', 'right']);
  await node.vm.pull('right', signal);
  const nls = await within('the group is told to be faulty', (nls) => groupsOf(nls).includes('pair DiskFault'));
  expect(nls.status?.nodeStorageInfo?.state).toMatchObject({ type: 'DiskReady' }); // nobody manages it
  await node.vm.attach([diskOf('right')], signal);
  await within('the group is told to be whole', (nls) => groupsOf(nls).includes('pair DiskReady'));
});
