import { NO_BYTES, type Bytes } from '../../model/bytes.ts';
import type { ClaimFacts, PodFacts, PodVolume } from '../../model/facts.ts';
import { present } from '../../model/present.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import { findSource, nameOfSource } from './find-source.ts';
import type { Known } from './known.ts';
import { parseInline } from './pod-needs.ts';

/** A volume of a pod that is or will be one of ours. */
export interface AskedVolume extends Partial<Pick<VolumePolicy, 'kind' | 'vgName' | 'mediaType'>> {
  readonly what: 'claim' | 'inline volume';
  /** The claim's, or that of the volume in the pod. */
  readonly name: string;
  /** What is asked; zero where nothing can be read. */
  readonly size: Bytes;
  readonly storageClass?: string;
  /** The only node that the volume can be on, once that is decided. */
  readonly node?: string;
  /** What it is made from, and where that is, as far as it is known. */
  readonly source?: string;
}

/** The volumes of the pod that are surely ours: a claim that we have not heard of may be another driver's. */
export function askedVolumes(pod: PodFacts, known: Known): AskedVolume[] {
  return pod.volumes.flatMap((volume) =>
    volume.kind === 'inline' ? askedInline(pod, volume) : (askedClaim(pod, volume, known) ?? []),
  );
}

function askedInline(pod: PodFacts, volume: PodVolume & { kind: 'inline' }): AskedVolume {
  const parsed = parseInline(pod.uid, volume);
  const named = { what: 'inline volume', name: volume.volumeName } as const;
  return 'problem' in parsed
    ? { ...named, size: NO_BYTES }
    : { ...named, size: parsed.size, kind: 'LVM', vgName: parsed.vgName };
}

function askedClaim(
  pod: PodFacts,
  volume: Exclude<PodVolume, { kind: 'inline' }>,
  known: Known,
): AskedVolume | undefined {
  const { claimName: name } = volume;
  const claim = known.findClaim(pod.namespace, name);
  const { requested, storageClass } = claim ?? { storageClass: undefined, requested: NO_BYTES, ...volume };
  const ours = known.findClass(storageClass);
  if (!ours) return undefined;
  const node = claim && known.nodeOfClaim(claim);
  const source = claim?.source && sayWhere(claim, known);
  const { kind, vgName, mediaType } = ours.policy ?? {};
  return { what: 'claim', name, size: requested, ...present({ storageClass, node, source, kind, vgName, mediaType }) };
}

function sayWhere(claim: ClaimFacts, known: Known): string {
  const { node = '' } = findSource(claim, known) ?? {};
  return `${nameOfSource(claim)}${node === '' ? '' : ` on node ${node}`}`;
}
