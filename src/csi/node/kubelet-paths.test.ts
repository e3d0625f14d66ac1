import { symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Code } from '../status.ts';
import { never, publish, rig, stage, stats, unpublish, unstage, type Rig } from '../../../test/rig/csi-node.ts';

test('a kubelet whose root folder is a link gets the same mounts, once', async () => {
  const it = await rig();
  await symlink(it.folder, `${it.folder}/kubelet`);
  const linked = { ...it, staging: `${it.folder}/kubelet/staging`, target: `${it.folder}/kubelet/pod/mount` };
  for (const _ of [1, 2]) await stage(linked);
  for (const _ of [1, 2]) await publish(linked);
  expect((await it.mounts.list(never)).map(({ target }) => target)).toEqual([it.staging, it.target]);
  expect((await stats(linked)).usage).toHaveLength(2);
  await unpublish(linked);
  await unstage(linked);
  expect(await it.mounts.list(never)).toEqual([]);
});

test.each<[string, (it: Rig) => Promise<unknown>, Code, string]>([
  ['a file is where the volume is staged', (it) => writeFile(it.staging, ''), Code.FAILED_PRECONDITION, 'is a file'],
  ['a file is where it is published', (it) => writeFile(it.target, ''), Code.FAILED_PRECONDITION, 'is a file'],
  ['a link is where it is published', (it) => symlink('/', it.target), Code.FAILED_PRECONDITION, 'is a symbolic link'],
  [
    'another volume is mounted where it is published',
    (it) => it.mounts.mount({ source: '/dev/g/v2', target: it.target, fsType: 'ext4', options: [] }, never),
    Code.ALREADY_EXISTS,
    '/dev/g/v2 (ext4, read-write) is mounted there',
  ],
])('when %s, the answer names the path and the cause, and nothing is mounted', async (_, prepare, code, told) => {
  const it = await rig();
  await prepare(it);
  const before = await it.mounts.list(never);
  const call = stage(it).then(() => publish(it));
  await expect(call).rejects.toMatchObject({ code, details: expect.stringContaining(told) as string });
  expect((await it.mounts.list(never)).filter(({ target }) => target === it.target)).toEqual(before);
});
