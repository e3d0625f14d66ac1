import { Fault } from './fault.ts';
import { MUTABLE_PARAMETERS, readLimits, type IoLimits, type Parameters } from './parameters.ts';
import { PARAM_PV_NAME, PARAM_PVC_NAME, PARAM_PVC_NAMESPACE } from './well-known.ts';

/** What csi-resizer adds when it runs with --extra-modify-metadata. */
const METADATA: readonly string[] = [PARAM_PVC_NAME, PARAM_PVC_NAMESPACE, PARAM_PV_NAME];

type Pair = readonly [both: keyof typeof MUTABLE_PARAMETERS, one: keyof typeof MUTABLE_PARAMETERS];
const PAIRS: readonly Pair[] = [
  ['bps', 'readBps'],
  ['bps', 'writeBps'],
  ['iops', 'readIops'],
  ['iops', 'writeIops'],
];

/**
 * The limits that a VolumeAttributesClass asks for, with the names and spellings of a StorageClass; an empty value
 * counts as absent. Stricter than a StorageClass, since the CSI specification wants a key that is not supported
 * refused: throws Fault `invalid` that names the key and its value for one that is unknown, for a value that no limit
 * can have, and for two keys that contradict each other.
 * https://github.com/container-storage-interface/spec/blob/v1.13.0/spec.md#controllermodifyvolume
 */
export function parseMutableParameters(values: Readonly<Record<string, string>>): IoLimits {
  const parameters: Parameters = { what: 'VolumeAttributesClass parameter', values };
  const known = Object.keys(MUTABLE_PARAMETERS);
  for (const [key, value] of Object.entries(values))
    if (!known.includes(key) && !METADATA.includes(key))
      throw new Fault('invalid', `${parameters.what} ${key}: "${value}" is unknown: use ${known.join(', ')}`);
  const limits = readLimits(parameters);
  for (const [both, one] of PAIRS) refuseContradiction(values, both, one);
  return limits;
}

function refuseContradiction(values: Readonly<Record<string, string>>, both: string, one: string): void {
  const [first, second] = [values[both], values[one]];
  if (!first || !second || first === second) return;
  throw new Fault(
    'invalid',
    `VolumeAttributesClass parameters ${both}: "${first}" and ${one}: "${second}" contradict each other: ` +
      `${both} sets both directions; leave one of them out`,
  );
}

/** What a volume is held to: the limits of its StorageClass, save those that its VolumeAttributesClass names. */
export const limitsWith = (ofStorageClass: IoLimits, ofAttributes: IoLimits): IoLimits => ({
  ...ofStorageClass,
  ...ofAttributes,
});

const FIELDS = ['readBps', 'writeBps', 'readIops', 'writeIops'] as const satisfies readonly (keyof IoLimits)[];

/** Compares every limit; an absent one is no limit. */
export const sameLimits = (a: IoLimits = {}, b: IoLimits = {}): boolean =>
  FIELDS.every((field) => a[field] === b[field]);

/** `readBps 1048576, writeIops 100`; `none`. */
export const formatLimits = (limits: IoLimits = {}): string =>
  FIELDS.flatMap((field) => (limits[field] === undefined ? [] : [`${field} ${limits[field]}`])).join(', ') || 'none';
