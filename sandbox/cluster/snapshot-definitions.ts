import { SNAPSHOT_KINDS } from '../controllers/kinds.ts';

/**
 * The definitions of the kinds of snapshots, as documents: what a cluster gets with snapshot-controller, without the
 * checks of its schemas.
 */
export const snapshotDefinitions = (): string[] =>
  SNAPSHOT_KINDS.map(({ group, version, plural, kind, namespaced }) =>
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `${plural}.${group}`,
        annotations: {
          'api-approved.kubernetes.io': 'https://github.com/kubernetes-csi/external-snapshotter/pull/814',
        },
      },
      spec: {
        group,
        scope: namespaced ? 'Namespaced' : 'Cluster',
        names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            subresources: kind === 'VolumeSnapshotClass' ? {} : { status: {} },
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    }),
  );
