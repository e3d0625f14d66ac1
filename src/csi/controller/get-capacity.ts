import { bytes } from '../../model/bytes.ts';
import { sizeToMake } from '../../model/claim-judge.ts';
import { parseStorageClass, type VolumePolicy } from '../../model/storage-class.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import { problemWith } from './capability.ts';
import type { GetCapacityRequest, GetCapacityResponse, Topology as Place, VolumeCapability } from '../gen/csi.ts';
import type { Room, Topology } from '../ports.ts';

/** What is asked about when no parameter says it: the kind that nearly every StorageClass names. */
const DEFAULT_PARAMETERS = { volumeType: 'LVM' };

/**
 * What volumes such as these can have, in bytes, on one node or on all. Nothing for a capability that a local volume
 * cannot have, for a place that is no node's, and where the largest volume would be too small for its filesystem. No
 * minimum is told: it differs from group to group with the size of the extent, and from disk to disk. Throws Fault
 * `invalid` for parameters that no StorageClass may have.
 */
export function getCapacity(
  { parameters, volumeCapabilities, accessibleTopology }: GetCapacityRequest,
  { room, topology }: { readonly room: Pick<Room, 'capacity'>; readonly topology: Pick<Topology, 'nodesAt'> },
): GetCapacityResponse {
  const policy = parseStorageClass({ ...DEFAULT_PARAMETERS, ...parameters });
  const isPossible = volumeCapabilities.every((capability) => problemWith(capability, policy.kind) === undefined);
  if (!isPossible) return { ...NO_ROOM };
  const found = nodesOf(accessibleTopology, topology).map((node) => room.capacity(policy, node));
  const largest = Math.max(0, ...found.map((one) => one.largest));
  if (largest < leastSize(policy, volumeCapabilities)) return { ...NO_ROOM };
  const available = found.reduce((sum, one) => sum + BigInt(one.available), 0n);
  return { availableCapacity: available, maximumVolumeSize: BigInt(largest), minimumVolumeSize: undefined };
}

const NO_ROOM: GetCapacityResponse = { availableCapacity: 0n, maximumVolumeSize: 0n, minimumVolumeSize: undefined };

/** In bytes: what the most demanding of the filesystems asked for needs. */
function leastSize({ kind, fsType = '' }: VolumePolicy, capabilities: readonly VolumeCapability[]): number {
  const sizes = capabilities.map(({ accessType }) => {
    const wanted = accessType?.$case === 'mount' ? accessType.value.fsType || fsType : '';
    return sizeToMake(kind, { block: accessType?.$case === 'block', fsType: wanted }, { size: bytes(1) });
  });
  return Math.max(0, ...sizes);
}

/** `undefined` is every node together. */
function nodesOf(place: Place | undefined, { nodesAt }: Pick<Topology, 'nodesAt'>): readonly (string | undefined)[] {
  if (place === undefined || Object.keys(place.segments).length === 0) return [undefined];
  const hostname = place.segments[TOPOLOGY_KEY];
  return hostname === undefined ? [] : nodesAt(hostname);
}
