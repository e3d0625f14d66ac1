// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { testOn } from '../machine.ts';
import { conditionOf, startAgentNode, type AgentNode } from './agent/agent-node.ts';
import { block, MIB, mounted, targetOf, volumesOn, type VolumesOn } from './agent/volumes-on.ts';
import { linkOf } from './machine/vm.ts';

const test = testOn('root', 'qemu');
const signal = AbortSignal.timeout(1_800_000);
const EXT4 = mounted('ext4');
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  node = await startAgentNode(signal);
  on = volumesOn(node, signal);
  await node.startAgent(signal);
  await node.ask({}, signal);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

const point = (name: string, serial: string, more: object = {}) => ({
  path: `/mnt/open-local/${name}`,
  device: linkOf(serial),
  ...more,
});
const ask = (...mountpoints: ReturnType<typeof point>[]) => node.ask({ resourceToBeInited: { mountpoints } }, signal);
const messageOf = async (item: ReturnType<typeof point>): Promise<string | undefined> =>
  conditionOf(await ask(item), `MountPoint/${item.path}`)?.message;

test('D1: a mount point is formatted once, when its disk is blank, and mounted as it is after every boot', async () => {
  await on.blankDisk('p-ext4', 64);
  await on.blankDisk('p-xfs', 320);
  const items = [point('ext4', 'p-ext4', { options: ['noatime'] }), point('xfs', 'p-xfs', { fsType: 'xfs' })];
  const nls = await ask(...items);
  for (const { path } of items) expect(conditionOf(nls, `MountPoint/${path}`)).toMatchObject({ status: 'True' });
  expect(await on.bash('findmnt -rno FSTYPE,OPTIONS /mnt/open-local/ext4')).toMatch(/^ext4 .*noatime/);
  expect(nls.status?.nodeStorageInfo?.mountPoints?.map(({ name, fsType }) => `${name} ${fsType}`)).toEqual([
    '/mnt/open-local/ext4 ext4',
    '/mnt/open-local/xfs xfs',
  ]);
  const uuids = () => on.bash(`for d in ${linkOf('p-ext4')} ${linkOf('p-xfs')}; do blkid -p -s UUID -o value $d; done`);
  const before = await uuids();
  await on.bash('for p in ext4 xfs; do head -c 5000000 /dev/urandom > /mnt/open-local/$p/file; done; sync');
  const sums = () => on.bash('sha256sum /mnt/open-local/*/file');
  const content = await sums();

  await node.restart(signal);
  await expect
    .poll(() => on.bash('findmnt -rno TARGET | grep -c /mnt/open-local/ || true'), { timeout: 60_000 })
    .toBe('2');
  expect([await uuids(), await sums()]).toEqual([before, content]);
});

test('D1: a filesystem that somebody unmounted, or that is damaged, is not formatted again', async () => {
  await on.bash('umount /mnt/open-local/ext4');
  expect(await messageOf(point('ext4', 'p-ext4'))).toMatch(/is mounted\./);
  await on.bash('test -s /mnt/open-local/ext4/file');
  // The superblock is lost, and with it what tells an ext4 filesystem from nothing: data of no known kind is left.
  await on.bash(
    `umount /mnt/open-local/ext4; dd if=/dev/zero of=${linkOf('p-ext4')} bs=1k seek=1 count=1 conv=notrunc,fsync status=none`,
  );
  const before = await on.bash(`sha256sum < ${linkOf('p-ext4')}`);
  await ask();
  expect(await messageOf(point('ext4', 'p-ext4'))).toMatch(/holds data of no known kind .* left alone/);
  expect(await on.bash(`sha256sum < ${linkOf('p-ext4')}`)).toBe(before);
});

test('D1: a disk with another filesystem than asked, or with a group of LVM, is left alone', async () => {
  const [other, member] = [await on.blankDisk('p-other', 64), await on.blankDisk('p-lvm', 64)];
  await on.bash(`mkfs.ext4 -q ${other}; vgcreate -qq mine ${member}; sync`);
  const before = await on.bash(`sha256sum ${other} ${member}`);
  expect(await messageOf(point('a', 'p-other', { fsType: 'xfs' }))).toMatch(/carries ext4, not xfs: left alone/);
  expect(await messageOf(point('b', 'p-lvm'))).toMatch(/belongs to volume group mine: left alone/);
  expect(await on.bash(`sync; sha256sum ${other} ${member}`)).toBe(before);
});

test('a mounted filesystem serves one volume whole, and is emptied when it goes', async () => {
  await ask(point('xfs', 'p-xfs', { fsType: 'xfs' }));
  await on.bash('rm -f /mnt/open-local/xfs/file');
  await on.create('point', 100, { kind: 'MountPoint', path: '/mnt/open-local/xfs' });
  await on.stage('point', mounted(''));
  await on.publish('point', mounted(''), targetOf('point'));
  await on.bash(`mkdir -p ${targetOf('point')}/a/b; echo kept > ${targetOf('point')}/a/b/file; sync`);

  await node.restart(signal);
  await on.until('point', ({ status }) => status?.phase === 'Ready' && status.reason === undefined);
  await on.stageAfterBoot('point', mounted(''));
  await on.publish('point', mounted(''), targetOf('point'));
  expect(await on.bash(`cat ${targetOf('point')}/a/b/file`)).toBe('kept');
  await on.delete('point');
  const held = await on.until('point', ({ status }) => status?.reason === 'InUse');
  expect(held.status?.message).toMatch(/is in use at .*\/point\//);
  await on.unpublish('point', targetOf('point'));
  await on.unstage('point');
  await on.untilGone('point');
  expect(await on.bash('ls -A /mnt/open-local/xfs')).toBe('');
});

test('D5: a blank disk serves one volume whole, is formatted once, and is blank again when it is given back', async () => {
  const device = await on.blankDisk('whole', 128);
  const made = await on.create('whole', 100, { kind: 'Device', path: device, fsType: 'ext4' });
  expect(made.status?.sizeBytes).toBe(128 * MIB);
  await on.stage('whole', EXT4);
  await on.publish('whole', EXT4, targetOf('whole'));
  await on.bash(`yes secret | head -c 50000000 > ${targetOf('whole')}/file; sync`);

  await node.vm.pull('p-other', signal); // a disk before it is gone: it gets another name
  await node.restart(signal);
  await on.stageAfterBoot('whole', EXT4);
  await on.publish('whole', EXT4, targetOf('whole'));
  expect(await on.bash(`stat -c %s ${targetOf('whole')}/file`)).toBe('50000000');
  await on.unpublish('whole', targetOf('whole'));
  await on.unstage('whole');
  await on.delete('whole');
  await on.untilGone('whole');
  const now = await on.bash(`readlink -f ${linkOf('whole')}`);
  expect(await on.bash(`cmp -n ${128 * MIB} /dev/zero ${now} && echo zeros`)).toBe('zeros');
  await on.create('whole-again', 100, { kind: 'Device', path: now });
  await on.stage('whole-again', block);
  await on.delete('whole-again');
  await on.untilGone('whole-again');
});

test('a used disk is never given to a volume', async () => {
  const device = await on.blankDisk('used', 128);
  await on.bash(`mkfs.ext4 -q ${device}; sync`);
  const before = await on.bash(`sha256sum < ${device}`);
  await on.order('used', 100, { kind: 'Device', path: device, fsType: 'ext4' });
  const refused = await on.until('used', ({ status }) => status?.reason !== undefined);
  expect(refused.status).toMatchObject({
    reason: 'NotBlank',
    message: expect.stringMatching(/carries filesystem ext4/),
  });
  await expect(on.stage('used', EXT4)).rejects.toMatchObject({ details: expect.stringMatching(/carries/) });
  await on.delete('used');
  await on.untilGone('used');
  expect(await on.bash(`sha256sum < ${device}`)).toBe(before);
});
