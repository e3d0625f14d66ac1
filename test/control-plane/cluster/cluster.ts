import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { prepareAudit } from '../instruments/audit.ts';
import { makeAuthority, makeCertificate, writeKubeconfig } from './certificates.ts';
import { end, start } from './processes.ts';
import { freePorts } from '../../../sandbox/cluster/free-port.ts';

/** A real control plane on loopback: etcd and kube-apiserver always, the rest when asked. */
export interface Cluster {
  /** Folder of keys, kubeconfigs, data and logs; kept after `stop`. */
  readonly dir: string;
  readonly server: string;
  /** Address of etcd, which takes plain HTTP from everybody here. */
  readonly etcd: string;
  /** Path of a kubeconfig with all rights. */
  readonly admin: string;
  /** Starts one of the processes, also again after `stopComponent`; with other arguments when they are given. */
  startComponent(name: Component, args?: readonly string[]): Promise<void>;
  stopComponent(name: Component): Promise<void>;
  binary(name: string): string;
  stop(): Promise<void>;
}

export type Component = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';

export interface ClusterOptions {
  readonly components?: readonly Component[];
  /** Value of `extenders` in the KubeSchedulerConfiguration. */
  readonly extenders?: readonly unknown[];
  readonly dir?: string;
  /** True when the API server records every request; `readRequests` (audit.ts) reads them. */
  readonly audit?: boolean;
  /** True when nodes have kubelets: a silent node is then taken for lost. */
  readonly realNodes?: boolean;
  /** Additional flags of a process; they override its own. */
  readonly flags?: Readonly<Partial<Record<Component, readonly string[]>>>;
}

const USERS: Readonly<Record<string, string>> = {
  apiserver: '/CN=kube-apiserver',
  admin: '/O=system:masters/CN=admin',
  'kube-controller-manager': '/CN=system:kube-controller-manager',
  'kube-scheduler': '/CN=system:kube-scheduler',
};

/**
 * Finds the folders of the built binaries; builds them when the cache has none (9 minutes). Throws when Go is missing.
 */
export async function builtBinaries(): Promise<string[]> {
  return (await build()).split(':');
}

/** A kube-scheduler of another version than the control plane. */
export interface OtherScheduler {
  /** As it says itself, such as v1.34.4. */
  readonly version: string;
  readonly binary: string;
}

/**
 * Finds kube-scheduler of other versions; builds them when the cache has none (half an hour on two busy cores). Throws
 * when Go is missing.
 */
export async function builtSchedulers(): Promise<OtherScheduler[]> {
  const binaries = (await build('schedulers')).split('\n').map((folder) => path.join(folder, 'kube-scheduler'));
  return Promise.all(
    binaries.map(async (binary) => {
      const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 30_000 });
      return { version: stdout.trim().replace('Kubernetes ', ''), binary };
    }),
  );
}

async function build(...args: readonly string[]): Promise<string> {
  const script = path.join(import.meta.dirname, '../build.sh');
  return (await promisify(execFile)(script, args, { maxBuffer: 1 << 26 })).stdout.trim();
}

/**
 * Starts a cluster and resolves when its API server is ready. Throws with the end of the log of the process that
 * failed.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folders = await builtBinaries();
  const dir = options.dir ?? (await mkdtemp(path.join(tmpdir(), 'open-local-cluster-')));
  const [etcd = 0, peer = 0, api = 0] = await freePorts(3);
  const server = `https://127.0.0.1:${api}`;
  await prepareUsers(dir, server);
  await writeFile(path.join(dir, 'scheduler.json'), JSON.stringify(schedulerConfig(dir, options.extenders ?? [])));

  const running = new Map<Component, ChildProcess>();
  const argv = argvOf({ dir, etcd, peer, api }, options);
  const more = await moreFlags(dir, options);
  const cluster: Cluster = {
    dir,
    server,
    etcd: `http://127.0.0.1:${etcd}`,
    admin: path.join(dir, 'admin.kubeconfig'),
    binary: (name) => path.join(folderOf(name, folders), name),
    async startComponent(name, args = [...argv[name], ...(more[name] ?? [])]) {
      running.set(name, start(dir, name, [cluster.binary(name), ...args]));
      if (name === 'kube-apiserver') await ready(cluster, running.get(name) as ChildProcess);
    },
    async stopComponent(name) {
      const child = running.get(name);
      if (child) await end(child);
      running.delete(name);
    },
    async stop() {
      for (const name of [...running.keys()].toReversed()) await cluster.stopComponent(name);
    },
  };
  try {
    for (const name of ['etcd', 'kube-apiserver', ...(options.components ?? [])] as Component[])
      await cluster.startComponent(name);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** Each folder is one Go module's. */
function folderOf(name: string, [kubernetes = '', csi = '', kubeadm = '']: readonly string[]): string {
  if (name === 'kubeadm') return kubeadm;
  return /^(csi|snapshot)-/.test(name) ? csi : kubernetes;
}

async function moreFlags(dir: string, { audit, flags = {} }: ClusterOptions): Promise<typeof flags> {
  if (!audit) return flags;
  return { ...flags, 'kube-apiserver': [...(await prepareAudit(dir)), ...(flags['kube-apiserver'] ?? [])] };
}

/** Makes keys and kubeconfigs for every client of the API server. */
async function prepareUsers(dir: string, server: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await makeAuthority(dir);
  for (const [name, subject] of Object.entries(USERS)) {
    await makeCertificate(dir, name, subject);
    await writeKubeconfig(dir, name, server);
  }
}

function schedulerConfig(dir: string, extenders: readonly unknown[]): unknown {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    // With the default (50/s) a burst would measure this limit.
    clientConnection: { kubeconfig: path.join(dir, 'kube-scheduler.kubeconfig'), qps: 2000, burst: 2000 },
    extenders,
  };
}

interface Place {
  readonly dir: string;
  readonly etcd: number;
  readonly peer: number;
  readonly api: number;
}

function argvOf(at: Place, { realNodes }: ClusterOptions): Record<Component, string[]> {
  const client = `http://127.0.0.1:${at.etcd}`;
  const peer = `http://127.0.0.1:${at.peer}`;
  return {
    etcd: [
      ...['--data-dir', path.join(at.dir, 'etcd'), '--unsafe-no-fsync', '--initial-cluster', `default=${peer}`],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ],
    'kube-apiserver': [
      ...['--etcd-servers', client, '--bind-address', '127.0.0.1', '--secure-port', String(at.api)],
      ...['--tls-cert-file', 'apiserver.crt', '--tls-private-key-file', 'apiserver.key', '--client-ca-file', 'ca.crt'],
      ...['--service-account-key-file', 'sa.key', '--service-account-signing-key-file', 'sa.key'],
      ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-cluster-ip-range', '10.96.0.0/16'],
      ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction', '--allow-privileged'],
    ],
    'kube-controller-manager': [
      ...['--kubeconfig', 'kube-controller-manager.kubeconfig', '--leader-elect=false', '--secure-port', '0'],
      ...[
        '--service-account-private-key-file',
        'sa.key',
        '--root-ca-file',
        'ca.crt',
        '--use-service-account-credentials',
      ],
      // Leases of nodes without a kubelet are renewed by nobody.
      ...(realNodes ? [] : ['--controllers=*,-node-lifecycle-controller,-taint-eviction-controller']),
      ...['--kube-api-qps', '1000', '--kube-api-burst', '1000'],
    ],
    'kube-scheduler': ['--config', 'scheduler.json', '--secure-port', '0', '-v', '2'],
  };
}

async function ready(cluster: Cluster, child: ChildProcess): Promise<void> {
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'admin.crt', 'admin.key'].map((file) => readFile(path.join(cluster.dir, file))),
  );
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) break;
    const status = await new Promise<number>((resolve) => {
      const request = https.get(`${cluster.server}/readyz`, { ca, cert, key, agent: false }, (answer) => {
        answer.resume();
        void once(answer, 'end').then(() => resolve(answer.statusCode ?? 0));
      });
      request.on('error', () => resolve(0));
    });
    if (status === 200) return;
    await delay(200);
  }
  const log = await readFile(path.join(cluster.dir, 'kube-apiserver.log'), 'utf8');
  throw new Error(`kube-apiserver is not ready; the end of its log:\n${log.slice(-2000)}`);
}
