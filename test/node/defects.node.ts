// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
/*
 * Defects of the original open-local that a node can show, by number: D for lost data, A
 * for the agent. Tests elsewhere have numbers too: D1 in units.node.ts, D5 in volumes.node.ts and units.node.ts, D8 in
 * inline.node.ts, D9 in used-disks.node.ts and src/lvm/argv.test.ts, A1 in volumes.node.ts, A2 in many-volumes.node.ts.
 */
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { testOn } from '../machine.ts';
import { conditionOf, type AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { MIB, mounted, type VolumesOn } from './agent/volumes-on.ts';

const test = testOn('root', 'qemu');
const signal = AbortSignal.timeout(1_800_000);
const EXT4 = mounted('ext4');
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal));
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

test('D2: a volume that is lost is an error to its pod, and is never made anew', async () => {
  await on.create('old', 64, { fsType: 'ext4' });
  await on.stage('old', EXT4);
  await on.unstage('old');
  await on.bash('lvremove -qq --yes data/old');
  await expect(on.stage('old', EXT4)).rejects.toMatchObject({ details: expect.stringMatching(/is missing/) });
  await node.stopAgent(signal);
  await node.startAgent(signal);
  const told = await on.until('old', ({ status }) => status?.reason === 'VolumeLost');
  expect(told.status?.message).toMatch(/is gone, and its data with it: it is not made anew/);
  await expect(on.stage('old', EXT4)).rejects.toMatchObject({ details: expect.stringMatching(/is not made anew/) });
  expect(await on.bash('lvs --noheadings -o lv_name data')).toBe('');
  await on.delete('old');
  await on.untilGone('old');
});

test('D2: a filesystem that is lost is not made anew either', async () => {
  await on.create('blanked', 64, { fsType: 'ext4' });
  await on.stage('blanked', EXT4);
  await on.unstage('blanked');
  await on.bash('blkdiscard -z /dev/data/blanked');
  const refused = {
    details: expect.stringMatching(/was formatted with ext4 and shows nothing now: it is not formatted again/),
  };
  await expect(on.stage('blanked', EXT4)).rejects.toMatchObject(refused);
  await on.delete('blanked');
  await on.untilGone('blanked');
});

test('D7: a volume whose group is not there is not called removed until it is', async () => {
  await on.create('leaving', 64);
  await node.vm.pull('disk', signal);
  await on.until('leaving', ({ status }) => status?.reason === 'GroupMissing');
  await on.delete('leaving');
  const told = await on.until('leaving', ({ status }) => status?.phase === 'Deleting');
  expect(told.status?.message).toMatch(/is removed when its disks are back/);
  await node.vm.attach([{ serial: 'disk', file: path.join(node.vm.dir, 'disk.img') }], signal);
  await on.untilGone('leaving');
  expect(await on.bash('lvs --noheadings -o lv_name data')).toBe('');
});

test('A3: a pattern that is none stops nothing but the change it is in', async () => {
  const group = { vgs: { include: ['data'] } };
  await node.ask({ listConfig: group }, signal);
  await node.until(({ status }) => status?.filteredStorageInfo?.volumeGroups?.includes('data') === true, signal);
  await node.ask({ listConfig: { vgs: { include: ['('] } } }, signal);
  const nls = await node.until((nls) => conditionOf(nls, 'ConfigAccepted')?.status === 'False', signal);
  expect(conditionOf(nls, 'ConfigAccepted')?.message).toMatch(
    /spec\.listConfig\.vgs: .*what was managed before stays so/,
  );
  expect(nls.status?.filteredStorageInfo).toMatchObject({
    volumeGroups: ['data'],
    updateStatusInfo: { updateStatus: 'failed' },
  });
  await on.create('meanwhile', 64);
  await on.delete('meanwhile');
  await on.untilGone('meanwhile');
});

test('A4: only what bears our tag or the names of open-local counts as ours, and a used disk is told to be used', async () => {
  const used = await on.blankDisk('used', 64);
  await on.bash(`mkfs.ext4 -q ${used}; lvcreate -qq --yes --size 64M --name localfoo data`);
  await node.ask({ listConfig: { vgs: { include: ['data'] }, devices: { include: ['/dev/sd[a-z]+'] } } }, signal);
  const nls = await node.until(({ status }) => {
    const info = status?.nodeStorageInfo;
    const isSeen = info?.volumeGroups?.some(({ logicalVolumes }) =>
      logicalVolumes?.some(({ name }) => name === 'localfoo'),
    );
    return (
      isSeen === true && info?.deviceInfo?.some(({ name, inUse }) => name === used && inUse !== undefined) === true
    );
  }, signal);
  const group = nls.status?.nodeStorageInfo?.volumeGroups?.find(({ name }) => name === 'data');
  expect((group?.total ?? 0) - (group?.allocatable ?? 0)).toBe(64 * MIB);
  const device = nls.status?.nodeStorageInfo?.deviceInfo?.find(({ name }) => name === used);
  expect(device?.inUse).toMatch(/carries filesystem ext4/);
});

test('A4: a volume of that name that somebody else made is neither taken nor removed', async () => {
  await on.bash('lvcreate -qq --yes --size 8M --name theirs data');
  await on.order('theirs', 8);
  const told = await on.until('theirs', ({ status }) => status?.reason === 'NotOurs');
  expect(told.status?.message).toMatch(/was not made by open-local: rename it/);
  await on.delete('theirs');
  await on.untilGone('theirs');
  expect(await on.bash('lvs --noheadings -o lv_size --units m data/theirs')).toBe('8.00m');
});
