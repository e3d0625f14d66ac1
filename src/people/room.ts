import type { Look } from '../doctor/look.ts';
import type { Settings, Unseen } from '../doctor/model/facts.ts';
import { DEPLOYMENTS } from '../doctor/model/kinds.ts';
import { isComponent, settingsOf } from '../doctor/settings.ts';
import type { ListOptions } from '../kube/client.ts';
import { LEASES, type Lease } from '../kube/lease/lease-record.ts';
import {
  CLAIMS,
  CSI_NODES,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOTS,
  VOLUMES,
  type Resource,
} from '../kube/resource.ts';
import { OF_NODES_THERE } from '../model/nodes-there.ts';
import type { KubeObject } from '../model/objects.ts';
import { OPERATOR } from '../model/well-known.ts';
import type { ReadObjects } from '../operator/follow/ledger-of.ts';

/**
 * All objects that decide about room, read at one time. A list that could not be read is empty, that of snapshots
 * undefined, and `unseen` tells.
 */
export interface Room extends ReadObjects {
  readonly settings: Settings;
  /** Of the operator; undefined where it could not be read, too. */
  readonly lease: Lease | undefined;
  readonly unseen: readonly Unseen[];
  /** By the clock of the API server, ms since 1970. */
  readonly now: number;
}

export interface ReadRoom {
  readonly look: Look;
  readonly unseen: readonly Unseen[];
  readonly now: () => number;
  /** Pods that run too: who uses which volume. */
  readonly everyPod?: boolean;
}

/**
 * Reads every kind once, page by page. Throws ApiError where the API server does not answer, or knows nobody by these
 * credentials.
 */
export async function readRoom({ look, unseen, now, everyPod = false }: ReadRoom): Promise<Room> {
  const deployments = await look.list(DEPLOYMENTS, { labelSelector: `app.kubernetes.io/component=operator` });
  const operator = deployments?.find((each) => isComponent(each, each.metadata.namespace ?? '', 'operator'));
  const namespace = operator?.metadata.namespace ?? 'open-local';
  const all = async <T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<readonly T[]> =>
    (await look.list(resource, options)) ?? [];
  const objects = {
    pods: await all(PODS, everyPod ? {} : { fieldSelector: 'status.phase=Pending' }),
    nodes: await all(NODES),
    storages: await all(NODE_LOCAL_STORAGES, { labelSelector: OF_NODES_THERE }),
    classes: await all(STORAGE_CLASSES),
    volumes: await all(LOCAL_VOLUMES),
    pvs: await all(VOLUMES),
    claims: await all(CLAIMS),
    snapshots: await look.list(VOLUME_SNAPSHOTS),
    contents: await look.list(VOLUME_SNAPSHOT_CONTENTS),
    csiNodes: await look.list(CSI_NODES),
    lease: await look.find(LEASES, { namespace, name: OPERATOR }),
  };
  return { ...objects, settings: settingsOf(operator), unseen, now: now() };
}
