import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun, exits, type Reply } from '../exec/fake-run.ts';
import { isOn } from './btrfs.ts';
import { parseMountinfo } from './mountinfo.ts';

const never = new AbortController().signal;
/** How statfs tells the first: its words 0 and 2 by exclusive or, and then the subvolume. */
const [OWN, OWN_ID] = ['862a8660-bbed-443a-940d-6fb5183332db', '1227e9d5a3de76e4'];
const [OTHER, OTHER_ID] = ['1607b5a2-a9a7-42b4-83a8-dbd663191040', '95af6e74cabe52f1'];
const [entry] = parseMountinfo('43 27 0:39 / /m rw,relatime - btrfs /dev/loop7 rw,space_cache=v2,subvolid=5,subvol=/');
if (!entry) throw new Error('the entry cannot be read');

/** A kernel that has these filesystems on these devices, by name and number; the others are there without any. */
async function sysOf(
  filesystems: Readonly<Record<string, readonly string[]>>,
  devices: Readonly<Record<string, string>>,
) {
  const sys = await mkdtemp(path.join(tmpdir(), 'btrfs-'));
  onTestFinished(() => rm(sys, { recursive: true }));
  const folder = async (at: string): Promise<string> => {
    await mkdir(path.join(sys, at), { recursive: true });
    return path.join(sys, at);
  };
  const numbers = await folder('dev/block');
  for (const [name, number] of Object.entries(devices)) {
    const device = await folder(`devices/virtual/block/${name}`);
    await writeFile(path.join(device, 'dev'), `${number}\n`);
    await symlink(`../../devices/virtual/block/${name}`, path.join(numbers, number));
  }
  await folder('fs/btrfs/features');
  for (const [uuid, names] of Object.entries(filesystems)) {
    const on = await folder(`fs/btrfs/${uuid}/devices`);
    for (const name of names) await symlink(`../../../../devices/virtual/block/${name}`, path.join(on, name));
  }
  return sys;
}

const LOOPS = { loop0: '7:0', loop1: '7:1' };
const STAT = ['stat', '-f', '-c', '%i', '--', '/m'];

test.each([
  ['the one on the device', { [OWN]: ['loop0'] }, OWN_ID, 'yes', 1],
  ['one on two devices, of which this is one', { [OWN]: ['loop1', 'loop0'] }, OWN_ID, 'yes', 1],
  ['another one than that on the device', { [OWN]: ['loop1'], [OTHER]: ['loop0'] }, OWN_ID, 'no', 1],
  [
    'a copy under a UUID for the time, and this its original',
    { [OWN]: ['loop0'], [OTHER]: ['loop1'] },
    OTHER_ID,
    'no',
    1,
  ],
  ['on a disk that was taken out, and this the next of its name', { [OWN]: ['loop9'] }, OWN_ID, 'no', 0],
  ['on another device, and none is on this one', { [OWN]: ['loop1'] }, OWN_ID, 'no', 0],
  ['one that does not answer', { [OWN]: ['loop0'] }, exits(STAT, 1), 'unknown', 1],
] as const)('a mounted btrfs is %s', async (_, filesystems, reply: Reply, is, asked) => {
  const sys = await sysOf(filesystems, LOOPS);
  const { run, calls } = createFakeRun(() => reply);
  expect(await isOn(entry, '7:0', { run, sys }, never)).toBe(is);
  expect(calls).toEqual(asked === 0 ? [] : [STAT]);
});

test('where the kernel does not tell what is mounted, or knows no such device, nothing is known', async () => {
  const { run, calls } = createFakeRun(() => OWN_ID);
  expect(await isOn(entry, '7:0', { run, sys: '/none' }, never)).toBe('unknown');
  expect(await isOn(entry, '7:8', { run, sys: await sysOf({ [OWN]: ['loop0'] }, LOOPS) }, never)).toBe('unknown');
  expect(calls).toEqual([]);
});
