import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo } from '../../model/needed-data.ts';
import { toCsiVolume } from './csi-volume.ts';
import type { ControllerGetVolumeResponse, ListVolumesRequest, ListVolumesResponse } from '../gen/csi.ts';
import type { Pager } from './page-token.ts';
import type { Topology, Volumes } from '../ports.ts';

export interface ListVolumesDeps {
  readonly volumes: Pick<Volumes, 'all'>;
  readonly topology: Pick<Topology, 'hostnameOf'>;
  readonly pages: Pager;
}

/**
 * The volumes that CreateVolume answered with and DeleteVolume did not, in the order of their ids. Throws Fault
 * `invalid` and `aborted` as `Pager` says.
 */
export function listVolumes(
  request: ListVolumesRequest,
  { volumes, topology, pages }: ListVolumesDeps,
): ListVolumesResponse {
  const found = [...volumes.all()].filter(isVolume).filter(({ status }) => status?.sizeBytes !== undefined);
  const items = found.map((volume): [string, LocalVolume] => [volume.metadata.name ?? '', volume]);
  const { entries, nextToken } = pages('volumes', items, request);
  return { entries: entries.map((volume) => toEntry(volume, topology)), nextToken };
}

/**
 * A volume and its node, as one of a list. Its node is told as the one that it is published on, although nothing is
 * published by the controller, so LIST_VOLUMES_PUBLISHED_NODES is not advertised: it wants ControllerPublishVolume.
 */
export const toEntry = (
  volume: LocalVolume,
  topology: Pick<Topology, 'hostnameOf'>,
): Required<Pick<ControllerGetVolumeResponse, 'volume' | 'status'>> => ({
  volume: toCsiVolume(volume, {}, topology),
  status: { publishedNodeIds: [volume.spec.nodeName] },
});

/**
 * A volume of CSI. One that DeleteVolume was called for is none any more, though its data may be needed for a while.
 */
export const isVolume = (volume: LocalVolume): boolean => volume.spec.role === 'Volume' && !isLetGo(volume);
