import { present } from '../../model/present.ts';
import { Fault } from '../../model/fault.ts';
import type { VolumeKind } from '../../model/storage-class.ts';
import { filesystemType } from '../../model/filesystem-type.ts';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../gen/csi.ts';

/** How a volume will be used. */
export interface Usage {
  readonly block: boolean;
  /** Absent: the driver's choice. */
  readonly fsType?: string;
}

/** A local volume is on one node; these are the modes that need no more. */
const ONE_NODE: readonly Mode[] = [
  Mode.SINGLE_NODE_WRITER,
  Mode.SINGLE_NODE_SINGLE_WRITER,
  Mode.SINGLE_NODE_MULTI_WRITER,
];

/**
 * What the capabilities ask for together. Throws Fault `invalid` when there is none, when one is incomplete, or when
 * one asks for what a volume of this kind cannot do; `problemWith` tells the latter as a value.
 */
export function parseCapabilities(capabilities: readonly VolumeCapability[], kind: VolumeKind): Usage {
  if (capabilities.length === 0) throw new Fault('invalid', 'volume_capabilities is missing: say how it will be used');
  for (const capability of capabilities) {
    checkComplete(capability);
    const problem = problemWith(capability, kind);
    if (problem !== undefined) throw new Fault('invalid', problem);
  }
  const types = capabilities.map(fsTypeOf).filter((fsType) => fsType !== '');
  const [fsType] = types;
  const other = types.find((type) => type !== fsType);
  if (other !== undefined) throw new Fault('invalid', `a volume cannot have two filesystems, ${fsType} and ${other}`);
  const block = capabilities.some(({ accessType }) => accessType?.$case === 'block');
  return { block, ...present({ fsType }) };
}

/** Throws Fault `invalid` when a required field is not there. */
export function checkComplete({ accessType, accessMode }: VolumeCapability): void {
  if (accessType === undefined)
    throw new Fault('invalid', 'a volume capability has no access_type: use mount or block');
  if (accessMode === undefined || accessMode.mode === Mode.UNKNOWN)
    throw new Fault('invalid', 'a volume capability has no access_mode: use SINGLE_NODE_WRITER');
}

/** Why a volume of this kind cannot be used so; undefined when it can. */
export function problemWith(capability: VolumeCapability, kind: VolumeKind): string | undefined {
  const mode = capability.accessMode?.mode ?? Mode.UNKNOWN;
  if (!ONE_NODE.includes(mode))
    return `access mode ${nameOf(mode)} is not possible: a local volume is on one node; use ReadWriteOnce or ReadWriteOncePod`;
  if (kind === 'MountPoint' && capability.accessType?.$case === 'block')
    return 'a volume of volumeType MountPoint is a directory: use volumeMode Filesystem';
  try {
    filesystemType(fsTypeOf(capability));
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
  return undefined;
}

const fsTypeOf = ({ accessType }: VolumeCapability): string =>
  accessType?.$case === 'mount' ? accessType.value.fsType : '';

const nameOf = (mode: Mode): string =>
  Object.entries(Mode).find(([, value]) => value === mode)?.[0] ?? `number ${mode}`;
