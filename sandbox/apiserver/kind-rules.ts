import { parseQuantity } from '../../src/model/quantity.ts';
import { type Cause, wrong } from './failure.ts';
import { at, isObject, type JsonObject, same, type Stored } from './json.ts';
import type { KindRules } from './kind.ts';

/** The object in a field, made when there is none. */
export function objectIn(object: Stored | JsonObject, field: string): JsonObject {
  const value: unknown = object[field];
  if (isObject(value)) return value;
  const made: JsonObject = {};
  (object as Record<string, unknown>)[field] = made;
  return made;
}

/** Fills in what is absent. */
export function defaults(target: JsonObject, values: JsonObject): void {
  for (const [field, value] of Object.entries(values)) target[field] ??= value;
}

/** Those of the dotted `fields` that changed. */
const changed = (object: Stored, old: Stored, fields: readonly string[]): string[] =>
  fields.filter((field) => !same(at(object, field.split('.')), at(old, field.split('.'))));

/** Complains about each of `fields` that changed. */
export const frozen =
  (...fields: string[]) =>
  (object: Stored, old: Stored): Cause[] =>
    changed(object, old, fields).map((field) =>
      wrong.value(field, at(object, field.split('.')) ?? null, 'field is immutable'),
    );

/** Complains about each of `fields` that is absent or empty. */
export const required = (object: Stored, ...fields: string[]): Cause[] =>
  fields
    .filter((field) => {
      const value = at(object, field.split('.'));
      return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
    })
    .map((field) => wrong.required(field));

export const namespaceRules: KindRules = {
  prepareCreate(object) {
    object['spec'] = { finalizers: ['kubernetes'] };
    object['status'] = { phase: 'Active' };
    const { name } = object.metadata;
    if (name !== undefined) object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': name };
  },
};

/** What a pod's spec starts with. */
export const POD_DEFAULTS: JsonObject = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  enableServiceLinks: true,
};

/** What of a pod's spec may still change; nodeName only through its binding. */
function podWithoutMutable(object: Stored): unknown {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const containers = (field: string) => {
    const list = spec[field];
    return Array.isArray(list) ? list.map((one) => (isObject(one) ? { ...one, image: null } : one)) : undefined;
  };
  return {
    ...spec,
    containers: containers('containers'),
    initContainers: containers('initContainers'),
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
    terminationGracePeriodSeconds: undefined,
  };
}

export const podRules: KindRules = {
  defaults: (object) => defaults(objectIn(object, 'spec'), POD_DEFAULTS),
  prepareCreate(object) {
    object['status'] = { phase: 'Pending', qosClass: 'BestEffort' };
  },
  validate: (object) => required(object, 'spec.containers'),
  validateUpdate: (object, old) =>
    same(podWithoutMutable(object), podWithoutMutable(old))
      ? []
      : [
          wrong.forbidden(
            'spec',
            'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
              '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`',
          ),
        ],
  // A pod that no node runs, or that has ended, goes at once (k8s.io/kubernetes, pkg/registry/core/pod/strategy.go,
  // CheckGracefulDelete).
  graceSeconds(object) {
    const phase = at(object, ['status', 'phase']);
    if (!at(object, ['spec', 'nodeName']) || phase === 'Succeeded' || phase === 'Failed') return 0;
    return Number(at(object, ['spec', 'terminationGracePeriodSeconds']) ?? 30);
  },
};

/**
 * What of a claim's spec stays as it was: all but its size, once it is bound, and the volume's name, which may be
 * filled in.
 */
function claimWithoutMutable(object: Stored, old: Stored): unknown {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const bound = at(old, ['status', 'phase']) === 'Bound';
  const resources = isObject(spec['resources']) ? spec['resources'] : {};
  const requests = isObject(resources['requests']) ? resources['requests'] : {};
  return {
    ...spec,
    volumeAttributesClassName: null,
    volumeName: at(old, ['spec', 'volumeName']) ? (spec['volumeName'] ?? null) : null,
    resources: { ...resources, requests: { ...requests, storage: bound ? null : (requests['storage'] ?? null) } },
  };
}

/** A claim may be asked to be smaller only while it has not yet grown so far. */
function shrinkCauses(object: Stored, old: Stored): Cause[] {
  const wanted = sizeAt(object, REQUEST);
  if (wanted >= sizeAt(old, REQUEST) || wanted > sizeAt(old, ['status', 'capacity', 'storage'])) return [];
  return [wrong.forbidden(REQUEST.join('.'), 'field can not be less than status.capacity')];
}

/** The admission plug-in PersistentVolumeClaimResize, which a real server has switched on. */
function growthProblem(object: Stored, old: Stored, find: (id: string, key: string) => Stored | undefined): string {
  if (sizeAt(object, REQUEST) <= sizeAt(old, REQUEST)) return '';
  const name = at(object, ['spec', 'storageClassName']);
  const growing =
    typeof name === 'string' && find('storageclasses.storage.k8s.io', `/${name}`)?.['allowVolumeExpansion'] === true;
  if (growing) return '';
  return 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
}

const REQUEST = ['spec', 'resources', 'requests', 'storage'];

/** In bytes; 0 for what is no quantity. */
function sizeAt(object: Stored, path: readonly string[]): number {
  try {
    return parseQuantity(String(at(object, path)));
  } catch {
    return 0;
  }
}

export const claimRules: KindRules = {
  defaults: (object) => defaults(objectIn(object, 'spec'), { volumeMode: 'Filesystem' }),
  prepareCreate(object) {
    object['status'] = { phase: 'Pending' };
  },
  admitUpdate: growthProblem,
  validate: (object) => [
    ...required(object, 'spec.accessModes'),
    ...(at(object, REQUEST) === undefined ? [wrong.required('spec.resources[storage]')] : []),
  ],
  validateUpdate: (object, old) =>
    same(claimWithoutMutable(object, old), claimWithoutMutable(old, old))
      ? shrinkCauses(object, old)
      : [
          wrong.forbidden(
            'spec',
            'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
          ),
        ],
};

export const volumeRules: KindRules = {
  defaults: (object) =>
    defaults(objectIn(object, 'spec'), { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' }),
  prepareCreate(object) {
    object['status'] = { phase: 'Pending' };
  },
  validate: (object) => required(object, 'spec.accessModes', 'spec.capacity'),
  validateUpdate(object, old) {
    const sources = changed(object, old, ['spec.csi', 'spec.local', 'spec.hostPath']);
    const source = 'spec.persistentvolumesource';
    return [
      ...(sources.length === 0 ? [] : [wrong.forbidden(source, `${source} is immutable after creation`)]),
      ...(at(old, ['spec', 'nodeAffinity']) === undefined ? [] : frozen('spec.nodeAffinity')(object, old)),
      ...frozen('spec.volumeMode')(object, old),
    ];
  },
};

export const storageClassRules: KindRules = {
  defaults: (object) =>
    defaults(object as unknown as JsonObject, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  validate: (object) => required(object, 'provisioner'),
  validateUpdate: frozen('parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'),
};

export const driverRules: KindRules = {
  defaults(object) {
    defaults(objectIn(object, 'spec'), {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      requiresRepublish: false,
      volumeLifecycleModes: ['Persistent'],
    });
  },
  validateUpdate: frozen('spec.attachRequired', 'spec.volumeLifecycleModes'),
};

export const leaseRules: KindRules = {
  validate(object) {
    const seconds = at(object, ['spec', 'leaseDurationSeconds']);
    if (seconds === undefined || (typeof seconds === 'number' && seconds > 0)) return [];
    return [wrong.value('spec.leaseDurationSeconds', seconds, 'must be greater than 0')];
  },
};

export const statefulSetRules: KindRules = {
  defaults(object) {
    defaults(objectIn(object, 'spec'), {
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    });
  },
  prepareCreate(object) {
    object['status'] = { replicas: 0, availableReplicas: 0 };
  },
  validate: (object) => required(object, 'spec.selector'),
  validateUpdate(object, old) {
    const fixed = ['serviceName', 'selector', 'volumeClaimTemplates', 'podManagementPolicy'].map(
      (field) => `spec.${field}`,
    );
    if (changed(object, old, fixed).length === 0) return [];
    const why =
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
      "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    return [wrong.forbidden('spec', why)];
  },
};

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ */
export const configRules: KindRules = {
  validateUpdate: (object, old) =>
    old['immutable'] === true
      ? changed(object, old, ['data', 'binaryData', 'immutable']).map((field) =>
          wrong.forbidden(field, 'field is immutable when `immutable` is set'),
        )
      : [],
};
