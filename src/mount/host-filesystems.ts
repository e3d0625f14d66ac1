import { constants } from 'node:fs';
import { open, readFile, readdir, statfs } from 'node:fs/promises';
import { MIB, bytes, type Bytes } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import { filesystemType } from '../model/filesystem-type.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { deviceNumber } from './device-number.ts';
import {
  clearArgv,
  growArgv,
  mkfsArgv,
  parseBlkid,
  type Content,
  type Filesystems,
  type FilesystemStats,
} from './filesystem.ts';

const PROBE_TIMEOUT_MS = 60_000;
const FORMAT_TIMEOUT_MS = 600_000;
/** What is left after it is removed by the next try. */
const CLEAR_TIMEOUT_MS = 600_000;
/** blkid(8): nothing was found, or the device could not be read. */
const NOTHING_FOUND = 2;
/** blkid(8): several contradicting things were found. */
const AMBIVALENT = 8;

/** Through blkid, mkfs and the growing tools of this machine. */
export function createHostFilesystems(run: Run): Filesystems {
  const call = async (argv: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<void> => {
    try {
      await run(argv, { timeoutMs }, signal);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new Fault('unavailable', error.message, { cause: error });
    }
  };

  return {
    probe: async (device, signal) =>
      (await isReadable(device)) ? probeWithBlkid(device, run, signal) : { kind: 'missing' },
    format: (device, fsType, signal) => call(mkfsArgv(device, filesystemType(fsType)), FORMAT_TIMEOUT_MS, signal),
    grow: async (mounted, signal) => {
      const argv = growArgv(mounted);
      if (argv) await call(argv, FORMAT_TIMEOUT_MS, signal);
    },
    stats: statsOf,
    entries: (mountPoint) => readdir(mountPoint),
    clear: (mountPoint, signal) => call(clearArgv(mountPoint), CLEAR_TIMEOUT_MS, signal),
    sizeOf: deviceSize,
  };
}

/** False when the device is not there. Throws Fault `unavailable` when it is and cannot be read: blkid calls that "nothing found". */
async function isReadable(device: string): Promise<boolean> {
  try {
    const handle = await open(device, constants.O_RDONLY);
    try {
      const { bytesRead } = await handle.read(Buffer.alloc(MIB), 0, MIB, 0);
      if (bytesRead === 0) throw new Error('it is empty');
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (['ENOENT', 'ENXIO', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw new Fault('unavailable', `device ${device} cannot be read: ${textOf(error)}`, { cause: error });
  }
}

async function probeWithBlkid(device: string, run: Run, signal: AbortSignal): Promise<Content> {
  try {
    const { stdout } = await run(
      ['blkid', '-p', '-o', 'export', '--', device],
      { timeoutMs: PROBE_TIMEOUT_MS },
      signal,
    );
    return parseBlkid(stdout);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (error.exitCode === NOTHING_FOUND && error.stderr.trim() === '') return { kind: 'blank' };
    if (error.exitCode === AMBIVALENT) return { kind: 'other', what: 'several contradicting signatures' };
    throw new Fault('unavailable', error.message, { cause: error });
  }
}

async function statsOf(path: string): Promise<FilesystemStats> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
  return {
    total: bytes(blocks * bsize),
    used: bytes((blocks - bfree) * bsize),
    available: bytes(bavail * bsize),
    inodes: { total: files, used: files - ffree, available: ffree },
  };
}

/** From sysfs, which counts in sectors of 512 bytes; stat says 0 for a device. */
async function deviceSize(device: string, signal: AbortSignal): Promise<Bytes | undefined> {
  const number = await deviceNumber(device);
  if (number === undefined) return undefined;
  const sectors = await readFile(`/sys/dev/block/${number}/size`, { encoding: 'utf8', signal });
  return bytes(BigInt(sectors.trim()) * 512n);
}
