import path from 'node:path';
import { placeOf, type Scheduler } from './model/facts.ts';
import { COMPONENT_PODS, CONFIG_MAPS, type Container, type PodSpec, type Workload } from './model/kinds.ts';
import { SECRETS, textAt } from '../operator/serving/keep-certificates.ts';
import type { Look } from './look.ts';

/**
 * Every kube-scheduler that runs as a pod: those of the control plane, and those that are Deployments. Undefined where
 * none can be seen, as in k3s and in clusters whose control plane somebody else runs.
 */
export async function readSchedulers(
  look: Look,
  namespace: string,
  deployments: readonly Workload[],
): Promise<readonly Scheduler[] | undefined> {
  const pods = await look.list(COMPONENT_PODS, {
    namespace: 'kube-system',
    labelSelector: 'component=kube-scheduler',
  });
  const own = deployments.filter(
    ({ metadata, spec }) => metadata.namespace === namespace && runs(spec?.template?.spec),
  );
  const found = [
    ...(pods ?? []).map((pod) => ({ object: `Pod/${placeOf(pod)}`, namespace: 'kube-system', spec: pod.spec })),
    ...own.map((each) => ({ object: `Deployment/${placeOf(each)}`, namespace, spec: each.spec?.template?.spec })),
  ];
  if (found.length === 0) return undefined;
  return Promise.all(found.map(({ object, namespace, spec }) => readScheduler(look, object, namespace, spec ?? {})));
}

const isScheduler = ({ name, image = '', command = [] }: Container): boolean =>
  name === 'kube-scheduler' || image.includes('/kube-scheduler') || command.includes('kube-scheduler');

const runs = (spec: PodSpec | undefined): boolean => (spec?.containers ?? []).some(isScheduler);

async function readScheduler(look: Look, object: string, namespace: string, spec: PodSpec): Promise<Scheduler> {
  const container = spec.containers?.find(isScheduler);
  const { command = [], args = [] } = container ?? {};
  const configFile = [...command, ...args].flatMap((arg) => /^--config=(.+)$/.exec(arg)?.[1] ?? []).at(-1);
  return {
    object,
    hostNetwork: spec.hostNetwork ?? false,
    dnsPolicy: spec.dnsPolicy ?? 'ClusterFirst',
    configFile,
    config:
      configFile === undefined || !container
        ? undefined
        : await textOfFile(look, namespace, spec, container, configFile),
  };
}

/** The text of a file in a container, where it comes from a Secret or a ConfigMap. */
async function textOfFile(
  look: Look,
  namespace: string,
  { volumes = [] }: PodSpec,
  { volumeMounts = [] }: Container,
  file: string,
): Promise<string | undefined> {
  const isAbove = (folder: string): boolean => file === folder || file.startsWith(`${folder.replace(/\/$/, '')}/`);
  const mount = volumeMounts.find(({ mountPath }) => isAbove(mountPath));
  const { secret, configMap } = volumes.find(({ name }) => name === mount?.name) ?? {};
  const key = path.basename(file);
  if (configMap?.name !== undefined)
    return (await look.find(CONFIG_MAPS, { namespace, name: configMap.name }))?.data?.[key];
  if (secret?.secretName === undefined) return undefined;
  const found = await look.find(SECRETS, { namespace, name: secret.secretName });
  return found && textAt(found, key);
}
