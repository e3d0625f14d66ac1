import type { CreateVolumeRequest, Topology, Volume, VolumeContentSource } from '../../src/csi/gen/csi.ts';
import { bytes } from '../../src/model/bytes.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../src/model/objects.ts';
import { formatQuantity, parseQuantity } from '../../src/model/quantity.ts';
import { PARAM_PV_NAME, PARAM_PVC_NAME, PARAM_PVC_NAMESPACE } from '../../src/model/well-known.ts';
import { capabilitiesOf } from './csi-calls.ts';

const RESERVED = 'csi.storage.k8s.io/';
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';

export interface Provisioning {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
  /** Topology where the volume must be; absent: the driver chooses (Immediate binding). */
  readonly topology?: Topology;
  /** What the volume is made from; absent: an empty volume. */
  readonly content?: VolumeContentSource;
}

/** Prefix of volume names: the sidecar runs with `--volume-name-prefix=local`. */
export const volumeNameFor = ({ metadata }: PersistentVolumeClaim): string => `local-${metadata.uid ?? ''}`;

/**
 * Makes CreateVolume's request as external-provisioner does with `--strict-topology`, `--extra-create-metadata` and
 * open-local's volume name prefix.
 */
export function createRequest({ claim, storageClass, topology, content }: Provisioning): CreateVolumeRequest {
  const { name = '', namespace = '' } = claim.metadata;
  const volumeName = volumeNameFor(claim);
  return {
    name: volumeName,
    capacityRange: { requiredBytes: BigInt(requestedBy(claim)), limitBytes: limitOf(claim) },
    volumeCapabilities: capabilitiesOf(claim.spec, {
      fsType: fsTypeOf(storageClass),
      mountFlags: storageClass.mountOptions ?? [],
    }),
    parameters: {
      ...Object.fromEntries(Object.entries(storageClass.parameters ?? {}).filter(([key]) => !key.startsWith(RESERVED))),
      [PARAM_PVC_NAME]: name,
      [PARAM_PVC_NAMESPACE]: namespace,
      [PARAM_PV_NAME]: volumeName,
    },
    secrets: {},
    mutableParameters: {},
    volumeContentSource: content,
    accessibilityRequirements: topology && { requisite: [topology], preferred: [topology] },
  };
}

const requestedBy = ({ spec }: PersistentVolumeClaim) => parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');

function limitOf({ spec }: PersistentVolumeClaim): bigint {
  const limit = spec?.resources?.limits?.['storage'];
  return limit === undefined ? 0n : BigInt(parseQuantity(limit));
}

const fsTypeOf = ({ parameters }: StorageClass): string => parameters?.[`${RESERVED}fstype`] ?? '';

/**
 * Makes the PersistentVolume for what CreateVolume made. Throws Fault `precondition` when it is smaller than asked for.
 */
export function persistentVolumeFor({ claim, storageClass }: Provisioning, made: Volume): PersistentVolume {
  const capacity = bytes(made.capacityBytes);
  const requested = requestedBy(claim);
  if (capacity < requested)
    throw new Fault('precondition', `created volume capacity ${capacity} less than requested capacity ${requested}`);
  const { name, namespace, uid } = claim.metadata;
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid };
  const csi = {
    driver: storageClass.provisioner,
    volumeHandle: made.volumeId,
    fsType: fsTypeOf(storageClass),
    volumeAttributes: made.volumeContext,
  };
  const nodeSelectorTerms = made.accessibleTopology.map(({ segments }) => ({
    matchExpressions: Object.entries(segments).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  }));
  const object = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeNameFor(claim), annotations: { [PROVISIONED_BY]: storageClass.provisioner } },
    spec: {
      capacity: { storage: formatQuantity(capacity) },
      accessModes: claim.spec?.accessModes,
      volumeMode: claim.spec?.volumeMode ?? 'Filesystem',
      storageClassName: storageClass.metadata.name,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      mountOptions: storageClass.mountOptions,
      claimRef,
      csi,
      nodeAffinity: nodeSelectorTerms.length === 0 ? undefined : { required: { nodeSelectorTerms } },
    },
  };
  // JSON leaves out the keys that are undefined, as on the way to the API server.
  return JSON.parse(JSON.stringify(object)) as PersistentVolume;
}
