import type { Unread } from '../../kube/client.ts';

/** What the views read nothing of, and what is most of an object's text: who wrote which field, and of a pod what its containers are. */

export const UNREAD_OF_BUILT_IN: readonly Unread[] = [{ after: '"managedFields":[', before: ']},"spec":{' }];

export const UNREAD_OF_PODS: readonly Unread[] = [
  ...UNREAD_OF_BUILT_IN,
  { after: '"containers":[', before: '],"restartPolicy":"' },
  { after: '"containerStatuses":[', before: '],"qosClass":"' },
];

export const UNREAD_OF_CUSTOM: readonly Unread[] = [{ after: '"managedFields":[', before: '],"name":"' }];
