import { bytes, type Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';

/** How full the store of a snapshot is. */
export interface SnapshotFill {
  readonly vgName: string;
  readonly name: string;
  /** What lvm calls its size. */
  readonly storeBytes: Bytes;
  /** Of the store, with what it needs to say what is where. */
  readonly usedBytes: Bytes;
  /** It ran full, or its disk failed: what it showed is lost for good. */
  readonly overflowed: boolean;
}

const SECTOR_BYTES = 512;
const TIMEOUT_MS = 10_000;

/** Asks the kernel alone. Throws Fault `unavailable` without device-mapper. */
export async function readFill(run: Run, signal: AbortSignal): Promise<readonly SnapshotFill[]> {
  try {
    const { stdout } = await run(['dmsetup', 'status', '--target', 'snapshot'], { timeoutMs: TIMEOUT_MS }, signal);
    return parseFill(stdout);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new Fault('unavailable', error.message, { cause: error });
  }
}

/**
 * Reads lines such as `data-snap: 0 81920 snapshot 16/24576 16`: sectors used and to be had, and of these the ones that
 * say what is where. In place of the numbers: `Invalid`, `Overflow`, `Merge failed`, `Unknown` (snapshot_status in
 * drivers/md/dm-snap.c in Linux); one whose store failed has no sizes any more.
 */
export function parseFill(stdout: string): readonly SnapshotFill[] {
  return stdout.split('\n').flatMap((line) => {
    const found = /^(?<device>\S+): \d+ \d+ snapshot (?<state>.+)$/.exec(line.trim())?.groups;
    const where = namesOf(found?.['device'] ?? '');
    if (!found || !where) return [];
    const [, used, store] = /^(\d+)\/(\d+)/.exec(found['state'] ?? '') ?? [];
    if (used === undefined || store === undefined)
      return [{ ...where, storeBytes: bytes(0), usedBytes: bytes(0), overflowed: found['state'] !== 'Unknown' }];
    const inBytes = (sectors: string): Bytes => bytes(Number(sectors) * SECTOR_BYTES);
    return [{ ...where, storeBytes: inBytes(store), usedBytes: inBytes(used), overflowed: false }];
  });
}

/** lvm joins group and volume by a hyphen, and doubles those within them (dm_build_dm_name in libdm/libdm-string.c). */
function namesOf(device: string): { readonly vgName: string; readonly name: string } | undefined {
  const parts = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(device);
  const plain = (text = ''): string => text.replaceAll('--', '-');
  return parts ? { vgName: plain(parts[1]), name: plain(parts[2]) } : undefined;
}
