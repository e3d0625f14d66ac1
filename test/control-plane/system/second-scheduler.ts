import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { builtTools, manifests, template, type Manifest } from '../../deploy/chart.ts';
import { serviceAccountKubeconfig } from '../cluster/identities.ts';
import { supervise, type Supervised } from '../cluster/supervised.ts';
import { untilMarks } from '../instruments/admitted.ts';
import type { System } from './system.ts';

export const SECOND_SCHEDULER = 'open-local-scheduler';
/** What helm hears of a cluster whose API server can mark pods. */
const CAN_MARK = '--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';

export interface SecondSchedulerOptions {
  /** Of the process, its log and its files. */
  readonly name: string;
  /** Path of a kube-scheduler. */
  readonly binary: string;
  /** The version of the cluster that helm hears of, such as 1.36.3. */
  readonly kubernetes: string;
  /** Whether helm hears that its API server can mark pods. */
  readonly canMark: boolean;
  /** Of kube-scheduler, besides its configuration. */
  readonly flags?: readonly string[];
}

/**
 * Starts the second scheduler that the chart brings: a real kube-scheduler with its configuration, its rights and the
 * operator's certificates. Of this machine are only the addresses and the folder of the certificates.
 */
export async function startSecondScheduler(system: System, options: SecondSchedulerOptions): Promise<Supervised> {
  const { name, binary, kubernetes, canMark, flags = [] } = options;
  const { dir } = system.cluster;
  // helm fails when it is asked for a template that gives nothing.
  const marking = canMark ? [CAN_MARK, '--show-only=templates/marked-pods.yaml'] : [];
  const text = await template(
    await builtTools(),
    ...['--set=scheduler.enabled=true', `--kube-version=${kubernetes}`, '--show-only=templates/scheduler.yaml'],
    ...marking,
  );
  const objects = manifests(text);
  const file = path.join(dir, `${name}-objects.yaml`);
  // No kubelet here runs its pods.
  await writeFile(file, objects.map((each) => stringify(paused(each))).join('---\n'));
  await system.kubectl('apply', '-f', file);
  await untilMarks(system, canMark, SECOND_SCHEDULER);
  const config = path.join(dir, `${name}.yaml`);
  await writeFile(config, await configurationHere(system, objects));
  return supervise(dir, name, [binary, `--config=${config}`, '--secure-port=0', '-v=2', ...flags]);
}

const paused = (object: Manifest): object =>
  object.kind === 'Deployment' ? { ...object, spec: { ...(object['spec'] as object), replicas: 0 } } : object;

interface Configuration {
  readonly extenders: readonly object[];
}

async function configurationHere(system: System, objects: readonly Manifest[]): Promise<string> {
  const { cluster, extender } = system;
  const data = objects.find(({ kind }) => kind === 'ConfigMap')?.['data'] as { 'scheduler.yaml': string };
  const config = parse(data['scheduler.yaml']) as Configuration;
  const tls = path.join(cluster.dir, 'second-scheduler-tls');
  await mkdir(tls, { recursive: true });
  const secret = await system.kubectl(
    ...['get', 'secret', 'open-local-extender-tls-client', '-n', 'open-local', '-o', 'json'],
  );
  const files = (JSON.parse(secret) as { data: Record<string, string> }).data;
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(tls, name), Buffer.from(content, 'base64'));
  const urlPrefix = `https://127.0.0.1:${extender.port}/scheduler`;
  const here = {
    ...config,
    clientConnection: { kubeconfig: await serviceAccountKubeconfig(cluster, SECOND_SCHEDULER) },
    extenders: config.extenders.map((one) => ({ ...one, urlPrefix })),
  };
  return stringify(here).replaceAll('/etc/open-local-tls', tls);
}
