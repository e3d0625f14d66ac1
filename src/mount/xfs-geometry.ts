import type { Bytes } from '../model/bytes.ts';

/** XFS_MIN_AG_BLOCKS in xfs_fs.h of Linux: the kernel makes no allocation group of fewer blocks. */
const LEAST_GROUP = 64;

/**
 * Whether an xfs, as xfs_growfs(8) describes it, is as large as the kernel makes it on a device of this size: of what
 * is left over a whole number of allocation groups, some blocks are too few for one more.
 */
export function isLargestXfs(described: string, size: Bytes): boolean {
  const number = (pattern: RegExp): number => Number(pattern.exec(described)?.[1]);
  const blocks = number(/^data .*\bblocks=(\d+)/m);
  const fitting = Math.floor(size / number(/^data .*\bbsize=(\d+)/m));
  const left = fitting % number(/\bagsize=(\d+) blks/);
  return left > 0 && left < LEAST_GROUP && fitting - left === blocks;
}
