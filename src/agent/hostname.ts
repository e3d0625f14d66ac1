import { Fault, textOf } from '../model/fault.ts';
import { TOPOLOGY_KEY } from '../model/well-known.ts';
import type { KubeClient } from '../kube/client.ts';
import { NODES } from '../kube/resource.ts';
import { find } from '../kube/find.ts';

/**
 * What tells this node from others in CSI's topology: the value of its label, which need not be its name. The kubelet
 * refuses a driver that says otherwise than the label (pkg/volume/csi/nodeinfomanager). A node that is not there, or
 * has no such label, goes by its name. Throws Fault `unavailable` when the API server does not tell.
 */
export async function hostnameOf(
  nodeName: string,
  client: Pick<KubeClient, 'get'>,
  signal: AbortSignal,
): Promise<string> {
  try {
    const node = await find(client, NODES, { name: nodeName }, signal);
    return node?.metadata.labels?.[TOPOLOGY_KEY] ?? nodeName;
  } catch (error) {
    signal.throwIfAborted();
    throw new Fault('unavailable', `the API server did not tell the labels of node ${nodeName}: ${textOf(error)}`, {
      cause: error,
    });
  }
}
