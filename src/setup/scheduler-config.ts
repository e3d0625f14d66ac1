import { stringify } from 'yaml';
import { APP_COMPONENT, MARK } from '../model/well-known.ts';

/**
 * What kube-scheduler needs to ask the extender, for each way in which a cluster runs it. Pure: what is read of the
 * cluster comes in, files and steps come out.
 */

export const TARGETS = ['kubeadm', 'k3s', 'rke2', 'deployment'] as const;
export type Target = (typeof TARGETS)[number];

/** How the extender is reached, and the certificates for it (PEM). */
export interface Extender {
  readonly namespace: string;
  readonly service: string;
  /** The Service's address: a scheduler on the host's network resolves no name of a Service. */
  readonly clusterIp: string;
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Choice {
  /** Of a second scheduler. */
  readonly image: string;
  /** Ask about marked pods alone: pods without volumes are then placed without a call. */
  readonly markedPods: boolean;
  /** Have the extender write bindings, for which the operator needs a right of its own. */
  readonly bind: boolean;
}

/** One file or manifest to put somewhere. `secret`: it has a private key in it. */
export interface Output {
  readonly name: string;
  /** Where it goes, in words. */
  readonly place: string;
  readonly text: string;
  readonly secret: boolean;
}

export interface SchedulerConfig {
  readonly outputs: readonly Output[];
  /** What to do with them, one step a line. */
  readonly steps: readonly string[];
}

const FILE = 'open-local-scheduler.yaml';
export const SECOND_SCHEDULER = 'open-local-scheduler';
/** Whose pods a scheduler of each target places. */
export const schedulerNameOf = (target: Target): string =>
  target === 'deployment' ? SECOND_SCHEDULER : 'default-scheduler';

interface Layout {
  /** Folder of the scheduler's configuration on every node of the control plane. */
  readonly folder: string;
  /** How the scheduler reaches the API server. */
  readonly kubeconfig: string;
}

const LAYOUTS: Readonly<Record<Exclude<Target, 'deployment'>, Layout>> = {
  kubeadm: { folder: '/etc/kubernetes', kubeconfig: '/etc/kubernetes/scheduler.conf' },
  k3s: { folder: '/etc/rancher/k3s', kubeconfig: '/var/lib/rancher/k3s/server/cred/scheduler.kubeconfig' },
  rke2: { folder: '/etc/rancher/rke2', kubeconfig: '/var/lib/rancher/rke2/server/cred/scheduler.kubeconfig' },
};

/** Files, manifests and steps for one way of running kube-scheduler. */
export function schedulerConfig(target: Target, extender: Extender, choice: Choice): SchedulerConfig {
  const { outputs, steps } =
    target === 'deployment' ? secondScheduler(extender, choice) : ownScheduler(target, extender, choice);
  return {
    outputs,
    steps: [...(choice.bind ? [GIVE_RIGHT] : []), ...steps, ...(choice.markedPods ? [TAKE_AWAY] : [])],
  };
}

const GIVE_RIGHT =
  'Give the operator the right to bind pods: helm upgrade with --set extender.bind=true, or kubectl apply -k deploy/bind. To go back, all this without --bind first, the right last.';

const TAKE_AWAY =
  'To ask about every pod again: all this without --marked-pods first, scheduler.markPods=false last. Otherwise nobody asks about new pods in between.';

function ownScheduler(target: Exclude<Target, 'deployment'>, extender: Extender, choice: Choice): SchedulerConfig {
  const { folder, kubeconfig } = LAYOUTS[target];
  const file = `${folder}/${FILE}`;
  const configuration = {
    ...header,
    clientConnection: { kubeconfig },
    extenders: [extenderEntry(extender, extender.clusterIp, choice)],
  };
  const config: Output = {
    name: FILE,
    place: `${file} on every node of the control plane, mode 0600`,
    text: stringify(configuration),
    secret: true,
  };
  const more = ADDITIONS[target](file);
  return { outputs: [config, more.output], steps: [`Put ${FILE} at ${config.place}.`, ...more.steps] };
}

const header = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration' } as const;

/**
 * One entry of `extenders`. Names alone are sent; when the extender does not answer, the scheduler goes on without it,
 * and CreateVolume refuses what does not fit. https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/
 */
const extenderEntry = (extender: Extender, host: string, { markedPods, bind }: Choice): object => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    urlPrefix: `https://${host.includes(':') ? `[${host}]` : host}:${extender.port}/scheduler`,
    ...{ filterVerb: 'filter', preemptVerb: 'preempt', prioritizeVerb: 'prioritize' },
    ...{ ...(bind ? { bindVerb: 'bind' } : {}), weight: 10 },
    ...{ enableHTTPS: true, nodeCacheCapable: true, ignorable: true, httpTimeout: '5s' },
    // Not ignoredByScheduler, which would take the place of what the profile's NodeResourcesFit ignores already.
    ...(markedPods ? { managedResources: [{ name: MARK }] } : {}),
    tlsConfig: {
      serverName: `${extender.service}.${extender.namespace}.svc`,
      ...{ caData: base64(extender.ca), certData: base64(extender.cert), keyData: base64(extender.key) },
    },
  };
};

interface Addition {
  readonly output: Output;
  readonly steps: readonly string[];
}

const ADDITIONS: Readonly<Record<Exclude<Target, 'deployment'>, (file: string) => Addition>> = {
  kubeadm: (file) => ({
    output: {
      name: 'kubeadm.yaml',
      place: 'the ClusterConfiguration of kubeadm (`kubectl -n kube-system edit configmap kubeadm-config`)',
      text: stringify({
        apiVersion: 'kubeadm.k8s.io/v1beta4',
        kind: 'ClusterConfiguration',
        scheduler: {
          extraArgs: [{ name: 'config', value: file }],
          extraVolumes: [{ name: 'open-local', hostPath: file, mountPath: file, readOnly: true, pathType: 'File' }],
        },
      }),
      secret: false,
    },
    steps: [
      'Add what is under `scheduler` in kubeadm.yaml to the ClusterConfiguration: an upgrade keeps it then.',
      'On every node of the control plane, one after another: `kubeadm init phase control-plane scheduler --config` with that ClusterConfiguration.',
    ],
  }),
  k3s: (file) => ({
    output: {
      name: 'open-local.yaml',
      place: '/etc/rancher/k3s/config.yaml.d/open-local.yaml on every server',
      text: stringify({ 'kube-scheduler-arg+': [`config=${file}`] }),
      secret: false,
    },
    steps: [
      'Put open-local.yaml at /etc/rancher/k3s/config.yaml.d/open-local.yaml on every server.',
      'Restart k3s there, one after another.',
    ],
  }),
  rke2: (file) => ({
    output: {
      name: 'open-local.yaml',
      place: '/etc/rancher/rke2/config.yaml.d/open-local.yaml on every server',
      text: stringify({
        'kube-scheduler-arg+': [`config=${file}`],
        'kube-scheduler-extra-mount+': [`${file}:${file}:ro`],
      }),
      secret: false,
    },
    steps: [
      'Put open-local.yaml at /etc/rancher/rke2/config.yaml.d/open-local.yaml on every server.',
      'Restart rke2-server there, one after another.',
    ],
  }),
};

/** A stock kube-scheduler in the cluster, for pods with `schedulerName: open-local-scheduler`. */
function secondScheduler(extender: Extender, choice: Choice): SchedulerConfig {
  const { namespace, service } = extender;
  const metadata = { name: SECOND_SCHEDULER, namespace };
  const configuration = {
    ...header,
    leaderElection: { leaderElect: true, resourceName: SECOND_SCHEDULER, resourceNamespace: namespace },
    profiles: [{ schedulerName: SECOND_SCHEDULER }],
    extenders: [extenderEntry(extender, `${service}.${namespace}.svc`, choice)],
  };
  const documents = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...['system:kube-scheduler', 'system:volume-scheduler'].map((role) => binding(metadata, role)),
    readerBinding(metadata),
    ...leaseRole(metadata),
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { [FILE]: stringify(configuration) } },
    deployment(metadata, choice.image),
  ];
  return {
    outputs: [
      {
        name: `${SECOND_SCHEDULER}.yaml`,
        place: `the cluster (\`kubectl apply -f ${SECOND_SCHEDULER}.yaml\`)`,
        text: documents.map((document) => stringify(document)).join('---\n'),
        secret: true,
      },
    ],
    steps: [
      `\`kubectl apply -f ${SECOND_SCHEDULER}.yaml\``,
      `Pods choose it by \`schedulerName: ${SECOND_SCHEDULER}\`; the cluster's own scheduler stays as it is.`,
    ],
  };
}

interface Metadata {
  readonly name: string;
  readonly namespace: string;
}

const subjects = ({ name, namespace }: Metadata): object[] => [{ kind: 'ServiceAccount', name, namespace }];
const RBAC = 'rbac.authorization.k8s.io';

const binding = (of: Metadata, role: string): object => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: `${of.name}-${role.replace('system:', '')}` },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
  subjects: subjects(of),
});

/** kube-scheduler reads there whom it may trust. */
const readerBinding = (of: Metadata): object => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'RoleBinding',
  metadata: { name: `${of.name}-authentication-reader`, namespace: 'kube-system' },
  roleRef: { apiGroup: RBAC, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
  subjects: subjects(of),
});

/** The role of the cluster's own scheduler names only its own Lease. */
const leaseRole = (metadata: Metadata): object[] => {
  const { name } = metadata;
  return [
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'Role',
      metadata,
      rules: [
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [name], verbs: ['get', 'update'] },
      ],
    },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: RBAC, kind: 'Role', name },
      subjects: subjects(metadata),
    },
  ];
};

const deployment = (metadata: Metadata, image: string): object => {
  const labels = { [APP_COMPONENT]: 'scheduler' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: metadata.name,
          priorityClassName: 'system-cluster-critical',
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            seccompProfile: { type: 'RuntimeDefault' },
            fsGroup: 65_532,
          },
          containers: [
            {
              name: 'kube-scheduler',
              image,
              command: ['kube-scheduler', `--config=/etc/open-local/${FILE}`],
              livenessProbe: { httpGet: { path: '/livez', port: 10_259, scheme: 'HTTPS' } },
              readinessProbe: { httpGet: { path: '/readyz', port: 10_259, scheme: 'HTTPS' } },
              resources: { requests: { cpu: '100m', memory: '64Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [{ name: 'config', mountPath: '/etc/open-local', readOnly: true }],
            },
          ],
          volumes: [{ name: 'config', secret: { secretName: metadata.name, defaultMode: 0o440 } }],
        },
      },
    },
  };
};
