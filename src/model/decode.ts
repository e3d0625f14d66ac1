import { BEYOND_ANY_NODE, bytes, NO_BYTES, type Bytes } from './bytes.ts';
import { topologyTerms } from './class-topologies.ts';
import { headerOf, sealedIn } from './encryption.ts';
import type { ClassFacts, PodFacts, PodVolume, PvFacts, VolumeFacts } from './facts.ts';
import type { LocalVolume } from './local-volume.ts';
import type { PersistentVolume, Pod, PodVolumeSource, StorageClass } from './objects.ts';
import { classOf, identityOf, quantity, useOfClaim } from './decode-claim.ts';
import { nodeWishOf } from './node-choice.ts';
import { present } from './present.ts';
import { offerOf } from './pv-offer.ts';
import { VOLUME_KINDS, type VolumeKind } from './storage-class.ts';
import { DEFAULT_DRIVER, LEGACY_DRIVER, LET_GO, PV_ALLOCATED, READ_ONLY_SNAPSHOT, TOPOLOGY_KEY } from './well-known.ts';

/**
 * Kubernetes objects as facts. Nothing here throws: an object the API server let through may still carry a size nobody
 * can hold, and one such object must not stop the others. Storage of nodes is in decode-node.ts.
 */

/** The driver's name, and the one it had earlier. */
export const OUR_DRIVERS: readonly string[] = [DEFAULT_DRIVER, LEGACY_DRIVER];

/**
 * The driver names that are ours where we serve under this one. Clusters that changed from the one to the other of
 * OUR_DRIVERS have volumes of both; a name of somebody's choice stands alone.
 */
export const driversOf = (name: string): readonly string[] => (OUR_DRIVERS.includes(name) ? OUR_DRIVERS : [name]);

/** What a pod needs of us. `drivers` are the CSI driver names that are ours; inline volumes of others are left out. */
export function podFacts(pod: Pod, drivers: readonly string[] = OUR_DRIVERS): PodFacts {
  const { metadata, spec, status } = pod;
  const identity = identityOf(metadata);
  return {
    ...identity,
    ...(spec?.nodeName ? { nodeName: spec.nodeName } : {}),
    ...(status?.nominatedNodeName ? { nominatedNode: status.nominatedNodeName } : {}),
    finished: isFinished(pod),
    ...(isUnscheduled(pod) ? { unscheduled: nodeWishOf(pod) } : {}),
    volumes: (spec?.volumes ?? []).flatMap((volume) => podVolume(volume, identity.name, drivers) ?? []),
  };
}

function isFinished({ metadata, status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' || metadata.deletionTimestamp !== undefined;
}

/** A pod with a scheduling gate (KEP-3521) is not looked at by its scheduler. */
const isUnscheduled = ({ spec, status }: Pod): boolean =>
  !spec?.nodeName &&
  (status?.conditions ?? []).some(
    ({ type, status: holds, reason }) => type === 'PodScheduled' && holds === 'False' && reason !== 'SchedulingGated',
  );

function podVolume(volume: PodVolumeSource, podName: string, drivers: readonly string[]): PodVolume | undefined {
  const { persistentVolumeClaim, ephemeral, csi } = volume;
  if (persistentVolumeClaim) return { kind: 'claim', claimName: persistentVolumeClaim.claimName };
  if (ephemeral) return ephemeralVolume(`${podName}-${volume.name}`, ephemeral);
  if (!csi || !drivers.includes(csi.driver)) return undefined;
  const { fsType, volumeAttributes: attributes = {} } = csi;
  return { kind: 'inline', volumeName: volume.name, attributes, ...present({ fsType }) };
}

function ephemeralVolume(claimName: string, source: NonNullable<PodVolumeSource['ephemeral']>): PodVolume {
  const { metadata = {}, spec } = source.volumeClaimTemplate ?? {};
  const storageClass = classOf(metadata, spec);
  const requested = quantity(spec?.resources?.requests?.['storage']);
  return { kind: 'ephemeral', claimName, requested, ...present({ storageClass, use: useOfClaim(spec) }) };
}

/** The few fields of a StorageClass that decide. */
export function classFacts(storageClass: StorageClass): ClassFacts {
  return {
    name: storageClass.metadata.name ?? '',
    provisioner: storageClass.provisioner,
    parameters: storageClass.parameters ?? {},
    ...(storageClass.mountOptions?.length ? { mountOptions: storageClass.mountOptions } : {}),
    ...(storageClass.allowedTopologies?.length ? { topologies: topologyTerms(storageClass.allowedTopologies) } : {}),
    ...(storageClass.volumeBindingMode === 'WaitForFirstConsumer' ? { waitsForConsumer: true } : {}),
  };
}

const CLAIM_UID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The uid of the claim that a volume of external-provisioner is for, from the volume's name `<prefix>-<claim uid>`;
 * undefined for another name.
 */
export const claimUidIn = (volumeName: string): string | undefined => CLAIM_UID.exec(volumeName)?.[0];

/**
 * What a LocalVolume takes. A claim known only by name is found by the end of the CSI name, `<prefix>-<claim uid>` of
 * external-provisioner.
 */
export function volumeFacts(volume: LocalVolume): VolumeFacts {
  const { metadata, spec } = volume;
  const name = metadata.name ?? '';
  const claimUid = spec.claim?.uid ?? (spec.role === 'Volume' ? claimUidIn(spec.request?.name ?? name) : undefined);
  return {
    name,
    ...(metadata.uid ? { uid: metadata.uid } : {}),
    node: spec.nodeName,
    kind: spec.kind,
    where: (spec.kind === 'LVM' ? spec.vgName : spec.path) ?? '',
    // A mounted snapshot counts by the snapshot's store (R10, roomless follows its source).
    size: spec.readOnly ? NO_BYTES : size(spec.sizeBytes),
    ...present({ claimUid, sealed: sealedIn(volume) }),
  };
}

/** A PersistentVolume of any driver, and of none. */
export function pvFacts(pv: PersistentVolume): PvFacts {
  const { metadata, spec = {} } = pv;
  return {
    name: metadata.name ?? '',
    driver: spec.csi?.driver ?? '',
    handle: spec.csi?.volumeHandle ?? '',
    ...present({ node: nodeOf(spec) }),
    ...(spec.claimRef?.uid ? { claimUid: spec.claimRef.uid } : {}),
    ...(metadata.annotations?.[LET_GO] === undefined ? {} : { letGo: true }),
    ...present({ takes: takesOf(pv), offer: offerOf(pv) }),
  };
}

/** Undefined for a volume that several nodes may reach, as one that is no local volume. */
function nodeOf(spec: NonNullable<PersistentVolume['spec']>): string | undefined {
  const hostnames = spec.nodeAffinity?.required?.nodeSelectorTerms?.map(({ matchExpressions = [] }) =>
    matchExpressions.flatMap(({ key, operator, values = [] }) =>
      key === TOPOLOGY_KEY && operator === 'In' ? values : [],
    ),
  );
  if (hostnames === undefined || hostnames.some(({ length }) => length === 0)) return undefined;
  const [only, ...others] = new Set(hostnames.flat());
  return others.length === 0 ? only : undefined;
}

function takesOf(pv: PersistentVolume): PvFacts['takes'] {
  const attributes = pv.spec?.csi?.volumeAttributes ?? {};
  if (attributes[READ_ONLY_SNAPSHOT] === 'true') return undefined;
  const kind = VOLUME_KINDS.find((word) => word === attributes['volumeType']);
  if (!kind) return undefined;
  const where = whereOf(kind, attributes, allocated(pv.metadata.annotations?.[PV_ALLOCATED]));
  if (!where) return undefined;
  const header = headerOf(attributes['encryption'] === 'luks2' ? 'luks2' : undefined);
  return { kind, where, size: size(quantity(pv.spec?.capacity?.['storage']) + header) };
}

function whereOf(
  kind: VolumeKind,
  attributes: Readonly<Record<string, string>>,
  chosen: { vgName?: unknown; deviceName?: unknown },
): string | undefined {
  if (kind === 'MountPoint') return attributes['MountPoint'];
  const [key, override] = kind === 'LVM' ? ['vgName', chosen.vgName] : ['Device', chosen.deviceName];
  return typeof override === 'string' && override ? override : attributes[key];
}

function allocated(annotation: string | undefined): { vgName?: unknown; deviceName?: unknown } {
  try {
    return (JSON.parse(annotation ?? '{}') ?? {}) as object;
  } catch {
    return {}; // the attributes say the same in every version that wrote readable ones
  }
}

/** An int64 of the wire. */
function size(n: number): Bytes {
  if (!(n > 0)) return NO_BYTES;
  return n >= BEYOND_ANY_NODE ? BEYOND_ANY_NODE : bytes(Math.ceil(n));
}
