import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const SOURCE = path.join(import.meta.dirname, '../../src');
/** First words of arrays in src/ that are names of programs elsewhere, and none here. */
const NO_PROGRAMS: ReadonlySet<string> = new Set(['pvs', 'vgs', 'true', 'yes', 'bash', 'clear']);

/** A version's numbers, so that they compare. */
export type Version = readonly number[];

/**
 * The programs that the agent starts, with how each tells its version and the oldest that will do: the agent knows the
 * arguments and messages of these.
 */
export const TOOLS: readonly { readonly name: string; readonly ask: string; readonly atLeast: Version }[] = [
  { name: 'lvm', ask: 'lvm version | grep LVM', atLeast: [2, 3, 16] },
  { name: 'dmsetup', ask: 'dmsetup --version', atLeast: [1, 2, 175] },
  { name: 'cryptsetup', ask: 'cryptsetup --version', atLeast: [2, 4] },
  ...['mkfs.ext2', 'mkfs.ext3', 'mkfs.ext4', 'e2fsck'].map((name) => ({
    name,
    ask: `${name} -V`,
    atLeast: [1, 45],
  })),
  ...['tune2fs', 'resize2fs'].map((name) => ({ name, ask: name, atLeast: [1, 45] })),
  ...['mkfs.xfs', 'xfs_admin', 'xfs_growfs'].map((name) => ({ name, ask: `${name} -V`, atLeast: [5, 10] })),
  ...['mkfs.btrfs', 'btrfs'].map((name) => ({ name, ask: `${name} --version`, atLeast: [5, 10] })),
  { name: 'btrfstune', ask: 'btrfstune --help', atLeast: [] },
  ...[
    'wipefs',
    'blkid',
    'blkdiscard',
    'blockdev',
    'dmesg',
    'fallocate',
    'fsfreeze',
    'losetup',
    'mount',
    'umount',
    'unshare',
  ].map((name) => ({ name, ask: `${name} --version`, atLeast: [2, 33] })),
  { name: 'smartctl', ask: 'smartctl --version', atLeast: [7] },
  { name: 'dd', ask: 'dd --version', atLeast: [8, 16] },
  { name: 'sync', ask: 'sync --version', atLeast: [8, 24] },
  ...['find', 'stat'].map((name) => ({ name, ask: `${name} --version`, atLeast: [4] })),
];

/** Numbers of the first version in a text. */
export const versionIn = (text: string): Version => (/\d+(?:\.\d+)+/.exec(text)?.[0] ?? '').split('.').map(Number);

/** Whether a version is at least as new as another. */
export function isAtLeast(version: Version, wanted: Version): boolean {
  for (const [at, number] of wanted.entries()) {
    const has = version[at] ?? 0;
    if (has !== number) return has > number;
  }
  return true;
}

/** Which of these programs are the first word of an array anywhere in src/, as those are that the agent starts. */
export async function startedBySource(programs: ReadonlySet<string>): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const file of await readdir(SOURCE, { recursive: true })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const text = await readFile(path.join(SOURCE, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/\[\s*'([\w.]+)'/g))
      if (programs.has(name) && !NO_PROGRAMS.has(name)) found.add(name);
  }
  return [...found].toSorted();
}
