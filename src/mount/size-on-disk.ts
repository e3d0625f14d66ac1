import { bytes, type Bytes } from '../model/bytes.ts';

/** Where ext2, ext3 and ext4 have it: ext4.h of Linux. */
const EXT = { at: 1024, blocks: 4, blockSize: 24, features: 96, blocksHigh: 336, end: 340 } as const;
/** EXT4_FEATURE_INCOMPAT_64BIT: only then the upper half of the number of blocks counts. */
const EXT_64BIT = 0x80;
/** sb_blocksize and sb_dblocks in xfs_format.h, big-endian. */
const XFS = { blockSize: 4, blocks: 8, end: 16 } as const;
/** total_bytes in btrfs_tree.h, in the first superblock. */
const BTRFS = { at: 65_536 + 112, end: 65_536 + 120 } as const;

/**
 * How large a filesystem says it is by the first bytes of its device; undefined for a type that is not known, and where
 * they do not tell.
 */
export function sizeOnDisk(type: string, head: Buffer): Bytes | undefined {
  const size = sizeIn(type, head);
  return size !== undefined && size > 0n && size <= BigInt(Number.MAX_SAFE_INTEGER) ? bytes(size) : undefined;
}

function sizeIn(type: string, head: Buffer): bigint | undefined {
  if (/^ext[234]$/.test(type) && head.length >= EXT.at + EXT.end) return extSize(head.subarray(EXT.at));
  if (type === 'xfs' && head.length >= XFS.end)
    return BigInt(head.readUInt32BE(XFS.blockSize)) * head.readBigUInt64BE(XFS.blocks);
  return type === 'btrfs' && head.length >= BTRFS.end ? head.readBigUInt64LE(BTRFS.at) : undefined;
}

function extSize(superblock: Buffer): bigint | undefined {
  const word = (at: number): number => superblock.readUInt32LE(at);
  if (word(EXT.blockSize) > 6) return undefined;
  const high = (word(EXT.features) & EXT_64BIT) === 0 ? 0 : word(EXT.blocksHigh);
  return ((BigInt(high) << 32n) + BigInt(word(EXT.blocks))) * BigInt(1024 << word(EXT.blockSize));
}
