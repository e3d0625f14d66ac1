import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import type { Cluster } from '../cluster/cluster.ts';

const FILE = 'open-local-scheduler.yaml';

interface Configuration {
  readonly clientConnection: object;
  readonly extenders: readonly { readonly urlPrefix: string }[];
}

/** Folder with what `open-local scheduler-config` says for this cluster. Throws what it says when it refuses. */
export async function printedConfig(
  cluster: Cluster,
  openLocal: string,
  target: string,
  ...flags: readonly string[]
): Promise<string> {
  const folder = path.join(cluster.dir, `scheduler-config-${target}${flags.join('')}`);
  const args = ['scheduler-config', target, `--kubeconfig=${cluster.admin}`, `--output=${folder}`, ...flags];
  await promisify(execFile)(openLocal, args, { timeout: 30_000 });
  return folder;
}

interface StaticPod {
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly dnsPolicy?: string;
    readonly containers: readonly { readonly command: readonly string[] }[];
  };
}

/** The static pod that kubeadm makes of what `open-local scheduler-config kubeadm` says. */
export async function staticPod(cluster: Cluster, folder: string): Promise<StaticPod> {
  const addition = parse(await readFile(path.join(folder, 'kubeadm.yaml'), 'utf8')) as object;
  const file = path.join(folder, 'cluster-configuration.yaml');
  await writeFile(file, stringify({ kubernetesVersion: 'v1.36.3', ...addition }));
  const args = ['init', 'phase', 'control-plane', 'scheduler', '--config', file, '--dry-run'];
  const env = { ...process.env, KUBEADM_INIT_DRYRUN_DIR: folder };
  await promisify(execFile)(cluster.binary('kubeadm'), args, { timeout: 30_000, env });
  return parse(await readFile(path.join(folder, 'kube-scheduler.yaml'), 'utf8')) as StaticPod;
}

/**
 * Starts kube-scheduler again with what `open-local scheduler-config kubeadm` says, by the command of the static pod
 * that kubeadm makes of it. Of this machine are the kubeconfig, the port, and the address of the Service, to which no
 * kube-proxy leads.
 */
export async function useAsPrinted(
  cluster: Cluster,
  openLocal: string,
  port: number,
  ...flags: readonly string[]
): Promise<void> {
  const folder = await printedConfig(cluster, openLocal, 'kubeadm', ...flags);
  const kubeconfig = path.join(cluster.dir, 'kube-scheduler.kubeconfig');
  const config = parse(await readFile(path.join(folder, FILE), 'utf8')) as Configuration;
  const here = {
    ...config,
    clientConnection: { kubeconfig },
    extenders: config.extenders.map((extender) => ({ ...extender, urlPrefix: `https://127.0.0.1:${port}/scheduler` })),
  };
  await writeFile(path.join(folder, 'here.yaml'), stringify(here));
  const [container] = (await staticPod(cluster, folder)).spec.containers;
  const args = (container?.command ?? []).slice(1).map((arg) =>
    arg
      .replace('/etc/kubernetes/scheduler.conf', kubeconfig)
      .replace(`/etc/kubernetes/${FILE}`, path.join(folder, 'here.yaml'))
      .replace(/^--bind-address=.*/, '--secure-port=0'),
  );
  await cluster.stopComponent('kube-scheduler');
  await cluster.startComponent('kube-scheduler', [...args, '-v=2']);
}
