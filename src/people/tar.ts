import { gzipSync } from 'node:zlib';

export interface ArchiveFile {
  /** With `/` between folders; at most 100 bytes. */
  readonly name: string;
  readonly text: string;
}

/** All numbers of a header's are octal, and end with a NUL. */
const octal = (value: number, bytes: number): string => `${value.toString(8).padStart(bytes - 1, '0')}\0`;

/** Where the checksum stands; it is counted as if it were spaces. */
const CHECKSUM = { at: 148, bytes: 8 } as const;
const BLOCK = 512;

/** A gzipped tar of files that are all of one time, ms since 1970: POSIX.1-1988, ustar interchange format. */
export function tarGz(files: readonly ArchiveFile[], atMs: number): Buffer {
  const parts = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text);
    return [header(name, content.length, atMs), content, Buffer.alloc(-content.length & (BLOCK - 1))];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]));
}

function header(name: string, size: number, atMs: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100) throw new RangeError(`the name ${name} is too long for a tar`);
  block.write(name, 0);
  block.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(Math.floor(atMs / 1000), 12), 100);
  block.write(' '.repeat(CHECKSUM.bytes), CHECKSUM.at);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)} `, CHECKSUM.at);
  return block;
}
