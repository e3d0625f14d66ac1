import { podFacts } from '../model/decode.ts';
import { inlineVolumeId } from '../model/inline-volume.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage, Pod } from '../model/objects.ts';
import { storageTroubles } from '../model/storage-troubles.ts';
import { summaryOf, type VolumeSummary } from '../model/volume-summary.ts';

/** A LocalVolume, and who has it. */
export interface VolumeRow extends VolumeSummary {
  /** Pods that have it, `namespace/name`. */
  readonly pods: readonly string[];
}

export interface VolumeSources {
  readonly volumes: readonly LocalVolume[];
  readonly storages: readonly NodeLocalStorage[];
  readonly pods: readonly Pod[];
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
}

/** Every LocalVolume with who has it and what is wrong with it, by claim. */
export function volumeRows({ volumes, storages, pods, drivers }: VolumeSources): readonly VolumeRow[] {
  const troubles = new Map(storages.map((nls) => [nls.metadata.name ?? '', storageTroubles(nls)]));
  const byName = new Map(volumes.map((volume) => [volume.metadata.name ?? '', volume]));
  const users = usersOf(pods, drivers);
  return volumes
    .map((volume): VolumeRow => {
      const { metadata, spec } = volume;
      const snapshot = spec.readOnly ? byName.get(spec.source?.snapshot ?? '') : undefined;
      const row = summaryOf(volume, { storage: troubles.get(spec.nodeName), snapshot });
      return { ...row, pods: users.get(row.claim ?? metadata.name ?? '') ?? [] };
    })
    .toSorted(byClaim);
}

/** Volumes without a claim come last. */
const byClaim = (a: VolumeRow, b: VolumeRow): number =>
  Number(a.claim === undefined) - Number(b.claim === undefined) ||
  (a.claim ?? a.name).localeCompare(b.claim ?? b.name, 'en', { numeric: true });

/** Pods by the claim, or by the inline volume, that they have. */
function usersOf(pods: readonly Pod[], drivers: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const pod of pods) {
    const { uid, namespace, name, finished, volumes } = podFacts(pod, drivers);
    if (finished) continue;
    for (const volume of volumes) {
      const key =
        volume.kind === 'inline' ? inlineVolumeId(uid, volume.volumeName) : `${namespace}/${volume.claimName}`;
      users.set(key, [...(users.get(key) ?? []), `${namespace}/${name}`]);
    }
  }
  return users;
}
