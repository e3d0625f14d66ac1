import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KernelFolders } from './sysfs.ts';

/**
 * Files of a fake kernel, by path: `{'sys/block/sda/size': '2048'}`. A folder ends in a slash. The returned
 * function removes them.
 */
export async function fakeKernel(
  files: Readonly<Record<string, string>>,
): Promise<{ readonly folders: KernelFolders; readonly remove: () => Promise<void> }> {
  const root = await mkdtemp(path.join(tmpdir(), 'kernel-'));
  for (const folder of ['sys/block', 'proc', 'dev']) await mkdir(path.join(root, folder), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/')) await writeFile(file, `${content}\n`);
  }
  const folders = { sys: path.join(root, 'sys'), proc: path.join(root, 'proc'), dev: '/dev' };
  return { folders, remove: () => rm(root, { recursive: true, force: true }) };
}
