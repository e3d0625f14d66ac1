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
      use: useOfClaim(spec),
      selector: spec?.selector,
      attributesClass: spec?.volumeAttributesClassName || undefined,
    }),
    ...fillingOf(claim),
  };
}

/** Whether others fill the claim, or others by it. */
const fillingOf = ({
  metadata,
  spec,
}: PersistentVolumeClaim): Pick<ClaimFacts, 'populated' | 'standsInFor' | 'restore'> =>
  present({
    populated: isPopulated(spec) || isRestoredInto(spec) || undefined,
    standsInFor: standsInFor(metadata),
    restore: restoreOf(metadata, spec),
  });

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

const isPopulated = ({ dataSource, dataSourceRef }: ClaimSpec = {}): boolean => {
  const from = dataSourceRef ?? dataSource;
  return from !== undefined && sourceKindOf(from) === undefined;
};

const STAND_IN = /(?:(?:^|-)prime|^tmp-pvc)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * The uid of the claim for which the claim is filled: of the claim that controls it, else by its name. In another
 * namespace it cannot have that owner, and is called `prime-<uid>` by lib-volume-populator and those that follow it,
 * `tmp-pvc-<uid>` by CDI where it clones.
 */
const standsInFor = ({ name = '', ownerReferences = [] }: ObjectMeta): string | undefined =>
  ownerReferences.find(({ controller, kind }) => controller && kind === 'PersistentVolumeClaim')?.uid ??
  STAND_IN.exec(name)?.[1];

/**
 * Velero's data mover lets a claim wait by a selector that no volume has, until its pod's node is chosen. There it
 * fills the volume of a claim of its own, and gives that to the first.
 */
const isRestoredInto = ({ selector }: ClaimSpec = {}): boolean =>
  selector?.matchLabels?.['velero.io/dynamic-pv-restore'] !== undefined;

const restoreOf = (metadata: ObjectMeta, spec: ClaimSpec): ClaimFacts['restore'] =>
  isRestoredInto(spec) ? 'into' : isRestoredFrom(metadata) ? 'from' : undefined;

const isRestoredFrom = ({ ownerReferences = [] }: ObjectMeta): boolean =>
  ownerReferences.some(({ controller, kind }) => controller && kind === 'DataDownload');

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
    selects: (selector !== undefined && !isRestoredInto(spec)) || undefined,
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
