import { describeLimits } from './describe-limits.ts';
import type { LocalVolume } from './local-volume.ts';
import { present } from './present.ts';
import type { StorageTroubles } from './storage-troubles.ts';
import { recordedHealth } from './volume-health.ts';

/** A LocalVolume as people read it. */
export interface VolumeSummary {
  readonly name: string;
  readonly role: string;
  /** `namespace/name`. */
  readonly claim?: string;
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
  readonly faults: readonly VolumeFault[];
}

export interface VolumeFault {
  /** `degraded`, `inaccessible`, `data-loss`; `waiting` of a volume that is not ready yet. */
  readonly kind: string;
  readonly reason: string;
  readonly message: string;
}

/** `storage` is what is wrong on its node, `snapshot` the one that it mounts as it is; undefined where not known. */
export function summaryOf(
  volume: LocalVolume,
  known: { readonly storage: StorageTroubles | undefined; readonly snapshot: LocalVolume | undefined },
): VolumeSummary {
  const { claim } = volume.spec;
  const health = recordedHealth(volume, known);
  return {
    ...ownSummary(volume),
    ...present({ claim: claim && `${claim.namespace}/${claim.name}` }),
    faults: faultsOf(volume, health),
  };
}

/** What the object itself says. */
function ownSummary({ metadata, spec, status = {} }: LocalVolume): Omit<VolumeSummary, 'claim' | 'faults'> {
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

/** Of a volume that was never ready, what its node waits for. */
function faultsOf(
  { status }: LocalVolume,
  health: readonly { health: string; reason: string; message: string }[],
): VolumeFault[] {
  const known = health.map(({ health: kind, reason, message }) => ({ kind, reason, message }));
  const { reason, message = '' } = status ?? {};
  const isTold = known.some((each) => each.reason === reason);
  return reason === undefined || isTold ? known : [...known, { kind: 'waiting', reason, message }];
}
