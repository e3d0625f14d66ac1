import { open, readFile, truncate, writeFile } from 'node:fs/promises';

/** One write to a disk. */
export interface Write {
  readonly offset: number;
  readonly data: Buffer;
}

const MAGIC = 0x6a736677736872n;
const DISCARD = 4n;

/**
 * Reads the log of a disk's writes: a header, then entries with their data, all in sectors
 * (drivers/md/dm-log-writes.c).
 */
export async function readWriteLog(file: string, sectorBytes = 512): Promise<readonly Write[]> {
  const log = await readFile(file);
  if (log.readBigUInt64LE(0) !== MAGIC) throw new Error(`${file} is no log of writes`);
  const count = Number(log.readBigUInt64LE(16));
  const writes: Write[] = [];
  let at = sectorBytes;
  for (let entry = 0; entry < count; entry += 1) {
    const offset = Number(log.readBigUInt64LE(at)) * sectorBytes;
    const length = Number(log.readBigUInt64LE(at + 8)) * sectorBytes;
    const isDiscard = (log.readBigUInt64LE(at + 16) & DISCARD) !== 0n;
    at += sectorBytes;
    const data = isDiscard ? Buffer.alloc(length) : log.subarray(at, at + length);
    if (!isDiscard) at += length;
    if (length > 0) writes.push({ offset, data });
  }
  return writes;
}

/** Makes the disk as a power cut after these writes would leave it. */
export async function replay(file: string, sizeBytes: number, writes: readonly Write[]): Promise<void> {
  await writeFile(file, '');
  await truncate(file, sizeBytes);
  await using disk = await open(file, 'r+');
  for (const { offset, data } of writes) await disk.write(data, 0, data.length, offset);
}
