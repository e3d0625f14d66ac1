/** The groups of Kubernetes itself. A custom kind's may end as theirs do (snapshot.storage.k8s.io). */
export const BUILT_IN_GROUPS = [
  '',
  'storage.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'apps',
  'batch',
  'policy',
  'admissionregistration.k8s.io',
  'rbac.authorization.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'scheduling.k8s.io',
  'networking.k8s.io',
  'events.k8s.io',
  'apiextensions.k8s.io',
] as const;

export type BuiltInGroup = (typeof BUILT_IN_GROUPS)[number];

/** Whether definitions of kinds in this group need the annotation APPROVED. */
export const isProtected = (group: string): boolean => /(^|\.)(k8s|kubernetes)\.io$/.test(group);

export const APPROVED = 'api-approved.kubernetes.io';
