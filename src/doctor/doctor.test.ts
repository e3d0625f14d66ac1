import { DEFINITIONS } from '../definitions/definition.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import {
  claimOf,
  HOUR_MS,
  leaseOf,
  localVolume,
  minutes,
  NAMESPACE,
  schedulerPod,
  SERVICE,
  startSickCluster,
  storageOf,
  volumeOf,
  type SickCluster,
} from '../../test/rig/sick-cluster.ts';
import { issue, makeAuthority } from '../certificates/certificates.ts';
import { LEASES } from '../kube/lease/lease-record.ts';
import {
  CSI_NODES,
  CLAIMS,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUMES,
  type Resource,
} from '../kube/resource.ts';
import type { KubeObject, NodeLocalStorage } from '../model/objects.ts';
import { SNAPSHOT_SOURCE } from '../model/snapshot-objects.ts';
import { EXTENDER_CALLED, LEGACY_DRIVER, MARK } from '../model/well-known.ts';
import { SECRETS, textAt } from '../operator/serving/keep-certificates.ts';
import { schedulerConfig, type Choice, type Extender } from '../setup/scheduler-config.ts';
import {
  COMPONENT_PODS,
  CONFIG_MAPS,
  DAEMON_SETS,
  DEPLOYMENTS,
  DRIVER_OBJECTS,
  EVENTS,
  NAMESPACES,
  SERVICES,
  SLICES,
  SNAPSHOT_CLASSES,
} from './model/kinds.ts';
import { checkClocks } from './checks/clocks.ts';
import { FINDINGS, type FindingName } from './model/findings.ts';

const never = new AbortController().signal;
let cluster: SickCluster | undefined;
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

test('in a healthy cluster nothing is found, and everything is looked at', async () => {
  cluster = await startSickCluster();
  const { facts, findings } = await cluster.examine();
  expect(findings).toEqual([]);
  expect(facts.unseen).toEqual([]);
});

test.each([LEGACY_DRIVER, 'before.example.com'])(
  'a volume that was made under the driver name %s has its PersistentVolume',
  async (driver) => {
    cluster = await startSickCluster();
    const { metadata, spec, status } = volumeOf('pv-3', 'local-3', 'older');
    await cluster.put(LOCAL_VOLUMES, localVolume('local-3', 'older'), HOUR_MS);
    await cluster.put(VOLUMES, { metadata, spec: { ...spec, csi: { ...spec.csi, driver } }, status }, HOUR_MS);
    await cluster.put(CLAIMS, claimOf('older', { volumeName: 'pv-3' }, 'Bound'));
    expect((await cluster.examine()).findings).toEqual([]);
  },
);

test('kube-scheduler with what scheduler-config prints is as it should be, and so is a second one beside it', async () => {
  cluster = await startSickCluster();
  await schedulerTold(cluster, (config) => config);
  const [second] = schedulerConfig('deployment', await extenderOf(cluster), PLAIN).outputs;
  const documents = parseAllDocuments(second?.text ?? '').map((each) => each.toJS() as KubeObject);
  for (const object of documents) cluster.api.load(encoded(object));
  const { facts, findings } = await cluster.examine();
  expect(findings).toEqual([]);
  expect(facts.schedulers?.map(({ object, config }) => [object, config !== undefined])).toEqual([
    ['Pod/kube-system/kube-scheduler-cp', true],
    ['Deployment/open-local/open-local-scheduler', true],
  ]);
});

test('bindings through the extender are as they should be where the operator may write them', async () => {
  cluster = await startSickCluster();
  await schedulerTold(cluster, unchanged, {}, { bind: true });
  const names = async () => (await cluster?.examine())?.findings.map(({ name }) => name);
  expect(await names()).toEqual(['BindsInVain']);
  for (const object of deployed('bind/rbac.yaml')) cluster.api.load(object);
  expect(await names()).toEqual([]);
});

test('with marked pods all is as it should be, whatever each scheduler asks about', async () => {
  cluster = await startSickCluster();
  applyMarks(cluster);
  await schedulerTold(cluster, unchanged, {}, { markedPods: true });
  await cluster.put(CLAIMS, claimOf('new'), minutes(5));
  const { metadata, spec } = waitingPod('new');
  const containers = spec.containers.map((each) => ({ ...each, resources: { limits: { [MARK]: '0' } } }));
  await cluster.put(PODS, { metadata, spec: { ...spec, containers } }, minutes(5));
  const found = async () => (await cluster?.examine())?.findings.map(({ name }) => name);
  expect(await found()).toEqual(['ClaimWaits']);
  // Pods without the mark may wait, where the scheduler asks about every pod.
  await cluster.client.delete(CONFIG_MAPS, { namespace: 'kube-system', name: 'scheduler' }, never);
  await schedulerTold(cluster, unchanged);
  await cluster.put(PODS, { ...waitingPod('new'), metadata: { ...metadata, name: 'second' } }, minutes(5));
  expect(await found()).toEqual(['ClaimWaits']);
});

/** A real server encodes what comes as stringData. */
function encoded(object: KubeObject & { stringData?: Record<string, string> }): KubeObject {
  const { stringData, ...rest } = object;
  if (!stringData) return object;
  const pairs = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return { ...rest, data: Object.fromEntries(pairs) } as KubeObject;
}

test('a clock is compared with the note that the server made of the report, either way', () => {
  const nls = (told: string, came: string): NodeLocalStorage => ({
    metadata: {
      name: 'n1',
      managedFields: [{ time: came, subresource: 'status' }, { time: '2020-01-01T00:00:00Z' }],
    } as object,
    status: { nodeStorageInfo: { state: { lastHeartbeatTime: told } } },
  });
  const look = (told: string, came: string) =>
    checkClocks({ storages: [nls(told, came)], now: Date.parse('2026-01-01T12:00:00Z') }).map(({ what }) => what);
  expect(look('2026-01-01T11:00:00Z', '2026-01-01T11:00:01Z')).toEqual([]);
  expect(look('2026-01-01T11:00:00Z', '2026-01-01T11:03:00Z')).toEqual(['It is 3 min behind the API server.']);
  expect(look('2026-01-01T11:05:00Z', '2026-01-01T11:00:00Z')).toEqual(['It is 5 min ahead of the API server.']);
});

interface Case {
  readonly finds: FindingName;
  readonly title: string;
  /** Manifests that are not applied, by `Kind/name`. */
  readonly without?: readonly string[];
  readonly breaks?: (on: SickCluster) => Promise<unknown>;
  readonly object: string;
  readonly says: RegExp;
  readonly mends: RegExp;
  /** What else follows from the same cause. */
  readonly also?: readonly FindingName[];
}

const at = (name: string) => ({ namespace: NAMESPACE, name });
const OPERATOR = 'open-local-operator';
const storageClass = (name: string, more: object) => ({
  metadata: { name },
  provisioner: 'local.csi.aliyun.com',
  parameters: { volumeType: 'LVM' },
  volumeBindingMode: 'WaitForFirstConsumer' as const,
  ...more,
});
/** Changes the report of n1. */
const report = (on: SickCluster, status: object) =>
  on.change(NODE_LOCAL_STORAGES, { name: 'n1' }, { status }, 'status');
const waitingPod = (claim: string, message?: string) => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    containers: [{ name: 'main', image: 'example.org/a:1' }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
  },
  status: {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', ...(message ? { message } : {}) }],
  },
});
async function extenderOf(on: SickCluster): Promise<Extender> {
  const secret = await on.client.get(SECRETS, at('open-local-extender-tls-client'), never);
  const textOf = (name: string): string => textAt(secret, name);
  const { spec } = await on.client.get(SERVICES, at(SERVICE), never);
  return {
    ...{ namespace: NAMESPACE, service: SERVICE, clusterIp: spec?.clusterIP ?? '', port: 23_000 },
    ...{ ca: textOf('ca.crt'), cert: textOf('tls.crt'), key: textOf('tls.key') },
  };
}
const PLAIN: Choice = { image: 'registry.k8s.io/kube-scheduler:v1', markedPods: false, bind: false };

/** A configuration as `open-local scheduler-config` prints it, of which one thing is changed. */
async function schedulerTold(
  on: SickCluster,
  change: (config: string) => string,
  more: object = {},
  choice: Partial<Choice> = {},
): Promise<void> {
  const [output] = schedulerConfig('kubeadm', await extenderOf(on), { ...PLAIN, ...choice }).outputs;
  const data = { 'scheduler.yaml': change(output?.text ?? '') };
  await on.put(CONFIG_MAPS, { metadata: { name: 'scheduler', namespace: 'kube-system' }, data });
  const volumes = { volumes: [{ name: 'config', configMap: { name: 'scheduler' } }] };
  const pod = schedulerPod(['--config=/etc/scheduler/scheduler.yaml'], { ...volumes, ...more });
  const [container] = pod.spec.containers;
  Object.assign(container ?? {}, { volumeMounts: [{ name: 'config', mountPath: '/etc/scheduler' }] });
  await on.client.delete(COMPONENT_PODS, { namespace: 'kube-system', name: pod.metadata.name }, never, {
    gracePeriodSeconds: 0,
  });
  await on.put(COMPONENT_PODS, pod);
}

/** Of the policy that marks pods, but `without`. */
function applyMarks(on: SickCluster, without?: string): void {
  for (const object of deployed('marked-pods/policy.yaml')) if (object.kind !== without) on.api.load(object);
}

/** The objects of a file in deploy/. */
const deployed = (file: string): KubeObject[] =>
  parseAllDocuments(readFileSync(path.join(import.meta.dirname, '../../deploy', file), 'utf8')).map(
    (each) => each.toJS() as KubeObject,
  );
const unchanged = (config: string): string => config;

const INSTALLATION: readonly Case[] = [
  {
    finds: 'DefinitionMissing',
    title: 'the definition of LocalVolumes is not there',
    without: ['CustomResourceDefinition/localvolumes.csi.aliyun.com'],
    object: 'CustomResourceDefinition/localvolumes.csi.aliyun.com',
    says: /not there/,
    mends: /kubectl apply --server-side .*-k crds/,
  },
  {
    finds: 'DefinitionOld',
    title: "open-local's own definition, which has fewer fields, stayed after an upgrade",
    breaks: async (on) => {
      const name = 'nodelocalstorages.csi.aliyun.com';
      const path = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/knownGroups';
      await on.client.patch(DEFINITIONS, { name }, { type: 'json', body: [{ op: 'remove', path }] }, never);
    },
    object: 'CustomResourceDefinition/nodelocalstorages.csi.aliyun.com',
    says: /lacks 1 fields?: status\.knownGroups/,
    mends: /kubectl apply --server-side/,
  },
  {
    finds: 'PolicyMissing',
    title: 'a policy of admission was not applied',
    without: ['ValidatingAdmissionPolicy/open-local-agent-own-node'],
    object: 'ValidatingAdmissionPolicy/open-local-agent-own-node',
    says: /not there/,
    mends: /kubectl apply -k deploy/,
  },
  {
    finds: 'OperatorMissing',
    title: 'it is installed in another namespace, or not at all',
    without: [`Deployment/${OPERATOR}`, 'DaemonSet/open-local-agent'],
    object: `Namespace/${NAMESPACE}`,
    says: /no Deployment/,
    mends: /--namespace NAME/,
  },
  {
    finds: 'OperatorNotRunning',
    title: 'the image cannot be pulled',
    breaks: async (on) => {
      const waiting = { reason: 'ImagePullBackOff', message: 'not found' };
      const containerStatuses = [{ name: 'operator', ready: false, restartCount: 0, state: { waiting } }];
      const status = { conditions: [{ type: 'Ready', status: 'False' }], containerStatuses };
      for (const name of ['operator-a', 'operator-b']) await on.change(PODS, at(name), { status }, 'status');
    },
    object: `Deployment/${NAMESPACE}/${OPERATOR}`,
    says: /None of its 2 pods is Ready. container operator: ImagePullBackOff \(not found\)/,
    mends: /kubectl -n open-local describe pods/,
  },
  {
    finds: 'NoLeader',
    title: 'the leader stopped renewing',
    breaks: async (on) => {
      await on.client.delete(LEASES, at(OPERATOR), never);
      await on.put(LEASES, leaseOf({ [EXTENDER_CALLED]: new Date().toISOString() }, minutes(10)));
    },
    object: `Lease/${NAMESPACE}/${OPERATOR}`,
    says: /operator-a holds it and renewed it 10 min ago/,
    mends: /logs deployment\/open-local-operator/,
  },
  {
    finds: 'SidecarMissing',
    title: 'somebody took csi-resizer out',
    breaks: async (on) => {
      const { spec } = await on.client.get(DEPLOYMENTS, at(OPERATOR), never);
      const containers = (spec?.template?.spec?.containers ?? []).filter(({ name }) => name !== 'csi-resizer');
      await on.change(DEPLOYMENTS, at(OPERATOR), { spec: { template: { spec: { containers } } } });
    },
    object: `Deployment/${NAMESPACE}/${OPERATOR}`,
    says: /no container csi-resizer: volumes do not grow/,
    mends: /kubectl apply -k deploy/,
  },
  {
    finds: 'PermissionMissing',
    title: 'roles of an older version',
    breaks: async (on) => {
      const role: Resource = {
        ...{ group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' },
        ...{ kind: 'ClusterRole', namespaced: false },
      };
      const rules = [
        {
          apiGroups: ['csi.aliyun.com'],
          resources: ['localvolumes', 'nodelocalstorages'],
          verbs: ['get', 'list', 'watch'],
        },
      ];
      await on.change(role, { name: 'open-local-agent' }, { rules });
    },
    object: `ServiceAccount/${NAMESPACE}/open-local-agent`,
    says: /may not: patch nodelocalstorages\/status\.csi\.aliyun\.com, .*create events/,
    mends: /kubectl apply -k deploy/,
  },
  {
    finds: 'AgentForbidden',
    title: 'the namespace admits no privileged pods',
    breaks: (on) =>
      on.change(
        NAMESPACES,
        { name: NAMESPACE },
        { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } },
      ),
    object: `Namespace/${NAMESPACE}`,
    says: /is baseline/,
    mends: /kubectl label --overwrite namespace open-local/,
  },
  {
    finds: 'AgentMissing',
    title: 'the DaemonSet is not there',
    without: ['DaemonSet/open-local-agent'],
    object: `Namespace/${NAMESPACE}`,
    says: /no DaemonSet/,
    mends: /kubectl apply -k deploy/,
  },
  {
    finds: 'AgentNotOnNode',
    title: 'a node with volumes lost its agent',
    breaks: (on) => on.client.delete(PODS, at('agent-n1'), never, { gracePeriodSeconds: 0 }),
    object: 'Node/n1',
    says: /has storage of ours and no agent/,
    mends: /describe daemonset open-local-agent/,
  },
  {
    finds: 'AgentSilent',
    title: 'an agent hangs',
    breaks: async (on) => {
      await on.client.delete(NODE_LOCAL_STORAGES, { name: 'n1' }, never);
      const then = new Date(Date.now() - HOUR_MS).toISOString();
      const { status, ...rest } = storageOf('n1');
      const state = { ...status?.nodeStorageInfo?.state, lastHeartbeatTime: then };
      await on.put(
        NODE_LOCAL_STORAGES,
        { ...rest, status: { ...status, nodeStorageInfo: { ...status?.nodeStorageInfo, state } } },
        HOUR_MS,
      );
    },
    object: 'NodeLocalStorage/n1',
    says: /last report is 60 min old/,
    mends: /kubectl -n open-local logs agent-n1/,
  },
  {
    finds: 'AgentCannotLook',
    title: 'lvm2 fails on a node',
    breaks: (on) =>
      report(on, {
        nodeStorageInfo: {
          state: { type: 'DiskFault', reason: 'DiscoveryFailed', message: 'lvm fullreport: not found' },
        },
      }),
    object: 'NodeLocalStorage/n1',
    says: /lvm fullreport: not found/,
    mends: /logs agent-n1/,
  },
  {
    finds: 'DriverNotRegistered',
    title: 'the kubelet does not know the driver',
    breaks: (on) => on.change(CSI_NODES, { name: 'n2' }, { spec: { drivers: [] } }),
    object: 'Node/n2',
    says: /kubelet does not know driver local\.csi\.aliyun\.com/,
    mends: /--root-dir/,
  },
  {
    finds: 'KubeletFolderElsewhere',
    title: 'RKE starts the kubelet with another folder',
    breaks: async (on) => {
      await on.change(CSI_NODES, { name: 'n1' }, { spec: { drivers: [] } });
      await report(on, { host: { kubeletFolder: '/opt/rke/var/lib/kubelet' } });
    },
    object: 'Node/n1',
    says: /works in \/opt\/rke\/var\/lib\/kubelet, and the agent in \/var\/lib\/kubelet/,
    mends: /--kubelet-dir=\/opt\/rke\/var\/lib\/kubelet/,
  },
  {
    finds: 'VersionsDiffer',
    title: 'half of an upgrade',
    breaks: (on) => report(on, { host: { agentVersion: '0.0.9' } }),
    object: `DaemonSet/${NAMESPACE}/open-local-agent`,
    says: /agents are 0\.0\.9 on n1/,
    mends: /rollout status daemonset/,
  },
  {
    finds: 'OtherInstallation',
    title: 'the DaemonSet of the existing open-local still runs',
    breaks: (on) =>
      on.put(DAEMON_SETS, {
        metadata: { name: 'open-local-agent', namespace: 'kube-system' },
        spec: {
          selector: { matchLabels: { app: 'old' } },
          template: {
            metadata: { labels: { app: 'old' } },
            spec: {
              containers: [{ name: 'agent', image: 'registry.example.com/acs/open-local:v0.8.0', args: ['agent'] }],
            },
          },
        } as never,
      }),
    object: 'DaemonSet/kube-system/open-local-agent',
    says: /open-local:v0\.8\.0/,
    mends: /patch daemonset open-local-agent .*can be undone/,
  },
];

const SCHEDULING: readonly Case[] = [
  {
    finds: 'SchedulerNotConfigured',
    title: 'a fresh kubeadm cluster, and nobody told kube-scheduler',
    breaks: async (on) => {
      await on.client.delete(COMPONENT_PODS, { namespace: 'kube-system', name: 'kube-scheduler-cp' }, never, {
        gracePeriodSeconds: 0,
      });
      await on.put(COMPONENT_PODS, schedulerPod(['--leader-elect=true']));
      await on.change(LEASES, at(OPERATOR), { metadata: { annotations: { [EXTENDER_CALLED]: null } } });
    },
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /without --config/,
    mends: /open-local scheduler-config kubeadm/,
  },
  {
    finds: 'ExtenderNotRegistered',
    title: 'its configuration names other extenders only',
    breaks: (on) =>
      schedulerTold(on, () => 'kind: KubeSchedulerConfiguration\nextenders: [{urlPrefix: "http://127.0.0.1:9251"}]\n'),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /scheduler\.yaml names no extender of ours/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'ExtenderMisconfigured',
    title: 'a static pod is told the name of a Service',
    breaks: (on) =>
      schedulerTold(on, (config) => config.replace(/https:\/\/[^:]*/, `https://${SERVICE}.${NAMESPACE}.svc`)),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /dnsPolicy ClusterFirst the name of a Service is not resolved/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'ExtenderMisconfigured',
    title: 'the Service was made anew and has another address',
    breaks: (on) => schedulerTold(on, (config) => config.replace(/https:\/\/[^:]*/, 'https://10.9.9.9')),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /calls 10\.9\.9\.9, and the Service is at/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'ExtenderMisconfigured',
    title: 'the authority was made anew after the configuration was copied',
    breaks: async (on) => {
      const { cert } = await makeAuthority('other', 10, new Date());
      await schedulerTold(on, (config) => {
        const told = parse(config) as { extenders: { tlsConfig: object }[] };
        for (const { tlsConfig } of told.extenders)
          Object.assign(tlsConfig, { caData: Buffer.from(cert).toString('base64') });
        return stringify(told);
      });
    },
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /trusts another authority/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'ExtenderMisconfigured',
    title: 'kube-scheduler must bind through an operator that may not',
    breaks: (on) =>
      schedulerTold(on, (config) => config.replace('ignorable: true', 'ignorable: false'), {}, { bind: true }),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /bindVerb and is not ignorable, and the operator may not bind: no pod gets its node/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'BindsInVain',
    title: 'kube-scheduler still has the configuration of an older version',
    breaks: (on) => schedulerTold(on, unchanged, {}, { bind: true }),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /has bindVerb, and the operator may not create pods\/binding/,
    mends: /scheduler-config kubeadm[^]*or: helm upgrade with --set extender\.bind=true/,
  },
  {
    finds: 'EvictsInVain',
    title: 'kube-scheduler has a configuration from before it asked about evictions',
    breaks: (on) => schedulerTold(on, (config) => config.replace('preemptVerb: preempt', '')),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /has no preemptVerb/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'ExtenderNotCalled',
    title: 'a volume was made an hour after the last call',
    breaks: async (on) => {
      const then = new Date(Date.now() - 2 * HOUR_MS).toISOString();
      await on.change(LEASES, at(OPERATOR), { metadata: { annotations: { [EXTENDER_CALLED]: then } } });
    },
    object: `Service/${NAMESPACE}/${SERVICE}`,
    says: /last called at .*, and PersistentVolume pv-1 was made at/,
    mends: /grep -i extender/,
  },
  {
    finds: 'ExtenderNotCalled',
    title: 'nobody ever called, and a pod waits',
    breaks: async (on) => {
      await on.client.delete(LEASES, at(OPERATOR), never);
      await on.put(LEASES, leaseOf({}, 0, minutes(30)));
      await on.put(CLAIMS, claimOf('new'), minutes(5));
      await on.put(PODS, waitingPod('new'), minutes(5));
    },
    object: `Service/${NAMESPACE}/${SERVICE}`,
    says: /has not called since a leader is there .* pod default\/web waits for 5 min/,
    mends: /open-local scheduler-config/,
    also: ['ClaimWaits'],
  },
  {
    finds: 'PodsNotMarked',
    title: 'kube-scheduler asks about marked pods alone, and the policy was taken away first',
    breaks: (on) => schedulerTold(on, unchanged, {}, { markedPods: true }),
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /only about pods that request csi\.aliyun\.com\/volume, and no .* has pods of default-scheduler request/,
    mends: /scheduler\.markPods=true/,
  },
  {
    finds: 'PodsNotMarked',
    title: 'the policy is there and nothing puts it into effect',
    breaks: async (on) => {
      applyMarks(on, 'MutatingAdmissionPolicyBinding');
      await schedulerTold(on, unchanged, {}, { markedPods: true });
    },
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /of default-scheduler/,
    mends: /without --marked-pods/,
  },
  {
    finds: 'PodsNotMarked',
    title: 'kube-scheduler asks about pods that request something else',
    breaks: async (on) => {
      applyMarks(on);
      await schedulerTold(
        on,
        (config) => config.replace('csi.aliyun.com/volume', 'example.org/disk'),
        {},
        { markedPods: true },
      );
    },
    object: 'Pod/kube-system/kube-scheduler-cp',
    says: /that request example\.org\/disk/,
    mends: /open-local scheduler-config/,
  },
  {
    finds: 'PodWithoutMark',
    title: 'a pod waits that was made before the policy',
    breaks: async (on) => {
      applyMarks(on);
      await schedulerTold(on, unchanged, {}, { markedPods: true });
      await on.put(CLAIMS, claimOf('new'), minutes(5));
      await on.put(PODS, waitingPod('new'), minutes(5));
    },
    object: 'Pod/default/web',
    says: /does not request csi\.aliyun\.com\/volume: default\/web/,
    mends: /kubectl -n default delete pod web/,
    also: ['ClaimWaits'],
  },
  {
    finds: 'ExtenderUnreachable',
    title: 'the Service kept the selector of an older version',
    breaks: (on) => on.change(SERVICES, at(SERVICE), { spec: { selector: { app: 'extender' } } }),
    object: `Service/${NAMESPACE}/${SERVICE}`,
    says: /has a selector/,
    mends: /kubectl -n open-local patch service/,
  },
  {
    finds: 'ExtenderUnreachable',
    title: 'the Service leads nowhere',
    breaks: (on) => on.client.delete(SLICES, at(`${SERVICE}-leader`), never),
    object: `Service/${NAMESPACE}/${SERVICE}`,
    says: /leads nowhere/,
    mends: /POD_IP/,
  },
];

/** Gives a Secret another pair. */
async function pair(on: SickCluster, name: string, days: number, age: number, commonName = SERVICE): Promise<void> {
  const authority = await on.client.get(SECRETS, at('open-local-extender-tls-ca'), never);
  const of = { cert: textAt(authority, 'tls.crt'), key: textAt(authority, 'tls.key') };
  const names = [
    `${SERVICE}.${NAMESPACE}.svc`,
    `${SERVICE}.${NAMESPACE}.svc.cluster.local`,
    `${SERVICE}.${NAMESPACE}`,
    SERVICE,
  ];
  const holder = { commonName, names, usage: 'server' as const, days };
  const { cert, key } = await issue(of, holder, new Date(Date.now() - age * 24 * HOUR_MS));
  const data = { 'tls.crt': Buffer.from(cert).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') };
  await on.change(SECRETS, at(name), { data });
}

const CERTIFICATES: readonly Case[] = [
  {
    finds: 'CertificateMissing',
    title: 'the certificate is not there',
    breaks: (on) => on.client.delete(SECRETS, at('open-local-extender-tls'), never),
    object: `Secret/${NAMESPACE}/open-local-extender-tls`,
    says: /not there/,
    mends: /logs deployment\/open-local-operator/,
  },
  {
    finds: 'CertificateEnded',
    title: 'the certificate has ended',
    breaks: (on) => pair(on, 'open-local-extender-tls', 90, 95),
    object: `Secret/${NAMESPACE}/open-local-extender-tls`,
    says: /ended 5 d ago/,
    mends: /rollout restart deployment\/open-local-operator/,
  },
  {
    finds: 'CertificateEndsSoon',
    title: 'nobody renews the certificate',
    breaks: (on) => pair(on, 'open-local-extender-tls', 90, 80),
    object: `Secret/${NAMESPACE}/open-local-extender-tls`,
    says: /ends in 10 d/,
    mends: /rollout restart/,
  },
  {
    finds: 'CertificateUnfit',
    title: 'it is for another name',
    breaks: (on) => pair(on, 'open-local-extender-tls', 90, 1, 'somebody'),
    object: `Secret/${NAMESPACE}/open-local-extender-tls`,
    says: /not open-local-scheduler-extender's/,
    mends: /rollout restart/,
  },
];

const MACHINES: readonly Case[] = [
  {
    finds: 'NodeClockWrong',
    title: "a node's clock is ten minutes ahead",
    breaks: (on) =>
      report(on, {
        nodeStorageInfo: { state: { lastHeartbeatTime: new Date(Date.now() + minutes(10)).toISOString() } },
      }),
    object: 'Node/n1',
    says: /10 min ahead/,
    mends: /timedatectl set-ntp true/,
  },
  {
    finds: 'LvmetadOnNode',
    title: 'CentOS 7 with lvmetad',
    breaks: (on) => report(on, { host: { lvmetad: true } }),
    object: 'Node/n1',
    says: /uses lvmetad/,
    mends: /systemctl disable --now lvm2-lvmetad\.socket/,
  },
  {
    finds: 'DiskHiddenFromNode',
    title: 'RHEL 9 with a devices file',
    breaks: (on) => report(on, { host: { hiddenDisks: [{ device: '/dev/sdb', by: 'devices file' }] } }),
    object: 'Node/n1',
    says: /\/dev\/sdb: the devices file/,
    mends: /lvmdevices --adddev \/dev\/sdb/,
  },
  {
    finds: 'DiskHiddenFromNode',
    title: 'a filter in lvm.conf',
    breaks: (on) => report(on, { host: { hiddenDisks: [{ device: '/dev/sdb', by: 'filter' }] } }),
    object: 'Node/n1',
    says: /the filter of its own lvm2/,
    mends: /lvm\.conf/,
  },
  {
    finds: 'DiskHeldByMultipath',
    title: 'multipathd took the disk of a group',
    breaks: (on) => report(on, { host: { multipathDisks: ['/dev/sda', '/dev/sdb'] } }),
    object: 'Node/n1',
    says: /^\/dev\/sdb: multipath has taken/,
    mends: /blacklist/,
  },
  {
    finds: 'KernelModuleMissing',
    title: 'a class of xfs on a kernel without xfs',
    breaks: (on) => report(on, { host: { modules: { missing: ['xfs'] } } }),
    object: 'Node/n1',
    says: /xfs is not there, and StorageClass open-local-lvm-xfs needs it/,
    mends: /modprobe xfs/,
  },
  {
    finds: 'CgroupCannotLimit',
    title: 'limits on a kernel without the io controller',
    breaks: (on) => report(on, { host: { cgroup: { version: 2, io: false } } }),
    object: 'Node/n1',
    says: /no io controller there, and StorageClass open-local-lvm-io-throttle/,
    mends: /cgroup\.controllers/,
  },
];

const CONFIGURATION: readonly Case[] = [
  {
    finds: 'ConfigMissing',
    title: 'the configuration has another name than the flag',
    breaks: async (on) => {
      await on.client.delete(INIT_CONFIGS, { name: 'open-local' }, never);
      await on.put(INIT_CONFIGS, { metadata: { name: 'yoda' } });
    },
    object: 'NodeLocalStorageInitConfig/open-local',
    says: /yoda is, which the operator does not read/,
    mends: /kubectl apply -f examples\/nlsc\.yaml/,
  },
  {
    finds: 'ConfigRefused',
    title: 'a pattern that cannot be read',
    breaks: (on) => {
      const time = new Date().toISOString();
      const refused = {
        type: 'Accepted',
        status: 'False',
        reason: 'Invalid',
        message: 'vgs.include: "(": it has no end',
        lastTransitionTime: time,
      };
      return on.change(INIT_CONFIGS, { name: 'open-local' }, { status: { conditions: [refused] } }, 'status');
    },
    object: 'NodeLocalStorageInitConfig/open-local',
    says: /it has no end/,
    mends: /kubectl edit nlsc open-local/,
  },
  {
    finds: 'NothingManaged',
    title: 'patterns that match nothing',
    breaks: async (on) => {
      await on.client.delete(LOCAL_VOLUMES, { name: 'local-1' }, never);
      await on.client.delete(VOLUMES, { name: 'pv-1' }, never);
      for (const name of ['n1', 'n2'])
        await on.change(
          NODE_LOCAL_STORAGES,
          { name },
          { status: { filteredStorageInfo: { volumeGroups: [] } } },
          'status',
        );
    },
    object: 'NodeLocalStorageInitConfig/open-local',
    says: /None of the 2 nodes/,
    mends: /kubectl get nls/,
  },
  {
    finds: 'GroupRefused',
    title: 'the disk of a group is not blank',
    breaks: (on) => {
      const time = new Date().toISOString();
      const message = '/dev/sdb has a filesystem ext4: nothing is written to it.';
      const refused = {
        type: 'VolumeGroup/pool-0',
        status: 'False',
        reason: 'DeviceRefused',
        message,
        lastTransitionTime: time,
      };
      return report(on, { conditions: [refused] });
    },
    object: 'NodeLocalStorage/n1',
    says: /VolumeGroup\/pool-0: \/dev\/sdb has a filesystem ext4/,
    mends: /kubectl describe nls n1/,
  },
  {
    finds: 'DiskFailing',
    title: 'a disk says that it fails',
    breaks: (on) => {
      const message = 'disk /dev/sdb, which carries pool-0, fails: it says of itself that it fails (SMART).';
      const failing = { device: '/dev/sdb', reason: 'SelfAssessmentFailed', message, carries: ['pool-0'] };
      return report(on, { failingDisks: [failing] });
    },
    object: 'NodeLocalStorage/n1',
    says: /Disk \/dev\/sdb, which carries pool-0, fails: it says of itself/,
    mends: /kubectl describe nls n1/,
  },
  {
    finds: 'StorageFaulty',
    title: 'a disk was pulled',
    breaks: (on) => {
      const [group] = storageOf('n1').status?.nodeStorageInfo?.volumeGroups ?? [];
      return report(on, { nodeStorageInfo: { volumeGroups: [{ ...group, condition: 'DiskFault' }] } });
    },
    object: 'NodeLocalStorage/n1',
    says: /Volume group pool-0 lacks a disk/,
    mends: /kubectl describe nls n1/,
  },
  {
    finds: 'StrayVolumes',
    title: 'a node came back with volumes of which no object speaks',
    breaks: (on) => {
      const time = new Date().toISOString();
      const stray = {
        type: 'StrayVolumes',
        status: 'False',
        reason: 'VolumesFound',
        message: 'local-9 in pool-0.',
        lastTransitionTime: time,
      };
      return report(on, { conditions: [stray] });
    },
    object: 'NodeLocalStorage/n1',
    says: /local-9 in pool-0/,
    mends: /describe nls/,
  },
  {
    finds: 'ClassParameterUnknown',
    title: 'a parameter with a letter too many',
    breaks: (on) =>
      on.put(STORAGE_CLASSES, storageClass('typo', { parameters: { volumeType: 'LVM', vgNames: 'pool-0' } })),
    object: 'StorageClass/typo',
    says: /Nobody reads its parameter vgNames: vgName is meant/,
    mends: /volumes that exist stay/,
  },
  {
    finds: 'ClassInvalid',
    title: 'parameters that contradict each other',
    breaks: (on) =>
      on.put(STORAGE_CLASSES, storageClass('odd', { parameters: { volumeType: 'Device', vgName: 'pool-0' } })),
    object: 'StorageClass/odd',
    says: /vgName is for volumeType LVM, not Device/,
    mends: /kubectl get sc odd/,
  },
  {
    finds: 'ClassInvalid',
    title: 'a class for the nodes of a zone',
    breaks: (on) =>
      on.put(
        STORAGE_CLASSES,
        storageClass('zonal', {
          allowedTopologies: [{ matchLabelExpressions: [{ key: 'topology.kubernetes.io/zone', values: ['a'] }] }],
        }),
      ),
    object: 'StorageClass/zonal',
    says: /allowedTopologies has the key topology.kubernetes.io.zone/,
    mends: /kubectl get sc zonal/,
  },
  {
    finds: 'ClassInvalid',
    title: 'a class names its filesystem with a capital letter',
    breaks: (on) =>
      on.put(
        STORAGE_CLASSES,
        storageClass('capital', { parameters: { volumeType: 'LVM', 'csi.storage.k8s.io/fsType': 'xfs' } }),
      ),
    object: 'StorageClass/capital',
    says: /csi-provisioner refuses every claim of the class: it does not know csi.storage.k8s.io.fsType/,
    mends: /kubectl get sc capital/,
    also: ['ClassParameterUnknown'],
  },
  {
    finds: 'ClassBindsAtOnce',
    title: 'a class without volumeBindingMode',
    breaks: (on) => on.put(STORAGE_CLASSES, storageClass('early', { volumeBindingMode: 'Immediate' })),
    object: 'StorageClass/early',
    says: /volumeBindingMode is Immediate/,
    mends: /WaitForFirstConsumer/,
  },
  {
    finds: 'ClassFitsNowhere',
    title: 'a class names a group that no node has',
    breaks: (on) =>
      on.put(STORAGE_CLASSES, storageClass('lost', { parameters: { volumeType: 'LVM', vgName: 'pool-7' } })),
    object: 'StorageClass/lost',
    says: /No node manages a volume group pool-7; there are pool-0/,
    mends: /kubectl edit nlsc/,
  },
  {
    finds: 'ClassOfOldDriver',
    title: 'a class of the yoda flavour',
    breaks: (on) => on.put(STORAGE_CLASSES, storageClass('yoda', { provisioner: 'yodaplugin.csi.alibabacloud.com' })),
    object: 'StorageClass/yoda',
    says: /yodaplugin/,
    mends: /set provisioner: local\.csi\.aliyun\.com/,
  },
  {
    finds: 'DriverObjectMissing',
    title: 'the CSIDriver object was deleted',
    breaks: (on) => on.client.delete(DRIVER_OBJECTS, { name: 'local.csi.aliyun.com' }, never),
    object: 'CSIDriver/local.csi.aliyun.com',
    says: /not there/,
    mends: /kubectl apply -k deploy/,
  },
  {
    finds: 'DriverObjectWrong',
    title: 'the CSIDriver object is the old one',
    breaks: (on) => on.change(DRIVER_OBJECTS, { name: 'local.csi.aliyun.com' }, { spec: { storageCapacity: false } }),
    object: 'CSIDriver/local.csi.aliyun.com',
    says: /storageCapacity must be true/,
    mends: /kubectl apply -f deploy\/csidriver\.yaml/,
  },
];

/** A group of Kubernetes' own wants to know who allowed it. */
const APPROVED = { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-csi/external-snapshotter/pull/814' };

async function addSnapshotClass(on: SickCluster): Promise<void> {
  const names = {
    plural: 'volumesnapshotclasses',
    singular: 'volumesnapshotclass',
    kind: 'VolumeSnapshotClass',
    listKind: 'VolumeSnapshotClassList',
  };
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = [{ name: 'v1', served: true, storage: true, schema }];
  const group = 'snapshot.storage.k8s.io';
  await on.put(DEFINITIONS, {
    metadata: { name: `${names.plural}.${group}`, annotations: APPROVED },
    spec: { group, names, scope: 'Cluster', versions } as never,
  });
  await on.put(SNAPSHOT_CLASSES, { metadata: { name: 'open-local-lvm' }, driver: 'local.csi.aliyun.com' });
}

/** A claim whose pod is to go to a node. */
const chosen = (name: string, spec: object = {}) => {
  const claim = claimOf(name, spec);
  return { ...claim, metadata: { ...claim.metadata, annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } };
};

const VOLUME_CASES: readonly Case[] = [
  {
    finds: 'ClaimNotLetGo',
    title: 'snapshot-controller left its finalizer on a claim that was deleted',
    breaks: async (on) => {
      const claim = claimOf('kept', {}, 'Bound');
      await on.put(CLAIMS, {
        ...claim,
        metadata: { ...claim.metadata, finalizers: ['b.example/mine', SNAPSHOT_SOURCE] },
      });
      await on.deleteAgo(CLAIMS, { namespace: 'default', name: 'kept' }, minutes(10));
    },
    object: 'PersistentVolumeClaim/default/kept',
    says: /deleted 10 min ago, no VolumeSnapshot is made of it/,
    mends: /kubectl -n default patch pvc kept --type=merge -p '\{"metadata":\{"finalizers":\["b\.example\/mine"\]\}\}'/,
  },
  {
    finds: 'ClaimWaits',
    title: 'a claim is larger than any group',
    breaks: async (on) => {
      await on.put(CLAIMS, claimOf('big', { resources: { requests: { storage: '500Gi' } } }), minutes(5));
      await on.put(PODS, waitingPod('big'), minutes(5));
    },
    object: 'PersistentVolumeClaim/default/big',
    says: /waits for 5 min: pod web: Waits with claim big \(500 GiB, .*\)\. On all 2 nodes: not enough room for 500 GiB in any volume group\. Closest is .* What helps: give a volume group another disk/,
    mends: /kubectl open-local why pod web -n default/,
  },
  {
    finds: 'ClaimWaits',
    title: 'two claims fit alone and not together, since a volume is recorded that no report shows yet',
    breaks: async (on) => {
      await on.put(LOCAL_VOLUMES, {
        metadata: { name: 'local-8' },
        spec: { ...localVolume('local-8', 'x').spec, sizeBytes: 90 * 2 ** 30, role: 'Snapshot' as const },
      });
      await on.put(CLAIMS, claimOf('half', { resources: { requests: { storage: '50Gi' } } }), minutes(5));
      await on.put(CLAIMS, claimOf('other', { resources: { requests: { storage: '60Gi' } } }), minutes(5));
      const pod = waitingPod('half');
      pod.spec.volumes.push({ name: 'more', persistentVolumeClaim: { claimName: 'other' } });
      await on.put(PODS, pod, minutes(5));
    },
    object: 'PersistentVolumeClaim/default/half',
    says: /1: not enough room for 2 volumes together \((50 GiB, 60|60 GiB, 50) GiB\)/,
    mends: /kubectl open-local why pod web/,
  },
  {
    finds: 'ClaimWaits',
    title: 'the node refused the volume',
    breaks: async (on) => {
      await on.put(CLAIMS, claimOf('new', {}), minutes(5));
      const failed = { phase: 'Pending', reason: 'NoSpace', message: 'pool-0 has 0 extents free.' };
      await on.put(LOCAL_VOLUMES, localVolume('local-2', 'new', failed));
    },
    object: 'PersistentVolumeClaim/default/new',
    says: /LocalVolume local-2 on node n1: NoSpace: pool-0 has 0 extents free/,
    mends: /kubectl describe lvol local-2/,
  },
  {
    finds: 'ClaimWaits',
    title: 'csi-provisioner failed',
    breaks: async (on) => {
      await on.put(CLAIMS, claimOf('new', {}), minutes(5));
      await on.put(EVENTS, {
        metadata: { name: 'e1', namespace: 'default' },
        reason: 'ProvisioningFailed',
        message: 'rpc error: code = InvalidArgument desc = StorageClass parameter bps: "x"',
        involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'new' },
        lastTimestamp: new Date().toISOString(),
      });
    },
    object: 'PersistentVolumeClaim/default/new',
    says: /InvalidArgument desc = StorageClass parameter bps/,
    mends: /kubectl -n default describe pvc new/,
  },
  {
    finds: 'ClaimWaits',
    title: 'what csi-provisioner said was said of an earlier claim of that name',
    breaks: async (on) => {
      await on.put(CLAIMS, chosen('new'), minutes(5));
      await on.put(EVENTS, {
        metadata: { name: 'e1', namespace: 'default' },
        reason: 'ProvisioningFailed',
        message: 'rpc error: code = InvalidArgument desc = StorageClass parameter bps: "x"',
        involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'new', uid: 'of-the-one-before' },
        lastTimestamp: new Date().toISOString(),
      });
    },
    object: 'PersistentVolumeClaim/default/new',
    says: /a node was chosen, and csi-provisioner has not asked for the volume/,
    mends: /kubectl .*logs/,
  },
  {
    finds: 'ClaimWaits',
    title: 'no volume populator fills a claim of a kind that only one could',
    breaks: async (on) => {
      const from = { apiGroup: 'volsync.backube', kind: 'ReplicationDestination', name: 'r' };
      await on.put(CLAIMS, chosen('new', { dataSourceRef: from }), minutes(5));
    },
    object: 'PersistentVolumeClaim/default/new',
    says: /made from a ReplicationDestination\.volsync\.backube, which a volume populator must do, and none has begun/,
    mends: /kubectl -n default describe pvc new/,
  },
  {
    finds: 'ClaimWaits',
    title: 'Velero does not go on with a restore',
    breaks: (on) => {
      const selector = { matchLabels: { 'velero.io/dynamic-pv-restore': 'default.new.x' } };
      return on.put(CLAIMS, chosen('new', { selector }), minutes(5));
    },
    object: 'PersistentVolumeClaim/default/new',
    says: /a node was chosen, and Velero has not given it its volume/,
    mends: /kubectl -n default describe pvc new/,
  },
  {
    finds: 'ClaimWaits',
    title: 'a node has room, and the reason is another',
    breaks: async (on) => {
      await on.put(CLAIMS, claimOf('new', {}), minutes(5));
      await on.put(PODS, waitingPod('new', '0/2 nodes are available: 2 Insufficient cpu.'), minutes(5));
    },
    object: 'PersistentVolumeClaim/default/new',
    says: /some node has room for pod web; kube-scheduler says: 0\/2 nodes are available: 2 Insufficient cpu/,
    mends: /kubectl -n default describe pod web/,
  },
  {
    finds: 'VolumeBroken',
    title: 'a volume is not whole any more',
    breaks: (on) =>
      on.change(
        LOCAL_VOLUMES,
        { name: 'local-1' },
        { status: { phase: 'Failed', reason: 'GroupMissing', message: 'pool-0 is not on this node.' } },
        'status',
      ),
    object: 'LocalVolume/local-1',
    says: /GroupMissing: pool-0 is not on this node/,
    mends: /bring back the disks of the group/,
  },
  {
    finds: 'HostnameShared',
    title: 'machines that were cloned',
    breaks: (on) => on.change(NODES, { name: 'n2' }, { metadata: { labels: { 'kubernetes.io/hostname': 'n1' } } }),
    object: 'Node/n1',
    says: /2 nodes have kubernetes.io.hostname=n1: n1, n2/,
    mends: /a hostname of its own/,
  },
  {
    finds: 'HostnameChanged',
    title: 'a machine got another hostname',
    breaks: (on) =>
      on.change(NODES, { name: 'n1' }, { metadata: { labels: { 'kubernetes.io/hostname': 'n1.example.org' } } }),
    object: 'Node/n1',
    says: /kubernetes.io.hostname=n1.example.org, and 1 PersistentVolumes on it name n1: pv-1/,
    mends: /kubectl label node n1 kubernetes.io.hostname=n1 --overwrite/,
  },
  {
    finds: 'VolumeMissing',
    title: 'a PersistentVolume of nothing',
    breaks: async (on) => {
      await on.put(CLAIMS, claimOf('gone', { volumeName: 'pv-9' }, 'Bound'));
      await on.put(VOLUMES, volumeOf('pv-9', 'local-9', 'gone'), HOUR_MS);
    },
    object: 'PersistentVolume/pv-9',
    says: /local-9 is recorded by no LocalVolume and reported by no node/,
    mends: /lvs -a/,
  },
  {
    finds: 'VolumeWithoutOwner',
    title: 'a PersistentVolume was deleted by hand',
    breaks: (on) => on.put(LOCAL_VOLUMES, localVolume('local-3', 'forgotten'), HOUR_MS),
    object: 'LocalVolume/local-3',
    says: /60 min old, and no PersistentVolume is of it. It was made for claim default\/forgotten/,
    mends: /its data stays/,
  },
  {
    finds: 'VolumeWithoutOwner',
    title: 'a claim went while its volume was made, and was made anew under its name',
    breaks: async (on) => {
      const volume = localVolume('local-3', 'again');
      const request = { name: 'pvc-7b1c7e0e-3f0a-4a51-9d1c-0a52e6a6f001' };
      await on.put(LOCAL_VOLUMES, { ...volume, spec: { ...volume.spec, request } }, HOUR_MS);
      await on.put(CLAIMS, claimOf('again', {}, 'Pending'));
    },
    object: 'LocalVolume/local-3',
    says: /no PersistentVolume is of it. It was made for claim default\/again/,
    mends: /its data stays/,
  },
  {
    finds: 'VolumeWithoutOwner',
    title: 'a PersistentVolume was deleted by hand, and its claim is Lost',
    breaks: async (on) => {
      await on.put(LOCAL_VOLUMES, localVolume('local-3', 'robbed'), HOUR_MS);
      await on.put(CLAIMS, claimOf('robbed', { volumeName: 'pv-3' }, 'Lost'));
    },
    object: 'LocalVolume/local-3',
    says: /no PersistentVolume is of it. It was made for claim default\/robbed/,
    mends: /its data stays/,
  },
  {
    finds: 'VolumeStuckInDeletion',
    title: 'a deleted volume does not go',
    breaks: async (on) => {
      const held = { phase: 'Deleting', reason: 'InUse', message: 'something holds its device.' };
      const volume = localVolume('local-4', 'old', held);
      const metadata = { ...volume.metadata, finalizers: ['csi.aliyun.com/volume-on-node'] };
      await on.put(LOCAL_VOLUMES, { ...volume, metadata }, HOUR_MS);
      await on.deleteAgo(LOCAL_VOLUMES, { name: 'local-4' }, minutes(30));
    },
    object: 'LocalVolume/local-4',
    says: /deleted 30 min ago and is still on node n1: InUse: something holds its device/,
    mends: /kubectl describe lvol local-4/,
  },
  {
    finds: 'VolumeOnGoneNode',
    title: 'a node was removed with its volumes',
    breaks: async (on) => {
      await on.client.delete(NODES, { name: 'n1' }, never);
      await on.client.delete(PODS, at('agent-n1'), never, { gracePeriodSeconds: 0 });
      await on.client.delete(CSI_NODES, { name: 'n1' }, never);
    },
    object: 'Node/n1',
    says: /1 volumes? (?:is|are) recorded there: local-1/,
    mends: /bring the node back/,
  },
  {
    finds: 'NodeReportLeftOver',
    title: 'the report of a node that is gone',
    breaks: (on) => on.client.delete(NODES, { name: 'n2' }, never),
    object: 'NodeLocalStorage/n2',
    says: /no node of its name/,
    mends: /kubectl annotate nls n2 csi\.aliyun\.com\/lost/,
    also: [],
  },
  {
    finds: 'SnapshotsIncomplete',
    title: 'a snapshot class without csi-snapshotter',
    breaks: addSnapshotClass,
    object: `Deployment/${NAMESPACE}/${OPERATOR}`,
    says: /VolumeSnapshotClass open-local-lvm is ours, and the operator has no container csi-snapshotter/,
    mends: /examples\/with-snapshots/,
  },
  {
    finds: 'KernelModuleMissing',
    title: 'snapshots, and the kernel has no dm_snapshot; what it can load is no fault',
    breaks: async (on) => {
      await addSnapshotClass(on);
      await report(on, { host: { modules: { loadable: ['dm_crypt', 'xfs'], missing: ['dm_snapshot'] } } });
    },
    object: 'Node/n1',
    says: /dm_snapshot is not there, and VolumeSnapshotClass open-local-lvm needs it/,
    mends: /modprobe dm_snapshot && echo dm_snapshot/,
    also: ['SnapshotsIncomplete'],
  },
];

const CASES = [...INSTALLATION, ...SCHEDULING, ...CERTIFICATES, ...MACHINES, ...CONFIGURATION, ...VOLUME_CASES];

/** Nothing that is advised takes data or objects away. */
const DESTROYS = /\b(?:rm|dd|mkfs\S*|wipefs -|blkdiscard|(?:vg|lv|pv)remove|kubectl delete|multipath -[fF])\b/;

describe('broken installations', () => {
  test.each(CASES)('$finds: $title', async ({ finds, without = [], breaks, object, says, mends, also = [] }) => {
    cluster = await startSickCluster(...without);
    await breaks?.(cluster);
    const { findings } = await cluster.examine();
    const finding = findings.find((each) => each.name === finds && each.object === object);
    if (!finding) throw new Error(`${finds} ${object} is not among ${JSON.stringify(findings, undefined, 1)}`);
    expect(finding.what).toMatch(says);
    expect(finding.why).toBe(FINDINGS[finds].why);
    expect(finding.mend.join('\n')).toMatch(mends);
    expect(findings.flatMap(({ mend }) => mend).filter((each) => DESTROYS.test(each))).toEqual([]);
    const others = [...new Set(findings.map(({ name }) => name))].filter(
      (name) => name !== finds && !also.includes(name),
    );
    expect(others).toEqual([]);
  });

  test('every finding has a broken installation', () => {
    const tested = new Set(CASES.map(({ finds }) => finds));
    expect(Object.keys(FINDINGS).filter((name) => !tested.has(name as FindingName))).toEqual([]);
  });
});

describe('the command', () => {
  const doctor = async (...args: readonly string[]) => {
    const program = path.resolve(import.meta.dirname, '../main-people.ts');
    const child = spawn(process.execPath, [program, 'doctor', ...args], { env: { PATH: process.env['PATH'] ?? '' } });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { stdout, stderr, code: code as number };
  };

  test('tells of a healthy cluster in one line, and ends with 0', async () => {
    cluster = await startSickCluster();
    const { stdout, stderr, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`);
    expect(stdout).toMatch(
      /^healthy: open-local \S+ in namespace open-local: 2 nodes, 2 with storage reports, 1 volume, .*\n$/,
    );
    expect([stderr, code]).toEqual(['', 0]);
  });

  test('tells each finding with what mends it, and ends with 1', async () => {
    cluster = await startSickCluster('CSIDriver/local.csi.aliyun.com');
    await report(cluster, { host: { lvmetad: true } });
    const { stdout, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`);
    expect(stdout).toBe(`broken DriverObjectMissing  CSIDriver/local.csi.aliyun.com
  It is not there.
  why it matters: ${FINDINGS.DriverObjectMissing.why}
  to mend: kubectl apply -k deploy   (or helm upgrade, with the values of the installation)

risk LvmetadOnNode  Node/n1
  Its lvm2 uses lvmetad.
  why it matters: ${FINDINGS.LvmetadOnNode.why}
  to mend: on the node: set use_lvmetad=0 in the section global of /etc/lvm/lvm.conf, then systemctl disable --now lvm2-lvmetad.socket lvm2-lvmetad.service

1 thing broken, 1 risk; docs/doctor.md has each by its name
`);
    expect(code).toBe(1);
  });

  test('--json is one document with the same findings', async () => {
    cluster = await startSickCluster('CSIDriver/local.csi.aliyun.com');
    const { stdout, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      namespace: 'open-local',
      healthy: false,
      findings: [{ name: 'DriverObjectMissing', level: 'broken', object: 'CSIDriver/local.csi.aliyun.com' }],
      notLookedAt: [],
    });
    expect(code).toBe(1);
  });

  test('what it may not look at is told with its reason, and nothing is concluded from it', async () => {
    cluster = await startSickCluster();
    const forbidden = { code: 403, reason: 'Forbidden', message: 'secrets is forbidden' };
    cluster.api.troubles.fail({ resource: 'secrets', verb: 'get' }, forbidden, 100);
    const { stdout, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`);
    expect(stdout).toMatch(
      /^not looked at: Secret open-local\/open-local-extender-tls: .*forbidden\nnothing found, and 1 thing not looked at\n$/,
    );
    expect(code).toBe(2);
  });

  test('a cluster that does not answer is told as such, and ends with 2', async () => {
    cluster = await startSickCluster();
    await cluster.api.close();
    const { stdout, stderr, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^open-local doctor: the cluster cannot be looked at: .*ECONNREFUSED/);
    expect(code).toBe(2);
  });

  test('who may not read Deployments sees the rest all the same', async () => {
    cluster = await startSickCluster('CSIDriver/local.csi.aliyun.com');
    const forbidden = { code: 403, reason: 'Forbidden', message: 'not for you' };
    for (const resource of ['deployments', 'daemonsets', 'subjectaccessreviews'])
      cluster.api.troubles.fail({ resource }, forbidden, 100);
    const { stdout, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`, '--json');
    const { findings, notLookedAt } = JSON.parse(stdout) as {
      findings: { name: string }[];
      notLookedAt: { what: string }[];
    };
    expect(findings.map(({ name }) => name)).toEqual(['DriverObjectMissing']);
    expect(notLookedAt.map(({ what }) => what)).toEqual([
      'deployments',
      'daemonsets',
      'rights of the service accounts',
    ]);
    expect(code).toBe(1);
  });

  test('a namespace where nothing is installed is a finding, not a crash', async () => {
    cluster = await startSickCluster();
    const { stdout, code } = await doctor(`--kubeconfig=${cluster.kubeconfig}`, '--namespace=elsewhere');
    expect(stdout).toContain('broken OperatorMissing  Namespace/elsewhere');
    expect(code).toBe(1);
  });
});
