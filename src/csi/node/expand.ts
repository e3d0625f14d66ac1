import type { Bytes } from '../../model/bytes.ts';
import { LUKS_HEADER } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import type { NodeVolume } from './node-volumes.ts';
import type { StageDeps } from './stage.ts';
import { resizeVolume } from './unlock.ts';
import { findAt, sizeOf, type VolumeAt } from './volume-at.ts';

/** A volume that is to be as large as its device. */
export interface Expand {
  readonly at: VolumeAt;
  /** In bytes; 0 when nobody says. */
  readonly required: Bytes;
  /** What an encrypted volume is opened with: secret-keys.ts. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Makes the filesystem as large as its device, which was grown before, and before that the mapping of an encrypted
 * volume; gives the size in bytes. Throws Fault `unavailable` while the device is smaller than `required`.
 */
export async function expandVolume(
  { at, required, secrets }: Expand,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  const { volume, entry } = await findAt(at, deps, signal);
  if (volume.isSnapshot)
    throw new Fault('precondition', `volume ${at.id} shows a snapshot as it was taken: it does not grow`);
  if (volume.encryption) await growMapping(volume, secrets, deps, signal);
  const size = await sizeOf(volume, deps, signal);
  if (size < required)
    throw new Fault(
      'unavailable',
      `volume ${at.id} has ${size} bytes, fewer than the ${required} asked for: it has not grown yet`,
    );
  if (volume.kind === 'MountPoint') return size;
  const mounted = { device: volume.source, target: entry.target, fsType: entry.fsType };
  await deps.ownWork.run(at.id, (own) => deps.filesystems.grow(mounted, own), signal);
  return size;
}

/** Asks for no key when the mapping has all of its device already. */
async function growMapping(
  volume: NodeVolume,
  secrets: Expand['secrets'],
  deps: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  const { device = '' } = volume.encryption ?? {};
  const below = (await deps.filesystems.sizeOf(device, signal)) ?? 0;
  if ((await sizeOf(volume, deps, signal)) + LUKS_HEADER >= below) return;
  await deps.ownWork.run(volume.id, (own) => resizeVolume(volume.id, secrets, deps.crypt, own), signal);
}
