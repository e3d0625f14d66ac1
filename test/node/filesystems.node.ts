// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { FORMATTING } from '../../src/model/well-known.ts';
import { testOn } from '../machine.ts';
import { ofWhole } from '../whole.ts';
import { conditionOf, type AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { mounted, stagingOf, targetOf, type VolumesOn } from './agent/volumes-on.ts';
import { linkOf } from './machine/vm.ts';

const test = testOn('root', 'qemu');
const testOfWhole = ofWhole(test);
const signal = AbortSignal.timeout(1_800_000);
const XFS = mounted('xfs');
const EXT4 = mounted('ext4');
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['g-1']));
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

const POINT = '/mnt/open-local/data';
const points = (...serials: string[]) => ({
  resourceToBeInited: { mountpoints: serials.map((serial) => ({ path: POINT, device: linkOf(serial) })) },
});

test('a volume whose filesystem is not mounted is neither served nor emptied: nothing of it is on the disk below', async () => {
  await on.blankDisk('m-own', 64);
  await on.blankDisk('m-other', 64);
  await node.ask(points('m-own'), signal);
  await on.create('point', 50, { kind: 'MountPoint', path: POINT });
  await on.stage('point', mounted(''));
  await on.publish('point', mounted(''), targetOf('point'));
  await on.bash(`echo kept > ${targetOf('point')}/file; sync`);
  await on.unpublish('point', targetOf('point'));

  // As after a boot at which its disk came too late. What is staged shows it still.
  await node.ask({}, signal);
  await on.bash(`umount ${POINT}; echo below > ${POINT}/below`);
  const away = { details: expect.stringContaining(`its filesystem is not mounted at ${POINT}`) as string };
  await expect(on.publish('point', mounted(''), targetOf('point'))).rejects.toMatchObject(away);
  await on.unstage('point');
  await expect(on.stage('point', mounted(''))).rejects.toMatchObject(away);

  // Another disk is mounted there.
  const [other, own] = [linkOf('m-other'), linkOf('m-own')];
  await on.bash(`mkfs.ext4 -q ${other}; mount ${other} ${POINT}; echo other > ${POINT}/other; sync`);
  await expect(on.stage('point', mounted(''))).rejects.toMatchObject({
    details: expect.stringMatching(/not its own|another disk/),
  });
  await on.delete('point');
  await on.until('point', ({ status }) => status?.reason === 'UnitMissing');
  expect(
    await on.bash(`cat ${POINT}/other; umount ${POINT}; ls -A ${POINT}; findmnt -rn | grep -c /point/ || true`),
  ).toBe('other\nbelow\n0');

  await on.bash(`rm ${POINT}/below; mount ${own} ${POINT}`);
  expect(await on.bash(`cat ${POINT}/file`)).toBe('kept');
  await node.ask(points('m-own'), signal); // a look at the node
  await on.untilGone('point');
  expect(await on.bash(`ls -A ${POINT}; umount ${POINT}`)).toBe('');
});

/**
 * While /run/slow is there, mkfs.xfs stops where its superblock says that it is at work. /run is empty after a boot.
 */
const SLOW_MKFS = `#!/bin/bash
echo try >> /run/mkfs-tries
/usr/sbin/mkfs.xfs "$@" || exit
device=\${@: -1}
[ -e /run/slow ] || exit 0
xfs_db -x -c 'sb 0' -c 'write inprogress 1' "$device" > /dev/null
sync
touch /run/at-work
while [ -e /run/slow ]; do sleep 0.2; done
xfs_db -x -c 'sb 0' -c 'write inprogress 0' "$device" > /dev/null`;

/** Begins to stage a volume, and resolves once mkfs is at work on it, to what ends the call. */
async function beginFormatting(name: string): Promise<() => Promise<void>> {
  await node.vm.writeFile('/usr/local/sbin/mkfs.xfs', SLOW_MKFS, signal);
  await on.bash('chmod +x /usr/local/sbin/mkfs.xfs; rm -f /run/at-work /run/mkfs-tries; touch /run/slow; sync');
  await on.create(name, 320, { fsType: 'xfs' });
  const caller = new AbortController();
  const call = on.stage(name, XFS, caller.signal).catch(() => {});
  await on.bash('until [ -e /run/at-work ]; do sleep 0.2; done');
  return async () => {
    caller.abort();
    await call;
  };
}

const uuidOf = (name: string): Promise<string> => on.bash(`blkid -p -s UUID -o value /dev/data/${name}`);
const recordedOf = async (name: string): Promise<string> => {
  const volume = await node.client.get(LOCAL_VOLUMES, { name }, signal);
  return volume.metadata.annotations?.[FORMATTING]?.split(' ')[1] ?? '';
};

testOfWhole('mkfs goes on when its caller has given up, and the next call finds it done', async () => {
  const giveUp = await beginFormatting('patient');
  await giveUp();
  const uuid = await uuidOf('patient');
  const retry = on.stage('patient', XFS);
  await on.bash('rm /run/slow');
  await retry;
  expect(await on.bash('wc -l < /run/mkfs-tries')).toBe('1');
  expect([await uuidOf('patient'), await recordedOf('patient')]).toEqual([uuid, uuid]);
  await on.unstage('patient');
});

test('mkfs that was killed with the agent is begun anew, and so is one that lost its power', async () => {
  const giveUp = await beginFormatting('killed');
  await on.bash('kill -9 "$(< /run/agent.pid)"; pkill -9 -f /usr/local/sbin/mkfs.xfs; rm /run/slow');
  await giveUp();
  await expect(on.bash(`mount -t xfs -o nouuid /dev/data/killed /mnt 2>&1`)).rejects.toThrow(/mount/);
  await node.startAgent(signal);
  await on.stageAfterBoot('killed', XFS);
  await on.bash(`echo kept > ${stagingOf('killed')}/file; sync`);
  await on.unstage('killed');

  const pull = await beginFormatting('cut');
  await node.restart(signal);
  await pull();
  await on.stageAfterBoot('cut', XFS);
  await on.stageAfterBoot('killed', XFS);
  expect(await on.bash(`cat ${stagingOf('killed')}/file`)).toBe('kept'); // what is in use is not made anew
  for (const name of ['cut', 'killed']) {
    expect(await uuidOf(name)).toBe(await recordedOf(name));
    await on.unstage(name);
  }
  await on.bash('rm /usr/local/sbin/mkfs.xfs');
});

test('mounts that do not answer keep nothing of ours from being made, reported and removed', async () => {
  const DEAD = '/mnt/open-local/dead';
  await on.bash(`modprobe fuse; mkdir -p /mnt/dead ${DEAD}`);
  // FUSE filesystems that nobody serves: whoever looks at them waits for ever.
  for (const at of ['/mnt/dead', DEAD])
    await on.bash(
      `exec 3<> /dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 /mnt/dead/x ${at}; setsid sleep infinity < /dev/null &> /dev/null &`,
    );
  await on.create('beside', 64);
  await on.stage('beside', EXT4);
  await on.publish('beside', EXT4, targetOf('beside'));
  await on.unpublish('beside', targetOf('beside'));
  await on.unstage('beside');
  await on.delete('beside');
  await on.untilGone('beside');
  const nls = await node.until(
    ({ status }) => status?.nodeStorageInfo?.mountPoints?.some(({ name }) => name === DEAD) ?? false,
    signal,
  );
  expect(nls.status?.nodeStorageInfo?.mountPoints?.find(({ name }) => name === DEAD)?.condition).toBe('DiskFault');
  const asked = await node.ask({ resourceToBeInited: { vgs: [{ name: 'data', devices: [linkOf('g-1')] }] } }, signal);
  expect(conditionOf(asked, 'VolumeGroup/data')?.status).toBe('True');
});
