import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import type { FaultKind } from '../../model/fault.ts';
import { pathFault } from './path-fault.ts';
import { makeFile, makeFolder, removeTarget, resolveAbove } from './target.ts';

async function workFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'target-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const failing = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code });

test.each<[string, FaultKind, string]>([
  ['ENOSPC', 'exhausted', 'has no room or no inode left (ENOSPC): free some'],
  ['EDQUOT', 'exhausted', 'has no room'],
  ['EROFS', 'precondition', 'its filesystem is read-only (EROFS): see in the kernel log'],
  ['EACCES', 'precondition', 'the agent may not do that (EACCES): run it as root'],
  ['EPERM', 'precondition', 'the agent may not do that (EPERM)'],
  ['ENOTDIR', 'precondition', 'a part of the path is not a folder (ENOTDIR): see what is there'],
  ['ENOENT', 'precondition', 'the folder above it is not there (ENOENT): the kubelet makes it'],
  ['ENAMETOOLONG', 'invalid', 'is too long (ENAMETOOLONG): names have up to 255 bytes'],
  ['ELOOP', 'precondition', 'links in the path lead in a circle (ELOOP)'],
  ['EIO', 'unavailable', 'does not answer (EIO): bring its disk or server back'],
  ['ESTALE', 'unavailable', 'does not answer (ESTALE)'],
  ['ENOTCONN', 'unavailable', 'does not answer (ENOTCONN)'],
  ['EMFILE', 'unavailable', 'is short of it (EMFILE)'],
  ['EBUSY', 'unavailable', 'it is in use (EBUSY)'],
  ['ENOTEMPTY', 'unavailable', 'it is not empty (ENOTEMPTY)'],
  ['EXDEV', 'unavailable', 'it failed (EXDEV)'],
])('%s at a path of the kubelet is said to be %s, with the path, the cause and what to do', (code, kind, told) => {
  const fault = pathFault('made', '/pods/a/mount', failing(code));
  expect(fault).toMatchObject({ kind, message: expect.stringContaining(told) as string });
  expect(fault.message).toMatch(/^\/pods\/a\/mount cannot be made: /);
});

test.each([new TypeError('a bug'), Object.assign(new Error('a bug'), { code: 'ERR_INVALID_ARG_TYPE' })])(
  'a bug is not taken for an error of the system: %s',
  (bug) => {
    expect(() => pathFault('made', '/pods/a/mount', bug)).toThrow(bug);
  },
);

/** Makes what is found at the target, or above it. */
const FOUND: Readonly<Record<string, (target: string) => Promise<unknown>>> = {
  'a folder': (target) => mkdir(target),
  'a folder with content': async (target) => {
    await mkdir(target);
    await writeFile(`${target}/precious`, 'x');
  },
  'an empty file': (target) => writeFile(target, ''),
  'a file with content': (target) => writeFile(target, 'precious'),
  'a link to a folder': async (target) => {
    await mkdir(`${target}-elsewhere`);
    await symlink(`${target}-elsewhere`, target);
  },
  'a link to nowhere': (target) => symlink(`${target}-nowhere`, target),
  'a pipe': (target) => promisify(execFile)('mkfifo', [target]),
  nothing: () => Promise.resolve(),
};

test.each([
  ['nothing', makeFolder],
  ['nothing', makeFile],
  ['a folder', makeFolder],
  ['a folder with content', makeFolder],
  ['an empty file', makeFile],
])('where there is %s, a mount can be: %o', async (found, make) => {
  const target = path.join(await workFolder(), 'mount');
  await FOUND[found]?.(target);
  await make(target);
  const made = await lstat(target);
  expect([made.isDirectory(), made.isFile()]).toEqual([make === makeFolder, make === makeFile]);
});

test.each([
  ['an empty file', makeFolder, 'is a file where the folder for a mount belongs'],
  ['a file with content', makeFolder, 'is a file with content where the folder'],
  ['a link to a folder', makeFolder, 'is a symbolic link where the folder'],
  ['a link to nowhere', makeFolder, 'is a symbolic link where the folder'],
  ['a pipe', makeFolder, 'is a device, socket or pipe where the folder'],
  ['a folder', makeFile, 'is a folder where the empty file'],
  ['a folder with content', makeFile, 'is a folder where the empty file'],
  ['a file with content', makeFile, 'is a file with content where the empty file'],
  ['a link to a folder', makeFile, 'is a symbolic link where the empty file'],
  ['a link to nowhere', makeFile, 'is a symbolic link where the empty file'],
])('where there is %s, a mount cannot be: %o', async (found, make, told) => {
  const target = path.join(await workFolder(), 'mount');
  await FOUND[found]?.(target);
  const before = await lstat(target);
  const message = expect.stringContaining(`${target} ${told}`) as string;
  await expect(make(target)).rejects.toMatchObject({ kind: 'precondition', message });
  expect(await lstat(target)).toMatchObject({ ino: before.ino, size: before.size });
});

test.each([
  ['the folder above is not there', 'missing/mount', 'precondition', 'ENOENT'],
  ['a file is above', 'file/mount', 'precondition', 'ENOTDIR'],
  ['its name is too long', 'x'.repeat(256), 'invalid', 'ENAMETOOLONG'],
])('nothing is made where %s', async (_, below, kind, code) => {
  const folder = await workFolder();
  await writeFile(`${folder}/file`, '');
  for (const make of [makeFolder, makeFile]) {
    const outcome = make(path.join(folder, below));
    await expect(outcome).rejects.toMatchObject({ kind, message: expect.stringContaining(`(${code})`) as string });
  }
  expect(await readdir(folder)).toEqual(['file']);
});

test.each(['nothing', 'a folder', 'an empty file', 'a link to a folder', 'a link to nowhere'])(
  'what is left of a publication is removed: %s',
  async (found) => {
    const folder = await workFolder();
    await FOUND[found]?.(path.join(folder, 'mount'));
    await removeTarget(path.join(folder, 'mount'));
    expect(await readdir(folder)).toEqual(found === 'a link to a folder' ? ['mount-elsewhere'] : []);
  },
);

test.each([
  ['a folder with content', 'unavailable', '/precious'],
  ['a file with content', 'precondition', ''],
])('what is left of a publication and has content stays: %s', async (found, kind, below) => {
  const target = path.join(await workFolder(), 'mount');
  await FOUND[found]?.(target);
  await expect(removeTarget(target)).rejects.toMatchObject({ kind });
  expect((await lstat(`${target}${below}`)).size).toBeGreaterThan(0);
});

test('nothing is left of a publication where the folder above is gone, or is a file by now', async () => {
  const folder = await workFolder();
  await writeFile(`${folder}/file`, '');
  for (const below of ['gone/mount', 'file/mount']) await removeTarget(`${folder}/${below}`);
  expect(await readdir(folder)).toEqual(['file']);
});

test('where it cannot be seen whether something is left of a publication, that is told', async () => {
  const folder = await workFolder();
  await symlink('circle', `${folder}/circle`);
  const message = expect.stringContaining('/circle/mount cannot be looked at') as string;
  await expect(removeTarget(`${folder}/circle/mount`)).rejects.toMatchObject({ kind: 'precondition', message });
});

test('links above are followed, as mount tables have them, and one at the end is not', async () => {
  const folder = await workFolder();
  await mkdir(`${folder}/real/pod`, { recursive: true });
  await symlink('real', `${folder}/root`);
  await symlink('pod', `${folder}/real/link`);
  expect(await resolveAbove(`${folder}/root/pod/mount`)).toBe(`${folder}/real/pod/mount`);
  expect(await resolveAbove(`${folder}/root/link`)).toBe(`${folder}/real/link`);
  expect(await resolveAbove(`${folder}/gone/pod/mount`)).toBe(`${folder}/gone/pod/mount`);
  await symlink('circle', `${folder}/circle`);
  await expect(resolveAbove(`${folder}/circle/mount`)).rejects.toMatchObject({ kind: 'precondition' });
});
