import { present } from '../../src/model/present.ts';
import { isAlreadyExists } from '../../src/kube/errors.ts';
import { unlessGone } from '../../src/kube/find.ts';
import { matches } from '../../src/model/label-selector.ts';
import { apiVersionOf, PODS, type Resource } from '../../src/kube/resource.ts';
import type { KubeObject, LabelSelector, ObjectMeta, OwnerReference, Pod } from '../../src/model/objects.ts';
import type { Deps } from './deps.ts';
import type { PodTemplate } from './kinds.ts';
import { keyOf, splitKey } from './store.ts';

/** Keys of the owners of this kind that an object names. */
export const ownersOf =
  (kind: string) =>
  ({ metadata }: KubeObject): string[] =>
    (metadata.ownerReferences ?? [])
      .filter((owner) => owner.kind === kind)
      .map(({ name }) => `${metadata.namespace ?? ''}/${name}`);

/**
 * Splits the objects that name the owner with this key: `own` are those of the owner with this uid, `orphaned` those of
 * a deleted one of the same name that are not being deleted yet.
 */
export function ownedBy<T extends KubeObject>(
  { kind, key, uid }: { readonly kind: string; readonly key: string; readonly uid: string | undefined },
  all: readonly T[],
): { own: T[]; orphaned: T[] } {
  const { name, namespace } = splitKey(key);
  const refOf = ({ metadata }: T): OwnerReference | undefined =>
    metadata.ownerReferences?.find((ref) => ref.kind === kind && ref.name === name);
  const candidates = all.filter((object) => object.metadata.namespace === namespace && refOf(object) !== undefined);
  return {
    own: candidates.filter((object) => refOf(object)?.uid === uid),
    orphaned: candidates.filter(
      (object) => refOf(object)?.uid !== uid && object.metadata.deletionTimestamp === undefined,
    ),
  };
}

/** Makes the reference to the controller of an object. */
export const controllerRef = (
  resource: Resource,
  { metadata }: KubeObject,
): NonNullable<ObjectMeta['ownerReferences']> => [
  {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  },
];

/** Makes a pod of a template under a generated name, as ReplicaSets and Jobs have them. */
export function podOfTemplate(resource: Resource, owner: KubeObject, template: PodTemplate | undefined): Pod {
  const { name = '', namespace } = owner.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${name}-`,
      ...present({ namespace }),
      labels: { ...template?.metadata?.labels },
      annotations: { ...template?.metadata?.annotations },
      ownerReferences: controllerRef(resource, owner),
    },
    spec: { ...template?.spec },
  };
}

/** Tells whether the pod serves: it runs, is Ready, and is not being deleted. */
export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.phase === 'Running' &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

/** Tells whether the pod counts for its controller: it has not ended, and is not being deleted. */
export const isActive = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

export async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** What may take objects that have no controller. */
export interface Adopter {
  readonly resource: Resource;
  readonly owner: KubeObject;
  readonly selector: LabelSelector | undefined;
}

/**
 * Takes those without a controller that the selector chooses, as after `--cascade=orphan`. Returns how many: their
 * changes wake the owner again. Throws a conflict for one that changed meanwhile.
 */
export async function adopt<T extends KubeObject>(
  { resource, owner, selector }: Adopter,
  { all, of }: { readonly all: readonly T[]; readonly of: Resource<T> },
  { client }: Pick<Deps, 'client'>,
  signal: AbortSignal,
): Promise<number> {
  const free = all.filter(
    ({ metadata: { namespace, deletionTimestamp, ownerReferences = [], labels = {} } }) =>
      selector !== undefined &&
      namespace === owner.metadata.namespace &&
      deletionTimestamp === undefined &&
      !ownerReferences.some(({ controller }) => controller) &&
      matches(selector, labels),
  );
  for (const object of free) {
    const { resourceVersion, ownerReferences = [] } = object.metadata;
    const metadata = { resourceVersion, ownerReferences: [...ownerReferences, ...controllerRef(resource, owner)] };
    await client.patch(of, splitKey(keyOf(object)), { type: 'merge', body: { metadata } }, signal);
  }
  return free.length;
}

/**
 * Deletes objects, each only as long as its name still means the same one, and for those whose owner is gone as long as
 * they name that owner still.
 */
export async function deleteAll<T extends KubeObject>(
  resource: Resource<T>,
  objects: readonly T[],
  { client }: Pick<Deps, 'client'>,
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) {
    const { uid = '', resourceVersion = '' } = object.metadata;
    const options = { preconditions: { uid, resourceVersion } };
    await unlessGone(client.delete(resource, splitKey(keyOf(object)), signal, options));
  }
}

export const deletePods = (pods: readonly Pod[], deps: Pick<Deps, 'client'>, signal: AbortSignal): Promise<void> =>
  deleteAll(PODS, pods, deps, signal);
