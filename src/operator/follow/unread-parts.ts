import type { Unread } from '../../kube/client.ts';

/**
 * Parts of an object's text that no view reads, and that are most of it: who wrote which field (managedFields), and a
 * pod's containers. A view that begins to read another field adds its key here (`never`); unread-parts.test.ts fails
 * until it does.
 */

const keys = (...names: readonly string[]): readonly string[] => names.map((name) => `"${name}":`);

/** What views read of any object, at its root and of its metadata. No entry of managedFields has such a key. */
const OF_ANY = keys(
  'metadata',
  'spec',
  'status',
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'labels',
  'annotations',
  'deletionTimestamp',
);

/**
 * What the view of a pod reads outside of its metadata, which a cut cannot reach without the key `metadata`. No
 * container has such a key, nor its status (which has a `uid`, of the user that it runs as).
 */
const OF_PODS = keys(
  'metadata',
  'spec',
  'status',
  'volumes',
  'persistentVolumeClaim',
  'ephemeral',
  'csi',
  'nodeName',
  'phase',
  'nominatedNodeName',
  'conditions',
  'nodeSelector',
  'affinity',
  'tolerations',
);

export const UNREAD_OF_BUILT_IN: readonly Unread[] = [
  { after: '"managedFields":[', before: ']},"spec":{', never: OF_ANY },
];

export const UNREAD_OF_PODS: readonly Unread[] = [
  ...UNREAD_OF_BUILT_IN,
  { after: '"containers":[', before: '],"restartPolicy":"', never: OF_PODS },
  { after: '"containerStatuses":[', before: '],"qosClass":"', never: OF_PODS },
];

export const UNREAD_OF_CUSTOM: readonly Unread[] = [
  { after: '"managedFields":[', before: '],"name":"', never: OF_ANY },
];
