import { servedPathOf } from '../../crypt/names.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { healthEntry, recordedHealth, type HealthEntry } from '../../model/volume-health.ts';
import { NO_TROUBLES, type StorageTroubles } from '../../model/storage-troubles.ts';
import type { Filesystems } from '../../mount/filesystem.ts';
import { mountAt, stateAfterErrors } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';
import {
  StorageHealthErrorType,
  type NodeGetStorageHealthResponse_StorageBackendHealth as BackendHealth,
} from '../gen/csi.ts';

/** What is recorded of this node and its volumes; the agent supplies it. */
export interface HealthRecords {
  /** Undefined: this node has no such volume. Throws Fault `unavailable` when it is not known. */
  volume(id: string, signal: AbortSignal): Promise<LocalVolume | undefined>;
  /** What was heard of; undefined: nothing. */
  heard(id: string): LocalVolume | undefined;
  /** Undefined: not reported yet. */
  troubles(): StorageTroubles | undefined;
}

export interface VolumeHealthDeps {
  readonly records: HealthRecords;
  readonly mounts: Pick<Mounts, 'list' | 'shows'>;
  readonly filesystems: Pick<Filesystems, 'sizeOf'>;
}

/**
 * What is wrong with a volume as this node sees it: what is recorded, a device that is missing, and what the kernel did
 * to the filesystem that is seen at the paths. No path of a pod or of the volume is touched: on a dead filesystem that
 * would never end. Throws Fault `not-found` for a volume that is not on this node.
 */
export async function volumeHealth(
  id: string,
  paths: readonly string[],
  deps: VolumeHealthDeps,
  signal: AbortSignal,
): Promise<readonly HealthEntry[]> {
  const { records } = deps;
  const volume = await records.volume(id, signal);
  if (volume === undefined) throw new Fault('not-found', `volume ${id} is not on this node`);
  const { readOnly, source } = volume.spec;
  const snapshot = readOnly === true && source?.snapshot ? records.heard(source.snapshot) : undefined;
  const recorded = recordedHealth(volume, { storage: records.troubles() ?? NO_TROUBLES, snapshot });
  if (recorded.some(({ health }) => health !== 'degraded')) return recorded; // its device would tell the same again
  return [...(await seenHealth(volume, paths, deps, signal)), ...recorded];
}

async function seenHealth(
  volume: LocalVolume,
  paths: readonly string[],
  { mounts, filesystems }: VolumeHealthDeps,
  signal: AbortSignal,
): Promise<readonly HealthEntry[]> {
  const source = volume.status?.devicePath;
  if (source === undefined) return [];
  if (volume.spec.kind !== 'MountPoint' && (await filesystems.sizeOf(source, signal)) === undefined)
    return [healthEntry('DeviceMissing', volume, `its device ${source} is missing: see the disks of the node`)];
  const entries = await mounts.list(signal);
  const mounted = servedPathOf(volume) ?? source;
  for (const entry of paths.flatMap((path) => mountAt(entries, path) ?? [])) {
    const state = stateAfterErrors(entry);
    if (state === undefined || !(await mounts.shows(entry, mounted, signal))) continue;
    if (state === 'shut-down') return [healthEntry('FilesystemShutDown', volume, afterErrors('shut down'))];
    return [healthEntry('FilesystemReadOnly', volume, afterErrors('made read-only'))];
  }
  return [];
}

const afterErrors = (what: string): string =>
  `the kernel has ${what} its filesystem after errors: see the kernel's log for the cause, then stop the pods that have it so that it is checked and mounted anew`;

/** What is wrong with the storage of this node, each pair of status and reason once, as CSI v1.13 wants it. */
export function storageHealth(troubles: StorageTroubles | undefined): BackendHealth[] {
  const { groups, volumes, units, disks } = troubles ?? NO_TROUBLES;
  const partial = [...volumes].map(([group, names]) => `group ${group}: not whole are ${names.join(', ')}`);
  return [
    ...backend(StorageHealthErrorType.STORAGE_DEGRADED, 'DisksMissing', [...groups.values()]),
    ...backend(StorageHealthErrorType.STORAGE_DEGRADED, 'VolumesPartial', partial),
    ...backend(StorageHealthErrorType.STORAGE_DEGRADED, 'UnitsFaulty', [...units.values()]),
    ...backend(StorageHealthErrorType.STORAGE_DEGRADED, 'DisksFailing', [...new Set(disks.values())]),
  ];
}

const backend = (status: StorageHealthErrorType, reason: string, messages: readonly string[]): BackendHealth[] =>
  messages.length === 0 ? [] : [{ status, reason, message: messages.join('; '), volumeCapability: undefined }];
