import { Fault } from './fault.ts';
import { checkGroupName } from './lvm-name.ts';
import { parseMkfsOptions } from './mkfs-options.ts';
import { present } from './present.ts';
import { PARAM_FS_TYPE } from './well-known.ts';
import type { Encryption } from './encryption.ts';
import {
  CLASS_PARAMETERS,
  readEncryption,
  readLayout,
  readLimits,
  readWord,
  type IoLimits,
  type Layout,
  type Parameters,
} from './parameters.ts';

export type { IoLimits, Layout };

/** What carries a volume: a logical volume in a shared group, a whole disk, or a whole mounted filesystem. */
export type VolumeKind = 'LVM' | 'Device' | 'MountPoint';
export type MediaType = 'ssd' | 'hdd';

export const VOLUME_KINDS: readonly VolumeKind[] = ['LVM', 'Device', 'MountPoint'];

/** What a StorageClass of ours asks for every claim that names it. */
export interface VolumePolicy {
  readonly kind: VolumeKind;
  /** The volume group every volume of the class must be in; absent: the ledger chooses. */
  readonly vgName?: string;
  /** Wanted for Device and MountPoint; absent there means any. */
  readonly mediaType?: MediaType;
  /** Of every filesystem of the class; absent: our choice. */
  readonly fsType?: string;
  /** How its filesystems are to be mounted: model/mount-options.ts. Absent: as usual. */
  readonly mountOptions?: readonly string[];
  readonly layout: Layout;
  readonly limits: IoLimits;
  /** Absent: its data is on the disk as it is. */
  readonly encryption?: Encryption;
}

/**
 * Reads StorageClass parameters with the keys and spellings of open-local. Keys it does not know have no effect, as in
 * open-local (`unknownParameters` names them), but one that may mean encryption is refused: nobody would see that the
 * data is not encrypted. Throws Fault `invalid` that names the parameter, its value and what is allowed. `mountOptions`
 * are kept as they are: whether a claim can have them depends on how it is used (claim-judge.ts).
 */
export function parseStorageClass(
  values: Readonly<Record<string, string>>,
  mountOptions?: readonly string[],
): VolumePolicy {
  const parameters: Parameters = { what: 'StorageClass parameter', values };
  const kind = readWord(parameters, 'volumeType', VOLUME_KINDS);
  if (kind === undefined)
    throw new Fault('invalid', `StorageClass parameter volumeType is missing: use ${VOLUME_KINDS.join(', ')}`);
  const misspelt = unknownKeys(values).find((key) => /crypt|luks/i.test(key));
  if (misspelt !== undefined)
    throw new Fault('invalid', `StorageClass parameter ${misspelt} is unknown: use encryption with the value luks2`);
  const layout = readLayout(parameters);
  const mediaType = readWord(parameters, 'mediaType', ['ssd', 'hdd']);
  const { vgName } = values;
  if (kind !== 'LVM' && vgName)
    throw new Fault('invalid', `StorageClass parameter vgName is for volumeType LVM, not ${kind}`);
  if (vgName) checkGroupName('StorageClass parameter vgName', vgName);
  const encryption = readEncryption(parameters, kind);
  const fsType = readFsType(values);
  if (values['mkfsOptions']) parseMkfsOptions(values['mkfsOptions'], fsType ?? '');
  return {
    kind,
    ...(vgName ? { vgName } : {}),
    ...(mediaType ? { mediaType } : {}),
    ...present({ fsType, mountOptions, encryption }),
    layout,
    limits: readLimits(parameters),
  };
}

/**
 * The class's filesystem as csi-provisioner reads it: from `csi.storage.k8s.io/fstype`, or from the older `fstype` in
 * any case, and never from both (pkg/controller/controller.go of external-provisioner).
 */
function readFsType(values: Readonly<Record<string, string>>): string | undefined {
  const keys = Object.keys(values);
  const named = keys.filter((key) => key === PARAM_FS_TYPE || key.toLowerCase() === 'fstype');
  if (named.length > 1)
    throw new Fault('invalid', `StorageClass parameters ${named.join(' and ')} mean the same: use ${PARAM_FS_TYPE}`);
  const [key] = named;
  return key === undefined ? undefined : values[key] || undefined;
}

/** A sentence for each parameter that nobody reads. */
export const unknownParameters = (values: Readonly<Record<string, string>>): string[] =>
  unknownKeys(values).map(
    (key) =>
      `StorageClass parameter ${key} is unknown and has no effect: the names are ${Object.keys(CLASS_PARAMETERS).join(', ')}`,
  );

/** Those of the sidecars have a prefix of their own; the older `fstype` is csi-provisioner's. */
const unknownKeys = (values: Readonly<Record<string, string>>): string[] =>
  Object.keys(values).filter(
    (key) =>
      !Object.hasOwn(CLASS_PARAMETERS, key) && !key.startsWith('csi.storage.k8s.io/') && key.toLowerCase() !== 'fstype',
  );
