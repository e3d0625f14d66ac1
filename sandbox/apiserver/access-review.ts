import type { Entry } from './kind-entry.ts';
import { at, isObject, type Json, type Stored } from './json.ts';

/**
 * Access reviews, answered from the roles and bindings that are stored. Whoever asks for itself may do all: this
 * server asks nobody who they are. https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export const REVIEWS: readonly Entry[] = [
  {
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    clusterWide: true,
    answer: (sent) => answered(sent, true),
  },
  {
    kind: 'SubjectAccessReview',
    plural: 'subjectaccessreviews',
    clusterWide: true,
    answer: (sent, all) => answered(sent, isAllowed(sent, all)),
  },
];

const answered = (sent: Stored, allowed: boolean): Stored => ({ ...sent, status: { allowed } });

type All = (id: string) => readonly Stored[];
const GROUP = 'rbac.authorization.k8s.io';

function isAllowed(review: Stored, all: All): boolean {
  const asked = at(review, ['spec', 'resourceAttributes']);
  if (!isObject(asked)) return false;
  const namespace = textAt(asked, 'namespace');
  const bindings = [
    ...all(`clusterrolebindings.${GROUP}`),
    ...all(`rolebindings.${GROUP}`).filter(({ metadata }) => namespace !== '' && metadata.namespace === namespace),
  ];
  return bindings
    .filter((binding) => listAt(binding, 'subjects').some((subject) => isSubject(subject, binding, review)))
    .flatMap((binding) => roleOf(binding, all))
    .some((role) => listAt(role, 'rules').some((rule) => allows(rule, asked)));
}

function isSubject(subject: Json, { metadata }: Stored, review: Stored): boolean {
  if (!isObject(subject)) return false;
  const [kind, name] = [textAt(subject, 'kind'), textAt(subject, 'name')];
  const user = at(review, ['spec', 'user']);
  if (kind === 'ServiceAccount')
    return user === `system:serviceaccount:${textAt(subject, 'namespace') || (metadata.namespace ?? '')}:${name}`;
  if (kind === 'User') return user === name;
  const groups = at(review, ['spec', 'groups']);
  return kind === 'Group' && Array.isArray(groups) && groups.includes(name);
}

function roleOf(binding: Stored, all: All): readonly Stored[] {
  const ref = binding['roleRef'];
  if (!isObject(ref)) return [];
  const isLocal = textAt(ref, 'kind') === 'Role';
  return all(`${isLocal ? 'roles' : 'clusterroles'}.${GROUP}`).filter(
    ({ metadata }) =>
      metadata.name === textAt(ref, 'name') && (!isLocal || metadata.namespace === binding.metadata.namespace),
  );
}

function allows(rule: Json, asked: Record<string, Json>): boolean {
  if (!isObject(rule)) return false;
  const subresource = textAt(asked, 'subresource');
  const resource = textAt(asked, 'resource') + (subresource === '' ? '' : `/${subresource}`);
  const has = (field: string, ...wanted: string[]): boolean => {
    const list = rule[field];
    return Array.isArray(list) && (list.includes('*') || wanted.some((each) => list.includes(each)));
  };
  const names = rule['resourceNames'];
  const isNamed = !Array.isArray(names) || names.length === 0 || names.includes(textAt(asked, 'name'));
  return (
    isNamed &&
    has('apiGroups', textAt(asked, 'group')) &&
    has('resources', resource, `*/${subresource}`) &&
    has('verbs', textAt(asked, 'verb'))
  );
}

const textAt = (object: Record<string, Json>, field: string): string => {
  const value = object[field];
  return typeof value === 'string' ? value : '';
};

function listAt(object: Stored | Json, field: string): readonly Json[] {
  const value = isObject(object) ? (object as Record<string, Json>)[field] : undefined;
  return Array.isArray(value) ? value : [];
}
