import { type Bytes } from './bytes.ts';
import { Fault, textOf } from './fault.ts';
import { parseQuantity } from './quantity.ts';

/** What carries a volume: a logical volume in a shared group, a whole disk, or a whole mounted filesystem. */
export type VolumeKind = 'LVM' | 'Device' | 'MountPoint';
export type MediaType = 'ssd' | 'hdd';
export type Layout = 'linear' | 'striped';

export const VOLUME_KINDS: readonly VolumeKind[] = ['LVM', 'Device', 'MountPoint'];

/** IO limits of one volume: bytes per second and operations per second; an absent field is unlimited. */
export interface IoLimits {
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/** What a StorageClass of ours asks for every claim that names it. */
export interface VolumePolicy {
  readonly kind: VolumeKind;
  /** The volume group every volume of the class must be in; absent: the ledger chooses. */
  readonly vgName?: string;
  /** Wanted for Device and MountPoint; absent there means any. */
  readonly mediaType?: MediaType;
  readonly layout: Layout;
  readonly limits: IoLimits;
}

/**
 * Reads StorageClass parameters with the keys and spellings of open-local. Keys it does not know are left alone, as the existing
 * system does. Throws Fault `invalid` that names the parameter, its value and what is allowed.
 */
export function parseStorageClass(parameters: Readonly<Record<string, string>>): VolumePolicy {
  const kind = oneOf(parameters, 'volumeType', VOLUME_KINDS);
  if (kind === undefined)
    throw new Fault('invalid', `StorageClass parameter volumeType is missing: use ${VOLUME_KINDS.join(', ')}`);
  const lvmType = oneOf(parameters, 'lvmType', ['linear', 'striping'] as const);
  const mediaType = oneOf(parameters, 'mediaType', ['ssd', 'hdd'] as const);
  const vgName = parameters['vgName'];
  if (kind !== 'LVM' && vgName)
    throw new Fault('invalid', `StorageClass parameter vgName is for volumeType LVM, not ${kind}`);
  return {
    kind,
    ...(vgName ? { vgName } : {}),
    ...(mediaType ? { mediaType } : {}),
    layout: lvmType === 'striping' ? 'striped' : 'linear',
    limits: parseLimits(parameters),
  };
}

function oneOf<const T extends string>(
  parameters: Readonly<Record<string, string>>,
  key: string,
  allowed: readonly T[],
): T | undefined {
  const value = parameters[key];
  if (value === undefined || value === '') return undefined;
  const found = allowed.find((word) => word === value);
  if (found === undefined)
    throw new Fault('invalid', `StorageClass parameter ${key}: "${value}" is unknown: use ${allowed.join(', ')}`);
  return found;
}

const LIMITS: readonly { readonly parameter: string; readonly sets: readonly (keyof IoLimits)[] }[] = [
  { parameter: 'bps', sets: ['readBps', 'writeBps'] },
  { parameter: 'iops', sets: ['readIops', 'writeIops'] },
  { parameter: 'readBps', sets: ['readBps'] },
  { parameter: 'writeBps', sets: ['writeBps'] },
  { parameter: 'readIops', sets: ['readIops'] },
  { parameter: 'writeIops', sets: ['writeIops'] },
];

/** `bps` and `iops` set both directions, as in open-local; the four single names are ours and win over them. */
function parseLimits(parameters: Readonly<Record<string, string>>): IoLimits {
  const limits: Partial<Record<keyof IoLimits, number>> = {};
  for (const { parameter, sets } of LIMITS) {
    const text = parameters[parameter];
    if (text === undefined || text === '') continue;
    const value = parseLimit(parameter, text);
    for (const field of sets) limits[field] = value;
  }
  return limits;
}

function parseLimit(parameter: string, text: string): Bytes {
  try {
    const value = parseQuantity(text);
    if (value > 0) return value;
  } catch (error) {
    throw new Fault('invalid', `StorageClass parameter ${parameter}: ${textOf(error)}`, { cause: error });
  }
  throw new Fault(
    'invalid',
    `StorageClass parameter ${parameter}: "${text}" must be more than zero; leave it out for no limit`,
  );
}
