import type { KubeObject, ObjectMeta } from '../model/objects.ts';

/**
 * Annotations that say how storage is used; what else people and their tools write there may be anything. kubectl's has
 * a whole manifest, with the values of a pod's environment.
 */
const KNOWN = /^(?!kubectl\.)([^/]*\.)?(kubernetes\.io|k8s\.io|csi\.aliyun\.com)\//;

type Fields = Readonly<Record<string, unknown>>;

/** An object whose spec has no secrets of its own: its metadata without what is nobody else's. */
export const plain = (object: KubeObject): Fields => ({
  ...object,
  metadata: metadataOf(object.metadata),
});

/** A pod, a Deployment or a DaemonSet: only fields that are named here, since a container may have a password in it. */
export function withoutContainers({ metadata, ...object }: KubeObject): Fields {
  const { spec, status } = object as { spec?: Fields; status?: Fields };
  return { metadata: metadataOf(metadata), spec: specOf(spec), status: pick(status, OF_STATUS) };
}

/** A Node, without its addresses and the images that lie on it. */
export function nodeOf({ metadata, ...object }: KubeObject): Fields {
  const { spec, status } = object as { spec?: Fields; status?: Fields };
  return {
    metadata: metadataOf(metadata),
    spec: pick(spec, ['taints', 'unschedulable']),
    status: pick(status, ['conditions', 'nodeInfo', 'capacity', 'allocatable']),
  };
}

const OF_POD = ['nodeName', 'schedulerName', 'nodeSelector', 'affinity', 'tolerations', 'topologySpreadConstraints'];
const OF_WORKLOAD = ['replicas', 'strategy', 'updateStrategy', 'selector'];
const OF_STATUS = [
  ...['phase', 'conditions', 'reason', 'message', 'nominatedNodeName', 'startTime', 'qosClass'],
  ...[
    'replicas',
    'readyReplicas',
    'updatedReplicas',
    'desiredNumberScheduled',
    'currentNumberScheduled',
    'numberReady',
  ],
];

function specOf(spec: Fields = {}): Fields {
  const { volumes, containers, template } = spec as { volumes?: Fields[]; containers?: Fields[]; template?: Fields };
  return {
    ...pick(spec, [...OF_POD, ...OF_WORKLOAD]),
    ...(volumes && {
      volumes: volumes.map((each) => pick(each, ['name', 'persistentVolumeClaim', 'ephemeral', 'csi'])),
    }),
    ...(containers && { containers: containers.map((each) => pick(each, ['name', 'image', 'resources'])) }),
    ...(template && { template: { spec: specOf((template as { spec?: Fields }).spec) } }),
  };
}

function metadataOf({ annotations = {}, ...metadata }: ObjectMeta): Fields {
  const known = Object.entries(annotations).filter(([key]) => KNOWN.test(key));
  const { managedFields: _, ...rest } = metadata as ObjectMeta & { managedFields?: unknown };
  return { ...rest, ...(known.length > 0 && { annotations: Object.fromEntries(known) }) };
}

const pick = (fields: Fields = {}, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
