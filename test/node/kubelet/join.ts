import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Node } from '../../../src/model/objects.ts';
import type { Stores } from '../../../sandbox/controllers/deps.ts';
import { makeCertificate } from '../../control-plane/cluster/certificates.ts';
import type { Cluster } from '../../control-plane/cluster/cluster.ts';
import { until } from '../../control-plane/cluster/until.ts';
import { clusterOfHost, guestKubeconfig } from '../machine/guest-kubeconfig.ts';
import type { Vm } from '../machine/vm.ts';

/** What the machine is called, as guest/init has it. */
export const NODE = 'node';
const JOIN_MS = 300_000;
const there = (file: string): string => `/etc/kubernetes/${file}`;

export interface Joining {
  readonly vm: Vm;
  readonly cluster: Pick<Cluster, 'dir' | 'server'>;
  readonly stores: Pick<Stores, 'nodes'>;
}

/**
 * Installs the kubelet's certificate, its kubeconfig and the address of the API server, and starts it now and at each
 * boot. Resolves when the node takes pods.
 */
export async function joinCluster({ vm, cluster, stores }: Joining, signal: AbortSignal): Promise<void> {
  await giveKubeconfig({ vm, cluster }, 'kubelet', `/O=system:nodes/CN=system:node:${NODE}`, signal);
  await vm.writeFile(there('api-port'), new URL(cluster.server).port, signal);
  await vm.must('setsid node-join &> /run/node/join.log &', signal);
  await until(
    'the node is Ready',
    [stores.nodes],
    JOIN_MS,
    () => isUsable(stores.nodes.get(NODE)),
    () => stores.nodes.get(NODE),
  );
}

const isUsable = ({ spec, status }: Node = { metadata: {} }): boolean =>
  (spec?.taints ?? []).length === 0 &&
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

/** Writes /etc/kubernetes/NAME.kubeconfig on the node, and the certificate of `subject` that it refers to. */
export async function giveKubeconfig(
  { vm, cluster: { dir, server } }: Pick<Joining, 'vm' | 'cluster'>,
  name: string,
  subject: string,
  signal: AbortSignal,
): Promise<void> {
  await makeCertificate(dir, name, subject);
  for (const file of ['ca.crt', `${name}.crt`, `${name}.key`])
    await vm.writeFile(there(file), await readFile(path.join(dir, file)), signal);
  const user = { 'client-certificate': there(`${name}.crt`), 'client-key': there(`${name}.key`) };
  const kubeconfig = guestKubeconfig(clusterOfHost(server, there('ca.crt')), user);
  await vm.writeFile(there(`${name}.kubeconfig`), kubeconfig, signal);
}
