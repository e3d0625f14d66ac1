import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseMountinfo } from './mountinfo.ts';
import { isSeenOutside } from './seen-outside.ts';

const never = new AbortController().signal;
const POD = 'pods/0a1b/volumes/kubernetes.io~csi/pv-1/mount';
const line = (target: string, majorMinor = '253:3'): string =>
  `52 31 ${majorMinor} / ${target} rw shared:7 - ext4 /dev/mapper/g-v1 rw`;
const [entry] = parseMountinfo(line(`/var/lib/kubelet/${POD}`));

/** Processes by their number: the mount namespace and what is mounted there. */
async function procWith(processes: Readonly<Record<string, readonly [namespace: string, ...mounts: string[]]>>) {
  const proc = await mkdtemp(path.join(tmpdir(), 'proc-'));
  onTestFinished(() => rm(proc, { recursive: true }));
  for (const [pid, [namespace, ...mounts]] of Object.entries(processes)) {
    await mkdir(path.join(proc, pid, 'ns'), { recursive: true });
    await symlink(`mnt:[${namespace}]`, path.join(proc, pid, 'ns/mnt'));
    await writeFile(path.join(proc, pid, 'mountinfo'), mounts.join('\n'));
  }
  return proc;
}

const seen = line(`/var/lib/kubelet/${POD}`);
test.each([
  ['the machine sees it', { self: ['2'], 1: ['1', seen] }, true],
  ['the machine has the folder elsewhere', { self: ['2'], 1: ['1', line(`/opt/rke/var/lib/kubelet/${POD}`)] }, true],
  ['a kubelet in a container of its own sees it', { self: ['2'], 1: ['1'], 70: ['3', seen] }, true],
  ['nobody sees it', { self: ['2'], 1: ['1'], 70: ['3'] }, false],
  ['others see another pod’s', { self: ['2'], 1: ['1', seen.replace('0a1b', '0a1c')] }, false],
  ['others see another filesystem there', { self: ['2'], 1: ['1', line(`/var/lib/kubelet/${POD}`, '253:4')] }, false],
  ['only its own container sees it', { self: ['2', seen], 1: ['1'], 80: ['2', seen] }, false],
  ['it is in no container', { self: ['1'], 1: ['1'], 70: ['3'] }, true],
  ['it does not see the machine', { self: ['2'] }, true],
] as const)('a mount is seen outside: %s', async (_, processes, is) => {
  if (!entry) throw new Error('no entry');
  expect(await isSeenOutside(entry, await procWith(processes), never)).toBe(is);
});

test('a process that ends meanwhile is passed over, and nothing is looked at for whoever does not wait', async () => {
  if (!entry) throw new Error('no entry');
  const proc = await procWith({ self: ['2'], 1: ['1'], 70: ['3'], 80: ['4', seen] });
  await rm(path.join(proc, '70/mountinfo'));
  await mkdir(path.join(proc, '60')); // a process of another user
  expect(await isSeenOutside(entry, proc, never)).toBe(true);
  await expect(isSeenOutside(entry, proc, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
});
