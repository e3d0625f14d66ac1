import { present } from '../../src/model/present.ts';
import { type Column, idOf, type Kind, type KindRules } from './kind.ts';
import { DEFINITIONS, definitionRules } from './custom-kinds.ts';
import { EVENT_FACE } from './event-face.ts';
import {
  claimRules,
  configRules,
  deploymentRules,
  driverRules,
  jobRules,
  leaseRules,
  namespaceRules,
  podRules,
  replicaSetRules,
  statefulSetRules,
  storageClassRules,
  volumeRules,
} from './kind-rules.ts';
import type { Schema } from './schema.ts';

interface Entry {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly clusterWide?: boolean;
  readonly status?: boolean;
  readonly generation?: boolean;
  readonly unconditionalUpdate?: boolean;
  readonly createOnUpdate?: boolean;
  readonly returnsDeleted?: boolean;
  readonly selectable?: readonly string[];
  readonly columns?: readonly Column[];
  readonly schema?: Schema;
  readonly rules?: KindRules;
  readonly faceOf?: Kind['faceOf'];
}

const listMap = (...keys: string[]): Schema => ({
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
const conditions: Schema = { type: 'object', properties: { conditions: listMap('type') } };
const column = (name: string, jsonPath: string, type = 'string', priority = 0): Column => ({
  name,
  type,
  jsonPath,
  priority,
});
const AGE = column('Age', '.metadata.creationTimestamp', 'date');

const workload = (kind: string, plural: string, shortNames: readonly string[], rules: KindRules): Entry => ({
  kind,
  plural,
  shortNames,
  status: true,
  generation: true,
  rules,
  schema: { type: 'object', properties: { status: conditions } },
});

const INVOLVED = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

const CORE: readonly Entry[] = [
  {
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    clusterWide: true,
    status: true,
    selectable: ['status.phase'],
    columns: [column('Status', '.status.phase'), AGE],
    rules: namespaceRules,
    schema: { type: 'object', properties: { status: conditions } },
  },
  {
    kind: 'Node',
    plural: 'nodes',
    shortNames: ['no'],
    clusterWide: true,
    status: true,
    selectable: ['spec.unschedulable'],
    columns: [column('Ready', '.status.conditions[?(@.type=="Ready")].status'), AGE],
    schema: { type: 'object', properties: { status: conditions } },
  },
  {
    kind: 'Pod',
    plural: 'pods',
    shortNames: ['po'],
    status: true,
    generation: true,
    returnsDeleted: true,
    selectable: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ],
    columns: [column('Status', '.status.phase'), column('Node', '.spec.nodeName'), AGE],
    rules: podRules,
    schema: {
      type: 'object',
      properties: {
        spec: { type: 'object', properties: { containers: listMap('name'), volumes: listMap('name') } },
        status: conditions,
      },
    },
  },
  {
    kind: 'PersistentVolumeClaim',
    plural: 'persistentvolumeclaims',
    shortNames: ['pvc'],
    status: true,
    returnsDeleted: true,
    columns: [
      column('Status', '.status.phase'),
      column('Volume', '.spec.volumeName'),
      column('Capacity', '.status.capacity.storage'),
      column('StorageClass', '.spec.storageClassName'),
      AGE,
    ],
    rules: claimRules,
    schema: { type: 'object', properties: { status: conditions } },
  },
  {
    kind: 'PersistentVolume',
    plural: 'persistentvolumes',
    shortNames: ['pv'],
    clusterWide: true,
    status: true,
    returnsDeleted: true,
    columns: [
      column('Capacity', '.spec.capacity.storage'),
      column('Reclaim Policy', '.spec.persistentVolumeReclaimPolicy'),
      column('Status', '.status.phase'),
      column('Claim', '.spec.claimRef.name'),
      column('StorageClass', '.spec.storageClassName'),
      AGE,
    ],
    rules: volumeRules,
  },
  {
    kind: 'Event',
    plural: 'events',
    shortNames: ['ev'],
    createOnUpdate: true,
    selectable: [
      ...INVOLVED.map((field) => `involvedObject.${field}`),
      'reason',
      'reportingComponent',
      'source',
      'type',
    ],
    columns: [
      column('Last Seen', '.lastTimestamp', 'date'),
      column('Type', '.type'),
      column('Reason', '.reason'),
      column('Object', '.involvedObject.name'),
      column('Message', '.message'),
    ],
  },
  { kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'], rules: configRules },
  { kind: 'Secret', plural: 'secrets', selectable: ['type'], rules: configRules },
  { kind: 'Service', plural: 'services', shortNames: ['svc'] },
  { kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: ['sa'], returnsDeleted: true },
];

const STORAGE: readonly Entry[] = [
  {
    kind: 'StorageClass',
    plural: 'storageclasses',
    shortNames: ['sc'],
    clusterWide: true,
    returnsDeleted: true,
    columns: [
      column('Provisioner', '.provisioner'),
      column('ReclaimPolicy', '.reclaimPolicy'),
      column('VolumeBindingMode', '.volumeBindingMode'),
      AGE,
    ],
    rules: storageClassRules,
  },
  {
    kind: 'CSIDriver',
    plural: 'csidrivers',
    clusterWide: true,
    unconditionalUpdate: false,
    returnsDeleted: true,
    rules: driverRules,
  },
  {
    kind: 'CSINode',
    plural: 'csinodes',
    clusterWide: true,
    unconditionalUpdate: false,
    returnsDeleted: true,
    schema: { type: 'object', properties: { spec: { type: 'object', properties: { drivers: listMap('name') } } } },
  },
  { kind: 'CSIStorageCapacity', plural: 'csistoragecapacities', unconditionalUpdate: false, returnsDeleted: true },
];

const TABLE: readonly (readonly [group: string, entries: readonly Entry[]])[] = [
  ['', CORE],
  ['storage.k8s.io', STORAGE],
  [
    'coordination.k8s.io',
    [
      {
        kind: 'Lease',
        plural: 'leases',
        createOnUpdate: true,
        unconditionalUpdate: false,
        columns: [column('Holder', '.spec.holderIdentity'), AGE],
        rules: leaseRules,
      },
    ],
  ],
  [
    'apps',
    [
      workload('StatefulSet', 'statefulsets', ['sts'], statefulSetRules),
      workload('Deployment', 'deployments', ['deploy'], deploymentRules),
      workload('ReplicaSet', 'replicasets', ['rs'], replicaSetRules),
    ],
  ],
  ['batch', [workload('Job', 'jobs', [], jobRules)]],
  [
    'events.k8s.io',
    [
      {
        kind: 'Event',
        plural: 'events',
        shortNames: ['ev'],
        createOnUpdate: true,
        selectable: [...INVOLVED.map((field) => `regarding.${field}`), 'reason', 'reportingController', 'type'],
        faceOf: EVENT_FACE,
      },
    ],
  ],
  [
    'apiextensions.k8s.io',
    [
      {
        kind: 'CustomResourceDefinition',
        plural: 'customresourcedefinitions',
        shortNames: ['crd', 'crds'],
        clusterWide: true,
        status: true,
        generation: true,
        unconditionalUpdate: false,
        schema: { type: 'object', properties: { status: conditions } },
      },
    ],
  ],
];

const kindOf = (group: string, entry: Entry): Kind => ({
  group,
  version: 'v1',
  kind: entry.kind,
  plural: entry.plural,
  singular: entry.kind.toLowerCase(),
  listKind: `${entry.kind}List`,
  shortNames: entry.shortNames ?? [],
  namespaced: entry.clusterWide !== true,
  custom: false,
  status: entry.status ?? false,
  generation: entry.generation ?? false,
  unconditionalUpdate: entry.unconditionalUpdate ?? true,
  createOnUpdate: entry.createOnUpdate ?? false,
  returnsDeleted: entry.returnsDeleted ?? false,
  selectable: entry.selectable ?? [],
  columns: entry.columns ?? [AGE],
  schema: entry.schema ?? {},
  rules: entry.rules ?? {},
  ...present({ faceOf: entry.faceOf }),
});

/**
 * The kinds of Kubernetes itself that this server knows. Their fields are not checked; what the server fills in and
 * freezes is.
 */
export const builtInKinds = (now: () => number): Kind[] =>
  TABLE.flatMap(([group, entries]) => entries.map((entry) => kindOf(group, entry))).map((kind) =>
    idOf(kind) === DEFINITIONS ? { ...kind, rules: definitionRules(now) } : kind,
  );
