import type { HealthRecords } from '../../csi/node/volume-health.ts';
import type { KubeClient } from '../../kube/client.ts';
import { find } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { storageTroubles } from '../../model/storage-troubles.ts';

export interface HealthRecordsOptions {
  readonly client: Pick<KubeClient, 'get'>;
  readonly nodeName: string;
  /** What was heard of an object; it may be behind. */
  readonly heard: (name: string) => LocalVolume | undefined;
  /** The node's own report. */
  readonly node: () => NodeLocalStorage | undefined;
}

/** What the API server has of this node and its volumes, asked only for a volume that was not heard of. */
export function createHealthRecords({ client, nodeName, heard, node }: HealthRecordsOptions): HealthRecords {
  const ask = async (name: string, signal: AbortSignal): Promise<LocalVolume | undefined> => {
    try {
      return await find(client, LOCAL_VOLUMES, { name }, signal);
    } catch (error) {
      throw new Fault('unavailable', `volume ${name}: the API server did not tell about it`, { cause: error });
    }
  };
  return {
    volume: async (id, signal) => {
      const volume = heard(id) ?? (await ask(id, signal));
      return volume?.spec.nodeName === nodeName ? volume : undefined;
    },
    heard,
    troubles: () => {
      const nls = node();
      return nls && storageTroubles(nls);
    },
  };
}
