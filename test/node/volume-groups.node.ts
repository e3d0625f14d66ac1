// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { createHash } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { testOn } from '../machine.ts';
import { ofWhole } from '../whole.ts';
import { conditionOf, startAgentNode, type AgentNode } from './agent/agent-node.ts';
import type { Disk } from './machine/disk.ts';
import { createProgress } from './machine/progress.ts';
import { linkOf } from './machine/vm.ts';
import { readWriteLog, replay } from './agent/write-log.ts';

const MIB = 1024 ** 2;
const SIZE = 64 * MIB;
const test = testOn('root', 'qemu');
const testOfWhole = ofWhole(test);

let node: AgentNode;
const signal = AbortSignal.timeout(1_800_000);
const progress = createProgress(import.meta.filename);

beforeAll(async () => {
  node = await startAgentNode(signal);
  await node.startAgent(signal);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

async function blank(serial: string, more: Partial<Disk> = {}): Promise<Disk> {
  const file = path.join(node.vm.dir, `${serial}.img`);
  await writeFile(file, '');
  await truncate(file, SIZE);
  return { serial, file, ...more };
}

const group = (name: string, ...serials: readonly string[]) => ({ name, devices: serials.map(linkOf) });
/** Without groups: until the agent has forgotten which groups it knew, so that their names may mean others. */
const ask = async (...vgs: readonly { readonly name: string; readonly devices: string[] }[]) => {
  const nls = await node.ask({ resourceToBeInited: { vgs: [...vgs] } }, signal);
  return vgs.length > 0 ? nls : node.until(({ status }) => (status?.knownGroups ?? []).length === 0, signal);
};
const onNode = async (script: string): Promise<string> => (await node.vm.must(script, signal)).trim();
const READY = { status: 'True', reason: 'Ready' };

test('blank disks of every sector size become groups', async () => {
  const disks = await Promise.all([
    blank('b512n'),
    blank('b512e', { physicalSectorBytes: 4096 }),
    blank('b4kn', { sectorBytes: 4096 }),
  ]);
  await node.vm.attach(disks, signal);
  const nls = await ask(...disks.map(({ serial }) => group(`vg-${serial}`, serial)));
  for (const { serial } of disks) expect(conditionOf(nls, `VolumeGroup/vg-${serial}`)).toMatchObject(READY);
  expect(await onNode('vgs --noheadings -o vg_name,pv_count | xargs')).toBe('vg-b4kn 1 vg-b512e 1 vg-b512n 1');
});

test('a partition that is listed itself, and is blank, becomes a group; its neighbour keeps its data', async () => {
  const [device] = await node.vm.attach([await blank('parts')], signal);
  await onNode(`sgdisk -n 1:0:+20M -n 2:0:0 ${device}; udevadm settle; mkfs.ext4 -q ${device}1`);
  const neighbour = () => onNode(`sha256sum < ${device}1`);
  const before = await neighbour();
  const nls = await ask({ name: 'vg-part', devices: [`${linkOf('parts')}-part2`] });
  expect(conditionOf(nls, 'VolumeGroup/vg-part')).toMatchObject(READY);
  expect(await onNode('pvs --noheadings -o pv_name -S vg_name=vg-part')).toBe(`${device}2`);
  expect(await neighbour()).toBe(before);
});

test('disks that are added to the list extend the group, whatever else is on the list', async () => {
  await node.vm.attach(await Promise.all(['e1', 'e2', 'e3', 'eused'].map((serial) => blank(serial))), signal);
  await onNode(`mkfs.ext4 -q ${linkOf('eused')}`);
  await ask(group('vg-grow', 'e1'));
  const nls = await ask(group('vg-grow', 'e1', 'eused', 'e2', 'e3'));
  expect(conditionOf(nls, 'VolumeGroup/vg-grow')).toMatchObject({ status: 'False', reason: 'DeviceRefused' });
  expect(await onNode('vgs --noheadings -o pv_count vg-grow')).toBe('3');
  expect(await onNode(`blkid -p -s TYPE -o value ${linkOf('eused')}`)).toBe('ext4');
  expect(conditionOf(await ask(group('vg-grow', 'e1', 'e2', 'e3')), 'VolumeGroup/vg-grow')).toMatchObject(READY);
});

test('a disk that leaves the list stays in its group', async () => {
  const nls = await ask(group('vg-grow', 'e1'));
  expect(conditionOf(nls, 'VolumeGroup/vg-grow')).toMatchObject(READY);
  expect(await onNode('vgs --noheadings -o pv_count vg-grow')).toBe('3');
});

test('a disk that comes to the place of another, of the same size, is looked at anew', async () => {
  await node.vm.attach([await blank('place1', { scsiId: 200 })], signal);
  const place = await onNode(`readlink -f ${linkOf('place1')}; ls /dev/disk/by-path/*-scsi-0:0:200:0`);
  const [device, byPath = ''] = place.split('\n');
  await ask({ name: 'vg-place', devices: [byPath] });
  expect(await onNode('pvs --noheadings -o pv_name -S vg_name=vg-place')).toBe(device);

  await ask(); // it would be quick to take the new disk while that is blank
  const other = await blank('place2', { scsiId: 200 });
  await node.vm.pull('place1', signal);
  await node.vm.attach([other], signal);
  await onNode(`mkfs.ext4 -q ${byPath}; sync`);
  const before = await sha256(other.file);
  const nls = await ask({ name: 'vg-place', devices: [byPath] });
  expect(conditionOf(nls, 'VolumeGroup/vg-place')?.message).toMatch(/carries filesystem ext4/);
  await onNode('sync');
  expect(await sha256(other.file)).toBe(before);
});

test('one disk listed by two paths is left alone', async () => {
  const [disk] = [await blank('path1', { wwn: '0x5000c500a1b2c3d4' })];
  await node.vm.attach([disk, { ...disk, serial: 'path2' }], signal);
  const nls = await ask(group('vg-paths', 'path1', 'path2'));
  expect(conditionOf(nls, 'VolumeGroup/vg-paths')).toMatchObject({
    status: 'False',
    message: expect.stringMatching(/path1 is listed more than once.*path2 is listed more than once/),
  });
  await onNode('sync');
  expect(
    (await readFile(disk.file)).every((byte) => byte === 0),
    'untouched',
  ).toBe(true);
  const one = await ask(group('vg-paths', 'path1'));
  expect(conditionOf(one, 'VolumeGroup/vg-paths')).toMatchObject(READY);
});

testOfWhole('two agents at once on one node make each group once', async () => {
  const serials = ['t1', 't2', 't3', 't4'];
  await node.vm.attach(await Promise.all(serials.map((serial) => blank(serial))), signal);
  await node.startAgent(signal, 'second');
  await ask(...serials.map((serial) => group(`vg-${serial}`, serial)));
  const nls = await node.until(
    (nls) => serials.every((serial) => conditionOf(nls, `VolumeGroup/vg-${serial}`)?.status === 'True'),
    signal,
  );
  await node.stopAgent(signal, 'second');
  for (const serial of serials) expect(conditionOf(nls, `VolumeGroup/vg-${serial}`)).toMatchObject(READY);
  const groups = await onNode("vgs --noheadings -o vg_name,pv_count -S 'vg_name=~^vg-t' | xargs");
  expect(groups).toBe('vg-t1 1 vg-t2 1 vg-t3 1 vg-t4 1');
});

testOfWhole('power that goes while a group is made, after any write: it is finished', async () => {
  const recorded = await blank('cut', { writeLog: path.join(node.vm.dir, 'writes.log') });
  await writeFile(recorded.writeLog ?? '', '');
  await node.vm.attach([recorded], signal);
  const whole = await ask(group('vg-cut', 'cut'));
  expect(conditionOf(whole, 'VolumeGroup/vg-cut')).toMatchObject(READY);
  await node.vm.pull('cut', signal);
  const writes = await readWriteLog(recorded.writeLog ?? '');
  expect(writes.length).toBeGreaterThan(2);
  await node.restart(signal);

  const outcomes: string[] = [];
  const said: string[] = [];
  for (let done = 0; done <= writes.length; done += 1) {
    const disk = { serial: 'cut', file: path.join(node.vm.dir, `cut-${done}.img`) };
    await replay(disk.file, SIZE, writes.slice(0, done));
    await node.vm.attach([disk], signal);
    await ask();
    const before = await sha256(disk.file);
    const condition = conditionOf(await ask(group('vg-cut', 'cut')), 'VolumeGroup/vg-cut');
    await onNode('sync');
    if (condition?.status === 'True') expect(await onNode('vgs --noheadings -o pv_count vg-cut')).toBe('1');
    else {
      said.push(condition?.message ?? '');
      expect(await sha256(disk.file), 'left alone').toBe(before);
    }
    progress(`after ${done} of ${writes.length} writes: ${condition?.reason}: ${condition?.message}`);
    outcomes.push(condition?.reason ?? 'nothing');
    await node.vm.pull('cut', signal);
  }
  expect([outcomes[0], outcomes.at(-1)]).toEqual(['Ready', 'Ready']);
  expect(said).toEqual([]);
});

test('a group that had volumes and was removed by hand is not made anew on its disk', async () => {
  await node.vm.attach([await blank('byhand')], signal);
  await ask(group('vg-byhand', 'byhand'));
  await ask();
  await onNode('lvcreate -qq -an -Zn -L 8M -n data vg-byhand && vgremove -qq -f vg-byhand');
  const condition = conditionOf(await ask(group('vg-byhand', 'byhand')), 'VolumeGroup/vg-byhand');
  expect(condition?.message).toMatch(/LVM physical volume of no group: left alone.*pvremove \/dev\/sd/);
  await ask();
});

test("another machine's group is refused by its name and its machine's", async () => {
  await node.vm.attach([await blank('elsewhere')], signal);
  await onNode(`vgcreate -qq --systemid elsewhere vg-foreign ${linkOf('elsewhere')}`);
  const other = await ask(group('vg-new', 'elsewhere'));
  expect(conditionOf(other, 'VolumeGroup/vg-new')?.message).toMatch(/belongs to volume group vg-foreign/);
  const nls = await ask(group('vg-foreign', 'elsewhere'));
  expect(conditionOf(nls, 'VolumeGroup/vg-foreign')).toMatchObject({
    reason: 'Foreign',
    message: expect.stringMatching(
      /vg-foreign belongs to whoever has the system ID elsewhere, and the agent's lvm has not/,
    ),
  });
  expect(nls.status?.nodeStorageInfo?.volumeGroups?.map(({ name }) => name)).not.toContain('vg-foreign');
  const advice = /take the ID off on the node: (.*)$/.exec(conditionOf(nls, 'VolumeGroup/vg-foreign')?.message ?? '');
  await onNode(advice?.[1] ?? 'false');
  await ask();
  const freed = await ask(group('vg-foreign', 'elsewhere'));
  expect(conditionOf(freed, 'VolumeGroup/vg-foreign')).toMatchObject(READY);
  await ask();
}, 300_000);

test('after a power cut the groups are there, and the agent says so', async () => {
  await node.restart(signal);
  const nls = await ask(group('vg-b4kn', 'b4kn'), group('vg-grow', 'e1', 'e2', 'e3'));
  expect(conditionOf(nls, 'VolumeGroup/vg-b4kn')).toMatchObject(READY);
  expect(conditionOf(nls, 'VolumeGroup/vg-grow')).toMatchObject(READY);
});

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
