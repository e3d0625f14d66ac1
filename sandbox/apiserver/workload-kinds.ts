import { STATUS_CONDITIONS, TEMPLATED } from './built-in-schemas.ts';
import { AGE, column, type Entry } from './kind-entry.ts';
import { statefulSetRules } from './kind-rules.ts';
import { WORKLOAD_SCALE } from './scale.ts';
import {
  budgetRules,
  cronJobRules,
  daemonSetRules,
  deploymentRules,
  jobRules,
  replicaSetRules,
} from './workload-rules.ts';

const workload = { status: true, generation: true, schema: TEMPLATED } as const;
const replicas = [
  column('Desired', '.spec.replicas', 'integer'),
  column('Ready', '.status.readyReplicas', 'integer'),
] as const;
const scale = WORKLOAD_SCALE;

/** Kinds that make pods. Nobody acts on them here but the sandbox's stand-in for StatefulSets. */
export const APPS: readonly Entry[] = [
  {
    kind: 'Deployment',
    plural: 'deployments',
    shortNames: ['deploy'],
    ...workload,
    scale,
    columns: [...replicas, AGE],
    rules: deploymentRules,
  },
  {
    kind: 'ReplicaSet',
    plural: 'replicasets',
    shortNames: ['rs'],
    ...workload,
    scale,
    columns: [...replicas, AGE],
    rules: replicaSetRules,
  },
  { kind: 'DaemonSet', plural: 'daemonsets', shortNames: ['ds'], ...workload, rules: daemonSetRules },
  {
    kind: 'StatefulSet',
    plural: 'statefulsets',
    shortNames: ['sts'],
    ...workload,
    scale,
    columns: [...replicas, AGE],
    rules: statefulSetRules,
  },
];

export const BATCH: readonly Entry[] = [
  { kind: 'Job', plural: 'jobs', ...workload, selectable: ['status.successful'], rules: jobRules },
  {
    kind: 'CronJob',
    plural: 'cronjobs',
    shortNames: ['cj'],
    status: true,
    generation: true,
    columns: [column('Schedule', '.spec.schedule'), AGE],
    rules: cronJobRules,
  },
];

export const POLICY: readonly Entry[] = [
  {
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    shortNames: ['pdb'],
    status: true,
    generation: true,
    columns: [column('Allowed', '.status.disruptionsAllowed', 'integer'), AGE],
    schema: { type: 'object', properties: { status: STATUS_CONDITIONS } },
    rules: budgetRules,
  },
];

/** Stored and served; nobody is asked what they allow. */
export const RBAC: readonly Entry[] = [
  { kind: 'Role', plural: 'roles' },
  { kind: 'RoleBinding', plural: 'rolebindings' },
  { kind: 'ClusterRole', plural: 'clusterroles', clusterWide: true },
  { kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', clusterWide: true },
];

/** Stored and served; nobody asks them. */
export const ADMISSION: readonly Entry[] = [
  { kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies', clusterWide: true, generation: true },
  { kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings', clusterWide: true },
  { kind: 'MutatingAdmissionPolicy', plural: 'mutatingadmissionpolicies', clusterWide: true, generation: true },
  { kind: 'MutatingAdmissionPolicyBinding', plural: 'mutatingadmissionpolicybindings', clusterWide: true },
];

export const NETWORKING: readonly Entry[] = [
  { kind: 'NetworkPolicy', plural: 'networkpolicies', shortNames: ['netpol'], generation: true },
];

export const SCHEDULING: readonly Entry[] = [
  {
    kind: 'PriorityClass',
    plural: 'priorityclasses',
    shortNames: ['pc'],
    clusterWide: true,
    columns: [column('Value', '.value', 'integer'), AGE],
  },
];
