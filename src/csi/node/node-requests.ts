import path from 'node:path';
import { bytes, NO_BYTES, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { POD_UID } from '../../model/well-known.ts';
import {
  VolumeCapability_AccessMode_Mode as Mode,
  type CapacityRange,
  type NodePublishVolumeRequest,
  type NodeStageVolumeRequest,
  type VolumeCapability,
} from '../gen/csi.ts';
import { podOfTarget } from './published-limits.ts';

/** How a pod wants to use a volume. */
export interface Access {
  /** `block`: as a device file; else as a mounted filesystem. */
  readonly block: boolean;
  /** Empty: the volume's own, or our choice. */
  readonly fsType: string;
  readonly mountFlags: readonly string[];
  /** The StorageClass parameter or inline attribute: model/mkfs-options.ts. */
  readonly mkfsOptions: string;
  readonly readOnly: boolean;
  /** Only one pod of this node may have it (ReadWriteOncePod). */
  readonly singleWriter: boolean;
}

export interface Stage {
  readonly id: string;
  readonly stagingPath: string;
  readonly access: Access;
  /** What an encrypted volume is opened with: secret-keys.ts. Never logged. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Where a pod wants a volume. */
export interface Target {
  readonly id: string;
  readonly targetPath: string;
  readonly access: Access;
  /** The pod's uid, if it can be known. */
  readonly pod: string | undefined;
}

export interface Publish extends Omit<Stage, 'secrets'>, Target {}

/** Checks a NodeStageVolume request. Throws Fault `invalid` naming the field. */
export function parseStage(request: NodeStageVolumeRequest): Stage {
  return {
    id: required('volume_id', request.volumeId),
    stagingPath: absolute('staging_target_path', request.stagingTargetPath),
    access: parseAccess(request, false),
    secrets: request.secrets,
  };
}

/**
 * Checks a NodePublishVolume request of a staged volume. Throws Fault `invalid` naming the field, `precondition`
 * without a staging path.
 */
export function parsePublish(request: NodePublishVolumeRequest): Publish {
  const target = parseTarget(request);
  if (request.stagingTargetPath === '')
    throw new Fault('precondition', 'staging_target_path is missing: NodeStageVolume comes first');
  return { ...target, stagingPath: absolute('staging_target_path', request.stagingTargetPath) };
}

/** Checks what every NodePublishVolume request has. Throws Fault `invalid` naming the field. */
export function parseTarget(request: NodePublishVolumeRequest): Target {
  const id = required('volume_id', request.volumeId);
  const targetPath = absolute('target_path', request.targetPath);
  const access = parseAccess(request, request.readonly);
  return { id, targetPath, access, pod: request.volumeContext[POD_UID] || podOfTarget(targetPath) };
}

type WithAccess = Pick<NodeStageVolumeRequest, 'volumeCapability' | 'volumeContext'>;

function parseAccess({ volumeCapability, volumeContext }: WithAccess, readOnly: boolean): Access {
  const { accessType, accessMode } = volumeCapability ?? {};
  if (!accessType) throw new Fault('invalid', 'volume_capability is missing: ask for block or mount access');
  const mode = accessMode?.mode ?? Mode.UNKNOWN;
  if (mode === Mode.MULTI_NODE_SINGLE_WRITER || mode === Mode.MULTI_NODE_MULTI_WRITER)
    throw new Fault('invalid', 'a local volume is on one node: use an access mode of a single node');
  return {
    ...parseMount(accessType),
    block: accessType.$case === 'block',
    mkfsOptions: volumeContext['mkfsOptions'] ?? '',
    readOnly: readOnly || mode === Mode.SINGLE_NODE_READER_ONLY || mode === Mode.MULTI_NODE_READER_ONLY,
    singleWriter: mode === Mode.SINGLE_NODE_SINGLE_WRITER,
  };
}

function parseMount(type: NonNullable<VolumeCapability['accessType']>): Pick<Access, 'fsType' | 'mountFlags'> {
  if (type.$case === 'block') return { fsType: '', mountFlags: [] };
  const { fsType, mountFlags, volumeMountGroup } = type.value;
  if (volumeMountGroup === '') return { fsType, mountFlags };
  throw new Fault('invalid', `volume_mount_group ${volumeMountGroup} cannot be given to a filesystem on a device`);
}

/** Throws Fault `invalid` when the field is empty. */
export function required(field: string, value: string): string {
  if (value === '') throw new Fault('invalid', `${field} is missing`);
  return value;
}

/**
 * Throws Fault `invalid` unless the field is an absolute path. Slashes at its end, `//`, `.` and `..` are taken out:
 * mount tables have none.
 */
export function absolute(field: string, value: string): string {
  const text = required(field, value);
  if (!text.startsWith('/')) throw new Fault('invalid', `${field} "${text}" must be an absolute path`);
  return withoutSlash(text);
}

/**
 * A path at which a volume may be mounted. Throws Fault `invalid` when it is empty; a relative one is merely never
 * found.
 */
export const place = (field: string, value: string): string => withoutSlash(required(field, value));

const withoutSlash = (text: string): string => path.normalize(text).replace(/(?<=.)\/+$/, '');

/**
 * The smallest size in bytes that the caller accepts; 0 when it does not say. Throws Fault `out-of-range` above 2^53.
 */
export function requiredBytes(range: CapacityRange | undefined): Bytes {
  const wanted = range?.requiredBytes ?? 0n;
  if (wanted < 0n || wanted > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Fault('out-of-range', `capacity_range.required_bytes ${wanted} is not a size we can make`);
  return wanted === 0n ? NO_BYTES : bytes(wanted);
}
