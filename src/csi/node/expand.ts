import { formatBytes, type Bytes } from '../../model/bytes.ts';
import { LUKS_HEADER } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import { canGrow, LEAST_GROWN_BTRFS } from '../../mount/filesystem.ts';
import { isDeviceFile } from '../../mount/device-number.ts';
import { isReadOnly, mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { NodeVolume } from './node-volumes.ts';
import type { StageDeps } from './stage.ts';
import { resizeVolume } from './unlock.ts';
import { findAt, sizeOf, type VolumeAt } from './volume-at.ts';

/** A volume that is to be as large as its device. */
export interface Expand {
  readonly at: VolumeAt;
  /** Where it is staged; empty when nobody says. */
  readonly stagingPath: string;
  /** In bytes; 0 when nobody says. */
  readonly required: Bytes;
  /** What an encrypted volume is opened with: secret-keys.ts. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Makes the filesystem as large as its device, which was grown before, and before that the mapping of an encrypted
 * volume; gives the size in bytes. Throws Fault `unavailable` while the device is smaller than `required`,
 * `out-of-range` when it never grows, `precondition` when it is mounted read-only everywhere.
 */
export async function expandVolume(
  { at, stagingPath, required, secrets }: Expand,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  const { volume, entry } = await findAt(at, deps, signal);
  if (volume.isSnapshot)
    throw new Fault('precondition', `volume ${at.id} shows a snapshot as it was taken: it does not grow`);
  if (volume.encryption) await growMapping(volume, volume.encryption.device, secrets, deps, signal);
  const size = await sizeOf(volume, deps, signal);
  if (size < required) throw tooSmall(volume, size, required);
  if (volume.kind === 'MountPoint' || isDeviceFile(entry.fsType)) return size;
  const { target, fsType } = await writable(volume, entry, stagingPath, deps, signal);
  if (!canGrow(fsType, size))
    throw new Fault(
      'out-of-range',
      `volume ${at.id} has ${formatBytes(size)}, and the kernel grows a ${fsType} to no less than ` +
        `${formatBytes(LEAST_GROWN_BTRFS)}: ask for that or more`,
    );
  const mounted = { device: volume.source, target, fsType };
  await deps.ownWork.run(at.id, (own) => deps.filesystems.grow(mounted, own), signal);
  return size;
}

function tooSmall({ id, kind }: NodeVolume, size: Bytes, required: Bytes): Fault {
  const fewer = `volume ${id} has ${size} bytes, fewer than the ${required} asked for`;
  if (kind === 'LVM') return new Fault('unavailable', `${fewer}: it has not grown yet`);
  const what = kind === 'Device' ? 'a whole disk' : 'a whole filesystem';
  return new Fault('out-of-range', `${fewer}: it is ${what} and does not grow; copy what is in it to a larger volume`);
}

/**
 * A mount by which the filesystem can be grown: a pod may have it read-only, and it is staged to be written to. Throws
 * Fault `precondition` when there is none.
 */
async function writable(
  { id, source }: NodeVolume,
  entry: MountEntry,
  stagingPath: string,
  { mounts }: StageDeps,
  signal: AbortSignal,
): Promise<MountEntry> {
  if (!isReadOnly(entry)) return entry;
  const staged = mountAt(await mounts.list(signal), stagingPath);
  if (staged && !isReadOnly(staged) && (await mounts.shows(staged, source, signal))) return staged;
  throw new Fault(
    'precondition',
    `volume ${id} is mounted read-only at ${entry.target}, and its filesystem cannot be grown so: it is when it is ` +
      'mounted to be written to',
  );
}

/** Asks for no key when the mapping has all of its device already. */
async function growMapping(
  volume: NodeVolume,
  device: string,
  secrets: Expand['secrets'],
  deps: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  const below = (await deps.filesystems.sizeOf(device, signal)) ?? 0;
  if ((await sizeOf(volume, deps, signal)) + LUKS_HEADER >= below) return;
  await deps.ownWork.run(volume.id, (own) => resizeVolume(volume.id, secrets, deps.crypt, own), signal);
}
