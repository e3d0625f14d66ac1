import { mappingPathOf } from '../../crypt/names.ts';
import { isDeviceFile } from '../../mount/device-number.ts';
import { filesystemOn } from '../../model/copies.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { partnersOf } from './plan-group-snapshot.ts';
import { usersOfVolume } from './user-of-volume.ts';
import type { VolumeDeps } from './volume-deps.ts';
import { hasBeenReady } from './volume-step.ts';

type FlushDeps = Pick<VolumeDeps, 'others' | 'mounts' | 'filesystems' | 'log'>;

/**
 * Has what pods wrote to the volumes that a snapshot is to be taken of on their disks, where the kernel does not see to
 * it when it stops them: it writes out, and freezes, the filesystem that is right on a logical volume, but not one that
 * is on the opened device of an encrypted volume, nor a btrfs. Without that a snapshot would lack what was written, and
 * not synced, up to half a minute before it was asked for. Never throws but for the signal: a filesystem that cannot be
 * written any more is snapshotted as it is.
 */
export async function flushSources(volume: LocalVolume, deps: FlushDeps, signal: AbortSignal): Promise<void> {
  if (volume.spec.role !== 'Snapshot' || volume.metadata.deletionTimestamp !== undefined) return;
  for (const { spec } of takenWith(volume, deps.others)) {
    const source = deps.others.get(spec.source?.volume ?? '');
    if (source && isPassedOver(source)) await flush(source, deps, signal);
  }
}

/** The snapshots that are taken in this one's turn, and are not there yet. */
function takenWith(volume: LocalVolume, others: VolumeDeps['others']): readonly LocalVolume[] {
  const partners = partnersOf(volume, others);
  const [first = volume] = partners;
  if (first.metadata.name !== volume.metadata.name) return [];
  return (partners.length === 0 ? [volume] : partners).filter((one) => !hasBeenReady(one));
}

const isPassedOver = (source: LocalVolume): boolean =>
  source.spec.encryption !== undefined || filesystemOn(source) === 'btrfs';

async function flush(source: LocalVolume, { mounts, filesystems, log }: FlushDeps, signal: AbortSignal): Promise<void> {
  const { name = '' } = source.metadata;
  try {
    const users = await usersOfVolume(source, mounts, signal);
    const mounted = users.find(({ fsType }) => !isDeviceFile(fsType));
    const raw = users.length > 0 && source.spec.encryption ? mappingPathOf(name) : undefined;
    const path = mounted?.target ?? raw;
    if (path !== undefined) await filesystems.flush(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ volume: name, err: error }, 'what was written to a volume is not on its disk before its snapshot');
  }
}
