import { present } from '../../model/present.ts';
import { sizeToMake } from '../../model/claim-judge.ts';
import type { Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { parseMutableParameters } from '../../model/mutable-parameters.ts';
import { parseStorageClass, type IoLimits, type VolumePolicy } from '../../model/storage-class.ts';
import { PARAM_PVC_NAME, PARAM_PVC_NAMESPACE, TOPOLOGY_KEY } from '../../model/well-known.ts';
import { parseCapabilities, type Usage } from './capability.ts';
import { parseCapacityRange, wantedSize, type Asked } from './capacity-range.ts';
import type { CreateVolumeRequest, TopologyRequirement } from '../gen/csi.ts';
import type { Topology } from '../ports.ts';
import { volumeIdOf } from './volume-id.ts';

/** A volume that somebody wants, checked and in our own words. */
export interface WantedVolume {
  readonly id: string;
  /** As the caller names it. */
  readonly name: string;
  readonly asked: Asked;
  readonly size: Bytes;
  readonly policy: VolumePolicy;
  readonly usage: Usage;
  /** The CSI id of what it is to be filled from. */
  readonly source?: { readonly volume?: string; readonly snapshot?: string };
  /** Those of its VolumeAttributesClass; none without one. */
  readonly attributes: IoLimits;
  /** Names of the nodes where it may be, the best first; absent: anywhere. */
  readonly nodes?: readonly string[];
  readonly claim?: { readonly namespace: string; readonly name: string };
  /** Of the StorageClass, as they came: they go back in the volume's context, as open-local does. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A LocalVolume keeps the name it was asked by. */
export const MAX_NAME_CHARS = 253;

/** Throws Fault `invalid` or `out-of-range`, naming the field. */
export function parseCreateVolume(request: CreateVolumeRequest, topology: Pick<Topology, 'nodesAt'>): WantedVolume {
  const { name, parameters } = request;
  if (name === '') throw new Fault('invalid', 'name is missing: a volume is found again by it');
  if (name.length > MAX_NAME_CHARS) throw new Fault('invalid', `name has more than ${MAX_NAME_CHARS} characters`);
  if (request.volumeCapabilities.length === 0) parseCapabilities([], 'LVM'); // said before a bad StorageClass is
  const policy = parseStorageClass(parameters);
  const usage = parseCapabilities(request.volumeCapabilities, policy.kind);
  const attributes = parseMutableParameters(request.mutableParameters);
  const asked = parseCapacityRange(request.capacityRange);
  const nodes = candidateNodes(request.accessibilityRequirements, topology);
  const claim = claimOf(parameters);
  const source = sourceOf(request.volumeContentSource);
  return {
    id: volumeIdOf(name),
    name,
    asked,
    size: sizeToMake(
      policy.kind,
      { block: usage.block, fsType: usage.fsType ?? '', encryption: policy.encryption },
      { ...asked, size: wantedSize(asked) },
    ),
    policy,
    usage,
    attributes,
    ...present({ nodes, claim, source }),
    parameters,
  };
}

function sourceOf(content: CreateVolumeRequest['volumeContentSource']): WantedVolume['source'] {
  if (content === undefined) return undefined;
  const { type } = content;
  if (type?.$case === 'snapshot' && type.value.snapshotId !== '') return { snapshot: type.value.snapshotId };
  if (type?.$case === 'volume' && type.value.volumeId !== '') return { volume: type.value.volumeId };
  throw new Fault('invalid', 'volume_content_source has no snapshot_id and no volume_id: name one, or leave it out');
}

/**
 * In order of preference, each once. Throws Fault `invalid` when no segment of ours is in a requirement that has
 * segments.
 */
export function candidateNodes(
  requirement: TopologyRequirement | undefined,
  { nodesAt }: Pick<Topology, 'nodesAt'>,
): readonly string[] | undefined {
  const topologies = [...(requirement?.preferred ?? []), ...(requirement?.requisite ?? [])];
  if (topologies.length === 0) return undefined;
  const hostnames = topologies.flatMap(({ segments }) => segments[TOPOLOGY_KEY] ?? []);
  if (hostnames.length === 0)
    throw new Fault('invalid', `accessibility_requirements: no topology has the segment ${TOPOLOGY_KEY}`);
  return [...new Set(hostnames.flatMap(nodesAt))];
}

/** The claim that external-provisioner names with --extra-create-metadata. */
export function claimOf(parameters: Readonly<Record<string, string>>): WantedVolume['claim'] {
  const namespace = parameters[PARAM_PVC_NAMESPACE];
  const name = parameters[PARAM_PVC_NAME];
  return namespace && name ? { namespace, name } : undefined;
}
