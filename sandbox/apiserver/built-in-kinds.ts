import { REVIEWS } from './access-review.ts';
import type { BuiltInGroup } from './groups.ts';
import { DRIVERS, POD, SERVICE_SPEC, STATUS_CONDITIONS } from './built-in-schemas.ts';
import { idOf, type Kind } from './kind.ts';
import { AGE, column, type Entry, kindOf } from './kind-entry.ts';
import { DEFINITIONS, definitionRules } from './custom-kinds.ts';
import { EVENT_FACE } from './event-face.ts';
import {
  claimRules,
  configRules,
  driverRules,
  leaseRules,
  namespaceRules,
  podRules,
  storageClassRules,
  volumeRules,
} from './kind-rules.ts';
import type { Schema } from './schema.ts';
import { ADMISSION, APPS, BATCH, NETWORKING, POLICY, RBAC, SCHEDULING } from './workload-kinds.ts';
import { TOKEN_REVIEWS } from './tokens.ts';
import { serviceRules } from './workload-rules.ts';

const WITH_CONDITIONS: Schema = { type: 'object', properties: { status: STATUS_CONDITIONS } };

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
    schema: WITH_CONDITIONS,
  },
  {
    kind: 'Node',
    plural: 'nodes',
    shortNames: ['no'],
    clusterWide: true,
    status: true,
    selectable: ['spec.unschedulable'],
    columns: [column('Ready', '.status.conditions[?(@.type=="Ready")].status'), AGE],
    schema: WITH_CONDITIONS,
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
    schema: POD,
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
    schema: WITH_CONDITIONS,
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
  { kind: 'ResourceQuota', plural: 'resourcequotas', shortNames: ['quota'], status: true },
  { kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'], rules: configRules },
  { kind: 'Secret', plural: 'secrets', selectable: ['type'], rules: configRules },
  {
    kind: 'Service',
    plural: 'services',
    shortNames: ['svc'],
    status: true,
    returnsDeleted: true,
    columns: [column('Type', '.spec.type'), AGE],
    schema: { type: 'object', properties: { spec: SERVICE_SPEC, status: STATUS_CONDITIONS } },
    rules: serviceRules,
  },
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
    kind: 'VolumeAttributesClass',
    plural: 'volumeattributesclasses',
    shortNames: ['vac'],
    clusterWide: true,
    returnsDeleted: true,
    columns: [column('DriverName', '.driverName'), AGE],
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
    schema: { type: 'object', properties: { spec: DRIVERS } },
  },
  { kind: 'CSIStorageCapacity', plural: 'csistoragecapacities', unconditionalUpdate: false, returnsDeleted: true },
];

const TABLE: readonly (readonly [group: BuiltInGroup, entries: readonly Entry[]])[] = [
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
    'discovery.k8s.io',
    [
      {
        kind: 'EndpointSlice',
        plural: 'endpointslices',
        generation: true,
        returnsDeleted: true,
        columns: [column('AddressType', '.addressType'), AGE],
      },
    ],
  ],
  ['apps', APPS],
  ['batch', BATCH],
  ['policy', POLICY],
  ['admissionregistration.k8s.io', ADMISSION],
  ['rbac.authorization.k8s.io', RBAC],
  ['authentication.k8s.io', TOKEN_REVIEWS],
  ['authorization.k8s.io', REVIEWS],
  ['networking.k8s.io', NETWORKING],
  ['scheduling.k8s.io', SCHEDULING],
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
        schema: WITH_CONDITIONS,
      },
    ],
  ],
];

/**
 * The kinds of Kubernetes itself that this server knows. Their fields are not checked; what the server fills in and
 * freezes is.
 */
export const builtInKinds = (now: () => number): Kind[] =>
  TABLE.flatMap(([group, entries]) => entries.map((entry) => kindOf(group, entry))).map((kind) =>
    idOf(kind) === DEFINITIONS ? { ...kind, rules: definitionRules(now) } : kind,
  );
