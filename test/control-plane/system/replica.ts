import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { deployedArgs } from './deployed.ts';
import type { Backend } from './fake-service.ts';
import { supervise, type Supervised } from '../cluster/supervised.ts';

/** One pod of the operator's Deployment: the operator and its sidecars around one socket. */
export interface Replica extends Backend {
  readonly name: string;
  readonly operator: Supervised;
  readonly sidecars: readonly Supervised[];
  readonly csiSocket: string;
  stop(): Promise<void>;
}

export interface ReplicaOptions {
  readonly openLocal: string;
  /** Kubeconfig of the operator's ServiceAccount. */
  readonly kubeconfig: string;
  readonly name: string;
  readonly extenderPort: number;
  readonly metricsPort: number;
  /** Folder with tls.crt, tls.key and ca.crt. */
  readonly tlsDir: string;
  /** Additional flags of the operator. */
  readonly flags: Readonly<Record<string, string | undefined>>;
}

const NAMESPACE = 'open-local';

/** Starts the containers with the arguments of deploy/operator.yaml. */
export async function startReplica(cluster: Cluster, options: ReplicaOptions): Promise<Replica> {
  const { openLocal, kubeconfig, name, extenderPort, metricsPort, tlsDir, flags } = options;
  const dir = path.join(cluster.dir, name);
  await mkdir(dir);
  const csiSocket = path.join(dir, 'csi.sock');
  const operator = supervise(cluster.dir, `${name}-operator`, [
    openLocal,
    ...deployedArgs('operator.yaml', 'operator', {
      kubeconfig,
      identity: name,
      // A slice may have no loopback address; fake-service.ts goes by the port alone.
      'pod-ip': '192.0.2.1',
      'extender-listen': `127.0.0.1:${extenderPort}`,
      'extender-tls-dir': tlsDir,
      'metrics-listen': `127.0.0.1:${metricsPort}`,
      'csi-endpoint': `unix://${csiSocket}`,
      ...flags,
    }),
  ]);
  const sidecar = (program: 'csi-provisioner' | 'csi-resizer'): Supervised => {
    const instead = { kubeconfig, 'csi-address': csiSocket, 'leader-election-namespace': NAMESPACE };
    const args = deployedArgs('operator.yaml', program, { ...instead, v: '4' });
    // The identity in the Lease is the host name, which is the pod's name in a cluster; here both replicas share one.
    const argv = ['unshare', '--uts', 'sh', '-c', `hostname ${name} && exec "$@"`, 'sh', cluster.binary(program)];
    return supervise(cluster.dir, `${name}-${program}`, [...argv, ...args], {
      ...process.env,
      POD_NAMESPACE: NAMESPACE,
    });
  };
  const sidecars = [sidecar('csi-provisioner'), sidecar('csi-resizer')];
  return {
    name,
    operator,
    sidecars,
    csiSocket,
    port: extenderPort,
    readyUrl: `http://127.0.0.1:${metricsPort}/readyz`,
    stop: async () => {
      await Promise.all([...sidecars, operator].map((part) => part.stop()));
    },
  };
}
