import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { nodeLabelOf } from '../model/node-label.ts';
import { OF_NODES_THERE } from '../model/nodes-there.ts';
import { KEEP, NODE_LABEL } from '../model/well-known.ts';
import type { Log } from '../model/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { createInformer, type Informer } from '../kube/follow/informer.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { withoutManagedFields } from '../kube/rest/managed-fields.ts';

/** The objects that tell one agent what its node should have. */
export interface OwnObjects {
  readonly node: Informer<NodeLocalStorage, NodeLocalStorage>;
  readonly volumes: Informer<LocalVolume, LocalVolume>;
}

/** Informers of a node's own objects; they hear nothing until they run. */
export function createOwnObjects(
  nodeName: string,
  { client, log }: { readonly client: KubeClient; readonly log: Log },
): OwnObjects {
  const node = createInformer<NodeLocalStorage, NodeLocalStorage>({
    client,
    resource: NODE_LOCAL_STORAGES,
    selection: { fieldSelector: `metadata.name=${nodeName}`, labelSelector: OF_NODES_THERE },
    project: withoutManagedFields,
    log,
  });
  const volumes = createInformer<LocalVolume, LocalVolume>({
    client,
    resource: LOCAL_VOLUMES,
    selection: { labelSelector: `${NODE_LABEL}=${nodeLabelOf(nodeName)}` },
    project: (volume) => serveWhileKept(withoutManagedFields(volume)),
    log,
  });
  return { node, volumes };
}

/**
 * While its data is kept, a deleted volume is made, grown and mounted as ever; removing it begins when it is let go.
 */
function serveWhileKept(volume: LocalVolume): LocalVolume {
  const { deletionTimestamp, ...metadata } = volume.metadata;
  return deletionTimestamp !== undefined && metadata.annotations?.[KEEP] ? { ...volume, metadata } : volume;
}
