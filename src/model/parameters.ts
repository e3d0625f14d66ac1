import type { Bytes } from './bytes.ts';
import type { Encryption } from './encryption.ts';
import { Fault, textOf } from './fault.ts';
import { parseWholeQuantity } from './quantity.ts';

/** Settings that a person wrote as text, and what they are called, so that a message names what is to be corrected. */
export interface Parameters {
  readonly what: 'StorageClass parameter' | 'VolumeAttributesClass parameter' | 'attribute';
  readonly values: Readonly<Partial<Record<ParameterName, string>>>;
}

/**
 * The StorageClass parameters that we read, and whose word each is. external-provisioner takes out
 * `csi.storage.k8s.io/…` before.
 */
export const CLASS_PARAMETERS = {
  volumeType: 'open-local',
  mediaType: 'open-local',
  vgName: 'open-local',
  lvmType: 'open-local',
  bps: 'open-local',
  iops: 'open-local',
  readBps: 'ours',
  writeBps: 'ours',
  readIops: 'ours',
  writeIops: 'ours',
  mkfsOptions: 'ours',
  encryption: 'ours',
} as const;

/** The `volumeAttributes` of an inline volume that we read. */
export const INLINE_ATTRIBUTES = {
  vgName: 'open-local',
  size: 'open-local',
  lvmType: 'open-local',
  bps: 'open-local',
  iops: 'open-local',
  readBps: 'ours',
  writeBps: 'ours',
  readIops: 'ours',
  writeIops: 'ours',
  mkfsOptions: 'ours',
  encryption: 'ours',
} as const;

/** The parameters of a VolumeAttributesClass: the limits, which may change while a volume is in use. */
export const MUTABLE_PARAMETERS = {
  bps: 'open-local',
  iops: 'open-local',
  readBps: 'ours',
  writeBps: 'ours',
  readIops: 'ours',
  writeIops: 'ours',
} as const;

export type ParameterName = keyof typeof CLASS_PARAMETERS | keyof typeof INLINE_ATTRIBUTES;

/** IO limits of one volume: bytes per second and operations per second; an absent field is unlimited. */
export interface IoLimits {
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/**
 * The least limits that can be set. A process that is killed ends only after its reads and writes under way have ended,
 * and a filesystem writes its journal before it can be unmounted: below these numbers that takes minutes to hours, and
 * the pod cannot be removed.
 */
export const LEAST_BPS = 64 * 1024;
export const LEAST_IOPS = 10;

/**
 * The limits that can be set for a volume that asks for these: none is below the least. A LocalVolume may ask for less,
 * since its kind allows it: what wrote it may be older than the rule, or a person.
 */
export function livable(limits: IoLimits): IoLimits {
  const raised = LIMITS.flatMap(({ sets, least }) =>
    sets.flatMap((field) => (limits[field] === undefined ? [] : [[field, Math.max(limits[field], least)] as const])),
  );
  return Object.fromEntries(raised);
}

type Field = keyof IoLimits;
interface Limit {
  readonly parameter: ParameterName;
  readonly sets: readonly Field[];
  readonly least: number;
  readonly unit: string;
}

const bps = (parameter: ParameterName, ...sets: Field[]): Limit => ({
  parameter,
  sets,
  least: LEAST_BPS,
  unit: '64Ki (bytes a second)',
});
const iops = (parameter: ParameterName, ...sets: Field[]): Limit => ({
  parameter,
  sets,
  least: LEAST_IOPS,
  unit: `${LEAST_IOPS} (operations a second)`,
});

/** `bps` and `iops` set both directions, as in open-local; the four single names are ours and win over them. */
const LIMITS: readonly Limit[] = [
  bps('bps', 'readBps', 'writeBps'),
  iops('iops', 'readIops', 'writeIops'),
  bps('readBps', 'readBps'),
  bps('writeBps', 'writeBps'),
  iops('readIops', 'readIops'),
  iops('writeIops', 'writeIops'),
];

/** Throws Fault `invalid` that names the parameter, its value and what is allowed. An empty text counts as absent. */
export function readLimits({ what, values }: Parameters): IoLimits {
  const limits: Partial<Record<Field, number>> = {};
  for (const limit of LIMITS) {
    const text = values[limit.parameter];
    if (text === undefined || text === '') continue;
    const value = readLimit(`${what} ${limit.parameter}`, text, limit);
    for (const field of limit.sets) limits[field] = value;
  }
  return limits;
}

function readLimit(what: string, text: string, { least, unit }: Limit): Bytes {
  const value = readWhole(what, text);
  if (value >= least) return value;
  if (value > 0) throw new Fault('invalid', `${what}: "${text}" is too small to live with: use at least ${unit}`);
  throw new Fault('invalid', `${what}: "${text}" must be more than zero; leave it out for no limit`);
}

/** A whole number. Throws Fault `invalid` that begins with `what`. */
export function readWhole(what: string, text: string): Bytes {
  try {
    return parseWholeQuantity(text);
  } catch (error) {
    throw new Fault('invalid', `${what}: ${textOf(error)}`, { cause: error });
  }
}

/** One of the words, or undefined where the parameter is absent or empty. Throws Fault `invalid` for any other word. */
export function readWord<const T extends string>(
  { what, values }: Parameters,
  key: ParameterName,
  allowed: readonly T[],
): T | undefined {
  const value = values[key];
  if (value === undefined || value === '') return undefined;
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new Fault('invalid', `${what} ${key}: "${value}" is unknown: use ${allowed.join(', ')}`);
}

export type Layout = 'linear' | 'striped';

/**
 * How the extents of a logical volume lie on the disks of its group, with the words of open-local. Throws Fault
 * `invalid`.
 */
export const readLayout = (parameters: Parameters): Layout =>
  readWord(parameters, 'lvmType', ['linear', 'striping']) === 'striping' ? 'striped' : 'linear';

/** Throws Fault `invalid` for anything but `luks2`, and where there is no logical volume to encrypt. */
export function readEncryption(parameters: Parameters, kind: string): Encryption | undefined {
  const encryption = readWord(parameters, 'encryption', ['luks2']);
  if (encryption === undefined || kind === 'LVM') return encryption;
  throw new Fault('invalid', `${parameters.what} encryption is for volumeType LVM, not ${kind}`);
}
