import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo } from '../../model/needed-data.ts';
import { toCsiVolume } from './csi-volume.ts';
import type { ControllerGetVolumeResponse, ListVolumesRequest, ListVolumesResponse } from '../gen/csi.ts';
import { toVolumeCondition } from '../health.ts';
import type { Pager } from './page-token.ts';
import type { Topology, Volumes } from '../ports.ts';
import { healthOf, type HealthDeps } from './volume-health.ts';

export interface EntryDeps extends HealthDeps {
  readonly topology: Pick<Topology, 'hostnameOf'>;
}

export interface ListVolumesDeps extends EntryDeps {
  readonly volumes: Pick<Volumes, 'all' | 'heard'>;
  readonly pages: Pager;
}

/**
 * The volumes that CreateVolume answered with and DeleteVolume did not, in the order of their ids. Throws Fault
 * `invalid` and `aborted` as `Pager` says.
 */
export function listVolumes(request: ListVolumesRequest, deps: ListVolumesDeps): ListVolumesResponse {
  const items = allVolumes(deps).map((volume): [string, LocalVolume] => [volume.metadata.name ?? '', volume]);
  const { entries, nextToken } = deps.pages('volumes', items, request);
  return { entries: entries.map((volume) => toEntry(volume, deps)), nextToken };
}

/** The volumes that CreateVolume answered with and DeleteVolume did not. */
export const allVolumes = ({ volumes }: { readonly volumes: Pick<Volumes, 'all'> }): readonly LocalVolume[] =>
  [...volumes.all()].filter((volume) => isVolume(volume) && volume.status?.sizeBytes !== undefined);

/**
 * A volume and its node, as one of a list. Its node is told as the one that it is published on, although nothing is
 * published by the controller, so LIST_VOLUMES_PUBLISHED_NODES is not advertised: it wants ControllerPublishVolume.
 */
export const toEntry = (
  volume: LocalVolume,
  deps: EntryDeps,
): Required<Pick<ControllerGetVolumeResponse, 'volume' | 'status'>> => ({
  volume: toCsiVolume(volume, {}, deps.topology),
  status: {
    publishedNodeIds: [volume.spec.nodeName],
    volumeCondition: toVolumeCondition(healthOf(volume, deps)),
  },
});

/**
 * A volume of CSI. One that DeleteVolume was called for is none any more, though its data may be needed for a while.
 */
export const isVolume = (volume: LocalVolume): boolean => volume.spec.role === 'Volume' && !isLetGo(volume);
