import type { LocalVolume } from '../../model/local-volume.ts';
import { recordedHealth, type HealthEntry } from '../../model/volume-health.ts';
import type { ControllerListVolumeHealthRequest, ControllerListVolumeHealthResponse } from '../gen/csi.ts';
import { toVolumeHealth } from '../health.ts';
import type { StorageReports, Volumes } from '../ports.ts';
import type { Pager } from './page-token.ts';

export interface HealthDeps {
  readonly volumes: Pick<Volumes, 'heard'>;
  readonly storage: StorageReports;
}

/** All that the volume's record, its node's report and its snapshot say to be wrong with it. */
export function healthOf(volume: LocalVolume, { volumes, storage }: HealthDeps): readonly HealthEntry[] {
  const { nodeName, readOnly, source } = volume.spec;
  const shown = readOnly === true ? source?.snapshot : undefined;
  return recordedHealth(volume, {
    storage: storage.troublesOf(nodeName),
    snapshot: shown === undefined ? undefined : volumes.heard(shown),
  });
}

/** The volumes with which something is wrong, in pages by their ids. Throws Fault as `Pager` says. */
export function listVolumeHealth(
  request: ControllerListVolumeHealthRequest,
  found: Iterable<LocalVolume>,
  { pages, ...deps }: HealthDeps & { readonly pages: Pager },
): ControllerListVolumeHealthResponse {
  const items = [...found].flatMap((volume) => {
    const { name = '' } = volume.metadata;
    const entries = healthOf(volume, deps);
    return entries.length === 0 ? [] : [[name, toVolumeHealth(name, entries)] as const];
  });
  const { entries, nextToken } = pages('volume health', items, request);
  return { entries: [...entries], nextToken };
}
