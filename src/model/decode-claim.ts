import { BEYOND_ANY_NODE, NO_BYTES, type Bytes } from './bytes.ts';
import type { ClaimUse } from './claim-judge.ts';
import { Fault } from './fault.ts';
import type { ClaimFacts } from './facts.ts';
import type { ObjectMeta, PersistentVolumeClaim } from './objects.ts';
import { present } from './present.ts';
import { parseQuantity } from './quantity.ts';
import { BETA_STORAGE_CLASS, SELECTED_NODE } from './well-known.ts';

type ClaimSpec = PersistentVolumeClaim['spec'];
type DataSource = NonNullable<NonNullable<ClaimSpec>['dataSource']>;

/** What a claim asks, and how far it has come. Never throws, as in decode.ts. */
export function claimFacts(claim: PersistentVolumeClaim): ClaimFacts {
  const { metadata, spec, status } = claim;
  return {
    ...identityOf(metadata),
    requested: quantity(spec?.resources?.requests?.['storage']),
    bound: status?.phase === 'Bound',
    deleting: metadata.deletionTimestamp !== undefined,
    ...present({
      storageClass: classOf(metadata, spec),
      volumeName: spec?.volumeName || undefined,
      ofPod: podOver(metadata),
      selectedNode: metadata.annotations?.[SELECTED_NODE] || undefined,
      source: sourceOf(metadata.namespace, spec),
      populated: isPopulated(spec),
      standsInFor: standsInFor(metadata.name),
      use: useOfClaim(spec),
      selector: spec?.selector,
      attributesClass: spec?.volumeAttributesClassName || undefined,
    }),
  };
}

/** The pod that controls the claim: that for whose ephemeral volume it was made. */
const podOver = ({ ownerReferences = [] }: ObjectMeta): string | undefined =>
  ownerReferences.find(({ controller, kind }) => controller && kind === 'Pod')?.uid;

export const identityOf = ({
  uid = '',
  namespace = '',
  name = '',
}: ObjectMeta): { uid: string; namespace: string; name: string } => ({ uid, namespace, name });

/**
 * The class of a claim, of the template of one, or of a PersistentVolume: the old annotation wins over the field, as in
 * GetPersistentVolumeClaimClass and GetPersistentVolumeClass of Kubernetes
 * (staging/src/k8s.io/component-helpers/storage/volume/helpers.go).
 */
export const classOf = (
  { annotations }: ObjectMeta,
  spec: Pick<NonNullable<ClaimSpec>, 'storageClassName'> = {},
): string | undefined => annotations?.[BETA_STORAGE_CLASS] ?? spec.storageClassName;

const SNAPSHOT_API_GROUP = 'snapshot.storage.k8s.io';

/**
 * Only the two kinds that a CSI driver fills itself, each of its own API group; any other is filled by a populator from
 * outside. With CrossNamespaceVolumeDataSource (KEP-3294) a source may be in another namespace.
 */
function sourceOf(own: string | undefined, { dataSource, dataSourceRef }: ClaimSpec = {}): ClaimFacts['source'] {
  const { name = '', ...from } = dataSourceRef ?? dataSource ?? {};
  const kind = sourceKindOf(from);
  if (kind === undefined) return undefined;
  const { namespace } = dataSourceRef ?? {};
  return { kind, name, ...(namespace && namespace !== own ? { namespace } : {}) };
}

const isPopulated = ({ dataSource, dataSourceRef }: ClaimSpec = {}): true | undefined => {
  const from = dataSourceRef ?? dataSource;
  return from && sourceKindOf(from) === undefined ? true : undefined;
};

const STAND_IN = /(?:^|-)prime-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** As lib-volume-populator, and those that follow it, name the claims that they fill: `prime-<uid of the claim>`. */
export const standsInFor = (name = ''): string | undefined => STAND_IN.exec(name)?.[1];

/** The API server writes the core group as null. */
function sourceKindOf({ kind, apiGroup }: Partial<DataSource>): NonNullable<ClaimFacts['source']>['kind'] | undefined {
  if (kind === 'VolumeSnapshot' && apiGroup === SNAPSHOT_API_GROUP) return kind;
  return kind === 'PersistentVolumeClaim' && (apiGroup ?? '') === '' ? kind : undefined;
}

/** Undefined for a claim that asks for nothing but a filesystem on one node, which is nearly every claim. */
export function useOfClaim(spec: ClaimSpec): ClaimUse | undefined {
  const { accessModes = [], resources, selector, volumeMode } = spec ?? {};
  const limit = resources?.limits?.['storage'];
  const use = present({
    block: volumeMode === 'Block' || undefined,
    accessModes: accessModes.every((mode) => mode === 'ReadWriteOnce') ? undefined : accessModes,
    limit: limit === undefined ? undefined : quantity(limit),
    selects: selector !== undefined || undefined,
  });
  return Object.keys(use).length === 0 ? undefined : use;
}

/** A request that is not a quantity, which the API server refuses, counts as none. */
export function quantity(text: string | undefined): Bytes {
  if (text === undefined) return NO_BYTES;
  try {
    return parseQuantity(text);
  } catch (error) {
    return error instanceof Fault && error.kind === 'out-of-range' ? BEYOND_ANY_NODE : NO_BYTES;
  }
}
