import { Fault } from '../../model/fault.ts';
import { PARAM_EXPAND_SECRET, PARAM_STAGE_SECRET } from '../../model/well-known.ts';

/** The keys that CSI brings for an encrypted volume. */
export interface SecretKeys {
  readonly key: Uint8Array;
  /** The one that `key` is to take the place of. */
  readonly previousKey?: Uint8Array;
}

/** More than any key has, and little enough to be tried without thought. */
const MAX_KEY_BYTES = 64 * 1024;

/** Where a key is to come from, by the call that brings it. */
const SOURCES = { stage: PARAM_STAGE_SECRET, expand: PARAM_EXPAND_SECRET } as const;

/**
 * The keys as they are in the Secret, a newline at the end included. Throws Fault `invalid` that names what is missing
 * or wrong, and never a key.
 */
export function readKeys(
  id: string,
  secrets: Readonly<Record<string, string>>,
  source: keyof typeof SOURCES,
): SecretKeys {
  const { key, previousKey } = secrets;
  if (key === undefined)
    throw new Fault(
      'invalid',
      `volume ${id} is encrypted, and there is no secret with a "key" for it: name its Secret in the StorageClass, parameters ${SOURCES[source].name} and ${SOURCES[source].namespace}`,
    );
  const keys = { key: checked(id, 'key', key) };
  return previousKey === undefined ? keys : { ...keys, previousKey: checked(id, 'previousKey', previousKey) };
}

function checked(id: string, name: keyof SecretKeys, text: string): Uint8Array {
  const key = Buffer.from(text);
  if (key.length === 0) throw new Fault('invalid', `volume ${id}: "${name}" of its secret is empty`);
  if (key.length <= MAX_KEY_BYTES) return key;
  throw new Fault(
    'invalid',
    `volume ${id}: "${name}" of its secret has ${key.length} bytes: use at most ${MAX_KEY_BYTES}`,
  );
}

/** What is said when no key of the secret opens a volume; nothing was changed then. */
export const wrongKey = (id: string, { previousKey }: SecretKeys): Fault =>
  new Fault(
    'precondition',
    previousKey
      ? `volume ${id}: neither "key" nor "previousKey" of its secret opens it: nothing was changed; put the key that it was made with into "previousKey"`
      : `volume ${id}: "key" of its secret does not open it: nothing was changed; put the right one back, or add it as "previousKey" to have the key changed`,
  );
