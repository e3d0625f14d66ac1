import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { deployedArgs, type Instead } from './deployed.ts';
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
  /** Folder with tls.crt, tls.key and ca.crt; undefined: the operator makes them, as in deploy/. */
  readonly tlsDir: string | undefined;
  /** Additional flags of the operator. */
  readonly flags: Instead;
  /** Absent: those of deploy/. */
  readonly sidecars?: readonly Sidecar[];
  /** Arguments of a container, by its name. */
  readonly args: (container: string, instead: Instead) => string[];
  /** Environment of the operator. */
  readonly env: Readonly<Record<string, string>>;
}

const NAMESPACE = 'open-local';
type Sidecar = 'csi-provisioner' | 'csi-resizer' | 'csi-snapshotter';
export const SIDECARS: readonly Sidecar[] = ['csi-provisioner', 'csi-resizer'];
export const WITH_SNAPSHOTTER: readonly Sidecar[] = [...SIDECARS, 'csi-snapshotter'];

/** Arguments and environment as of a pod of deploy/operator.yaml. A slice may have no loopback address. */
export const asDeployed = (name: string): Pick<ReplicaOptions, 'args' | 'env'> => ({
  args: (container, instead) =>
    deployedArgs(
      container === 'csi-snapshotter' ? 'snapshots/csi-snapshotter.yaml' : 'operator.yaml',
      container,
      instead,
    ),
  env: { POD_NAME: name, POD_IP: '192.0.2.1' },
});

/** Starts the containers of one pod as processes. */
export async function startReplica(cluster: Cluster, options: ReplicaOptions): Promise<Replica> {
  const { openLocal, kubeconfig, name, extenderPort, metricsPort, tlsDir, flags, args } = options;
  const dir = path.join(cluster.dir, name);
  await mkdir(dir);
  const csiSocket = path.join(dir, 'csi.sock');
  const flagsHere = {
    kubeconfig,
    'extender-listen': `127.0.0.1:${extenderPort}`,
    ...(tlsDir === undefined
      ? { 'extender-tls-dir': path.join(dir, 'tls') }
      : { 'extender-tls-dir': tlsDir, 'extender-tls-secret': undefined }),
    'metrics-listen': `127.0.0.1:${metricsPort}`,
    'csi-endpoint': `unix://${csiSocket}`,
  };
  const operator = supervise(
    cluster.dir,
    `${name}-operator`,
    [openLocal, ...args('operator', { ...flagsHere, ...flags })],
    { ...process.env, ...options.env },
  );
  const sidecar = (program: Sidecar): Supervised => {
    const instead = { kubeconfig, 'csi-address': csiSocket, 'leader-election-namespace': NAMESPACE };
    // The identity in the Lease is the host name, which is the pod's name in a cluster; here both replicas share one.
    const argv = ['unshare', '--uts', 'sh', '-c', `hostname ${name} && exec "$@"`, 'sh', cluster.binary(program)];
    return supervise(cluster.dir, `${name}-${program}`, [...argv, ...args(program, { ...instead, v: '4' })], {
      ...process.env,
      POD_NAMESPACE: NAMESPACE,
    });
  };
  const sidecars = (options.sidecars ?? SIDECARS).map(sidecar);
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
