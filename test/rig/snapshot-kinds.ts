import type { KubeClient } from '../../src/kube/client.ts';
import { VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS, type Resource } from '../../src/kube/resource.ts';
import { present } from '../../src/model/present.ts';
import type { KubeObject } from '../../src/model/objects.ts';

const CRDS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const never = new AbortController().signal;

/** Makes a kind known to the API server, with any fields. */
export const defineKind = (
  client: KubeClient,
  { group, version, plural, kind, namespaced }: Resource,
): Promise<KubeObject> =>
  client.create(
    CRDS,
    {
      metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' } },
      spec: {
        group,
        scope: namespaced ? 'Namespaced' : 'Cluster',
        names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            subresources: { status: {} },
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    } as KubeObject,
    never,
  );

/** Makes the kinds of snapshots known, as a cluster with snapshot-controller has them. */
export async function defineSnapshotKinds(client: KubeClient): Promise<void> {
  for (const resource of [VOLUME_SNAPSHOTS, VOLUME_SNAPSHOT_CONTENTS]) await defineKind(client, resource);
}

/** Creates an object and gives it the status that another program would write. */
export async function createWithStatus<T extends KubeObject & { status?: unknown }>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
): Promise<T> {
  const { metadata } = await client.create(resource, object, never);
  const { namespace, name = '' } = metadata;
  const body = { status: object.status };
  return client.patch(resource, { ...present({ namespace }), name }, { type: 'merge', body }, never, 'status');
}
