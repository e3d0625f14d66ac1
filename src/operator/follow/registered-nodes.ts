import type { KubeClient } from '../../kube/client.ts';
import { createInformer } from '../../kube/follow/informer.ts';
import { CSI_NODES } from '../../kube/resource.ts';
import { closedStorage } from '../../model/cordon.ts';
import type { CsiNode } from '../../model/csi-node.ts';
import type { Log } from '../../model/log.ts';
import { countStorages } from './count-storages.ts';
import { SCHEMAS } from './schemas.ts';
import type { CountedStorages } from './silent-nodes.ts';
import type { StorageView } from './views.ts';

export interface RegisteredNodesDeps {
  readonly client: KubeClient;
  readonly storages: CountedStorages;
  readonly driverName: string;
  readonly log: Log;
}

/**
 * The storages of nodes as they count where a node whose kubelet does not know the driver gets no new volume, as while
 * its agent is being replaced: csi-provisioner calls no CreateVolume for such a node, and lets the claim go to no
 * other. A node without a CSINode is left to csi-provisioner, which lets the claim go. The kind is apart from the other
 * informers: a cluster whose roles are older is served all the same.
 */
export function onRegisteredNodes({ client, storages, driverName, log }: RegisteredNodesDeps): CountedStorages {
  const csiNodes = createInformer({
    ...{ client, resource: CSI_NODES, schema: SCHEMAS.csiNode, log },
    project: (csiNode: CsiNode) => ({ name: csiNode.metadata.name ?? '', isKnown: knowsDriver(csiNode, driverName) }),
    same: (a, b) => a.isKnown === b.isKnown,
  });
  const { get, subscribe, tell } = countStorages(storages, (view) =>
    (csiNodes.get(view.name)?.isKnown ?? true) ? view : asUnregistered(view),
  );
  const look = ({ name }: { readonly name: string }): void => {
    const view = storages.get(name);
    if (view) tell(view);
  };
  csiNodes.subscribe({ changed: look, deleted: look });
  return {
    get,
    subscribe,
    look: () => storages.look(),
    run: async (signal) => {
      await Promise.all([storages.run(signal), csiNodes.run(signal)]);
    },
  };
}

export const knowsDriver = ({ spec }: CsiNode, driverName: string): boolean =>
  spec?.drivers?.some(({ name }) => name === driverName) ?? false;

/** The view of a node whose kubelet does not know the driver. */
export const asUnregistered = (view: StorageView): StorageView => ({
  ...view,
  unregistered: true,
  storage: closedStorage(view.storage),
});
