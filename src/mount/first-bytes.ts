/** Where the kernel finds what a device carries: fs.h, ext4.h, xfs_format.h and btrfs_tree.h of Linux; luks2.h. */
const WORDS = [
  { what: 'crypto_LUKS', at: 0, bytes: Buffer.from([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]) },
  { what: 'xfs', at: 0, bytes: Buffer.from('XFSB') },
  { what: 'btrfs', at: 65_600, bytes: Buffer.from('_BHRfS_M') },
] as const;

/** The superblock of ext2, ext3 and ext4. Its magic number has two bytes, which noise may have by chance. */
const EXT = { at: 1024, inodes: 0, blockSize: 24, magic: 56, revision: 76, end: 80 } as const;
const EXT_MAGIC = 0xef53;

/** What the first MiB of a device looks like, whatever checksums say; undefined when it looks like nothing known. */
export function looksLike(head: Buffer): string | undefined {
  const found = WORDS.find(({ at, bytes }) => head.subarray(at, at + bytes.length).equals(bytes));
  return found?.what ?? (isExt(head) ? 'ext2, ext3 or ext4' : undefined);
}

function isExt(head: Buffer): boolean {
  if (head.length < EXT.at + EXT.end) return false;
  const word = (at: number): number => head.readUInt32LE(EXT.at + at);
  const isSound = word(EXT.inodes) > 0 && word(EXT.blockSize) <= 6 && word(EXT.revision) <= 1;
  return isSound && head.readUInt16LE(EXT.at + EXT.magic) === EXT_MAGIC;
}
