import type { Unread } from '../../kube/client.ts';

/**
 * Parts of an object's text that no view reads, and that are most of it: who wrote which field (managedFields), and a
 * pod's containers.
 */

export const UNREAD_OF_BUILT_IN: readonly Unread[] = [{ after: '"managedFields":[', before: ']},"spec":{' }];

export const UNREAD_OF_PODS: readonly Unread[] = [
  ...UNREAD_OF_BUILT_IN,
  { after: '"containers":[', before: '],"restartPolicy":"' },
  { after: '"containerStatuses":[', before: '],"qosClass":"' },
];

export const UNREAD_OF_CUSTOM: readonly Unread[] = [{ after: '"managedFields":[', before: '],"name":"' }];
