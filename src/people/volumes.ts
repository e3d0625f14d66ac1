import { describeLimits } from '../model/describe-limits.ts';
import { podFacts } from '../model/decode.ts';
import { inlineVolumeId } from '../model/inline-volume.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage, Pod } from '../model/objects.ts';
import { present } from '../model/present.ts';
import { storageTroubles } from '../model/storage-troubles.ts';
import { recordedHealth } from '../model/volume-health.ts';

export interface VolumeRow {
  readonly name: string;
  readonly role: string;
  /** `namespace/name`. */
  readonly claim?: string;
  /** Pods that have it, `namespace/name`. */
  readonly pods: readonly string[];
  readonly node: string;
  /** The group, disk or mount point. */
  readonly place: string;
  /** What it is to have, bytes. */
  readonly size: number;
  /** What its node provides, where that is other. */
  readonly provided?: number;
  readonly limits?: string;
  readonly phase: string;
  readonly deleting?: true;
  /** Of a copy, percent. */
  readonly progress?: number;
  /** What is wrong with it, the worst first: sentences. */
  readonly faults: readonly Fault[];
}

interface Fault {
  /** `degraded`, `inaccessible`, `data-loss`; `waiting` of a volume that is not ready yet. */
  readonly kind: string;
  readonly reason: string;
  readonly message: string;
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
      const claim = spec.claim && `${spec.claim.namespace}/${spec.claim.name}`;
      const snapshot = spec.readOnly ? byName.get(spec.source?.snapshot ?? '') : undefined;
      const health = recordedHealth(volume, { storage: troubles.get(spec.nodeName), snapshot });
      const pods = users.get(claim ?? metadata.name ?? '') ?? [];
      return { ...ownRow(volume), ...present({ claim }), pods, faults: faultsOf(volume, health) };
    })
    .toSorted(byClaim);
}

/** What the object itself says. */
function ownRow({ metadata, spec, status = {} }: LocalVolume): Omit<VolumeRow, 'claim' | 'pods' | 'faults'> {
  const { phase = 'Pending', sizeBytes, progress } = status;
  return {
    ...{ name: metadata.name ?? '', role: spec.role, node: spec.nodeName, size: spec.sizeBytes, phase },
    place: (spec.kind === 'LVM' ? spec.vgName : spec.path) ?? '',
    ...present({
      provided: sizeBytes === spec.sizeBytes ? undefined : sizeBytes,
      limits: describeLimits(spec.limits),
      deleting: metadata.deletionTimestamp === undefined ? undefined : (true as const),
      progress: phase === 'Ready' ? undefined : progress,
    }),
  };
}

/** Volumes without a claim come last. */
const byClaim = (a: VolumeRow, b: VolumeRow): number =>
  Number(a.claim === undefined) - Number(b.claim === undefined) ||
  (a.claim ?? a.name).localeCompare(b.claim ?? b.name, 'en', { numeric: true });

/** Of a volume that was never ready, what its node waits for. */
function faultsOf(
  { status }: LocalVolume,
  health: readonly { health: string; reason: string; message: string }[],
): Fault[] {
  const known = health.map(({ health: kind, reason, message }) => ({ kind, reason, message }));
  const { reason, message = '' } = status ?? {};
  const isTold = known.some((each) => each.reason === reason);
  return reason === undefined || isTold ? known : [...known, { kind: 'waiting', reason, message }];
}

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
