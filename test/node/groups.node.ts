// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import type { NodeLocalStorage } from '../../src/model/objects.ts';
import { testOn } from '../machine.ts';
import { conditionOf, type AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { block, blockTargetOf, mounted, type VolumesOn } from './agent/volumes-on.ts';
import { linkOf } from './machine/vm.ts';

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

let asked = 0;
/**
 * Manages a pool of any name, so that nothing keeps a tenant's group away but what lvm may look at. Each time something
 * else is asked for, so that the answer is about what is there now.
 */
const ask = (): Promise<NodeLocalStorage> =>
  node.ask(
    {
      listConfig: {
        vgs: { include: ['data', 'open-local-pool-.*'] },
        mountPoints: { include: [`/turn-${(asked += 1)}`] },
      },
      resourceToBeInited: { vgs: [{ name: 'data', devices: [linkOf('disk')] }] },
    },
    signal,
  );

const groupsOf = ({ status }: NodeLocalStorage): readonly string[] =>
  (status?.nodeStorageInfo?.volumeGroups ?? []).map(({ name }) => name);

/** A volume in a group that no claim may get: nothing is made of it. */
async function expectNothingIn(vgName: string): Promise<void> {
  await on.order('inside', 64, { vgName });
  const told = await on.until('inside', ({ status }) => status?.phase === 'Failed');
  expect(told.status?.reason).toBe('GroupMissing');
  await on.delete('inside');
  await on.untilGone('inside');
}

test('groups that a pod makes on its block device are never seen, whatever they stand on', async () => {
  await on.create('raw', 512);
  await on.stage('raw', block);
  await on.publish('raw', block, blockTargetOf('raw'));
  await on.bash(`set -e
    loop=$(losetup --find --show ${blockTargetOf('raw')})
    echo "$loop" > /run/pods-loop
    sgdisk -n 1:0:+128M -n 2:0:0 "$loop" > /dev/null; partx --update "$loop"; udevadm settle
    vgcreate -qq --devices "$loop"p1 open-local-pool-7 "$loop"p1
    dmsetup create over --table "0 $(blockdev --getsz "$loop"p2) linear $loop"p2" 0"; udevadm settle
    vgcreate -qq --devices /dev/mapper/over open-local-pool-8 /dev/mapper/over`);
  expect(groupsOf(await ask())).toEqual(['data']);
  await expectNothingIn('open-local-pool-7');
  await expectNothingIn('open-local-pool-8');
  await on.bash(`dmsetup remove over; losetup --detach "$(< /run/pods-loop)"`);
  await on.unpublish('raw', blockTargetOf('raw'));
  await on.unstage('raw');
  await on.delete('raw');
  await on.untilGone('raw');
});

test('nor are those on a disk that is a volume: in a partition, or on an array', async () => {
  const disk = await on.blankDisk('unit', 512);
  await on.create('whole', 512, { kind: 'Device', path: disk });
  await on.bash(`set -e
    sgdisk -n 1:0:+128M -n 2:0:0 ${disk} > /dev/null; udevadm settle
    vgcreate -qq open-local-pool-7 ${disk}1
    modprobe raid1; mdadm --create /dev/md/pods --quiet --level=1 --raid-devices=2 --run --force ${disk}2 missing
    udevadm settle; vgcreate -qq open-local-pool-8 /dev/md/pods`);
  expect(groupsOf(await ask())).toEqual(['data']);
  await expectNothingIn('open-local-pool-7');
  await expectNothingIn('open-local-pool-8');
  await on.bash('vgchange -qq -an open-local-pool-7 open-local-pool-8; mdadm --stop --quiet /dev/md/pods');
  await on.delete('whole');
  await on.untilGone('whole');
  expect(await on.bash(`wipefs --noheadings ${disk}`)).toBe('');
});

test('a second group of one name: nothing is lost, made or removed until one is renamed', async () => {
  await on.create('kept', 64, { fsType: 'ext4' });
  await on.create('leaving', 64);
  await on.stage('kept', EXT4);
  await on.unstage('kept');
  const disk = await on.blankDisk('foreign', 2048);
  // It was made on another machine: here the folder of active volumes would be in the way of its name.
  await on.bash(
    `vgchange -qq -an data; vgcreate -qq --devices ${disk} data ${disk}; lvcreate -qq --devices ${disk} -an -Zn -Wn -L 64M -n theirs data`,
  );
  const uuid = await on.bash(`vgs --noheadings -o vg_uuid --devices ${disk}`);

  const nls = await ask();
  expect(conditionOf(nls, 'VolumeGroup/data')).toMatchObject({ status: 'False', reason: 'DuplicateName' });
  expect(conditionOf(nls, 'VolumeGroup/data')?.message).toMatch(new RegExp(`${uuid} on ${disk}`));
  const [reported, ...others] = nls.status?.nodeStorageInfo?.volumeGroups ?? [];
  expect(others).toEqual([]);
  expect(reported).toMatchObject({ name: 'data', condition: 'DiskFault' });
  expect(reported?.uuid).not.toBe(uuid);
  await on.order('new', 64);
  await on.until('new', ({ status }) => status?.reason === 'GroupMismatch' && status.phase === 'Failed');
  await on.delete('leaving');
  await on.until('leaving', ({ status }) => status?.reason === 'GroupMismatch' && status.phase === 'Deleting');

  await node.restart(signal); // what is made known by its UUID is found again after a boot
  await on.stageAfterBoot('kept', EXT4);
  await on.unstage('kept');
  expect(await on.bash("lvs --noheadings -o lv_name -S 'lv_name=leaving || lv_name=theirs' | sort | xargs")).toBe(
    'leaving theirs',
  );

  await on.bash(`vgrename -qq ${uuid} other`);
  await ask();
  await on.untilGone('leaving');
  const made = await on.until('new', ({ status }) => status?.phase === 'Ready');
  expect(made.status?.groupUuid).toBe(reported?.uuid);
  await on.stage('kept', EXT4);
  await on.unstage('kept');
});
