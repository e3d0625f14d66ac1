import type { Crypt } from '../../crypt/crypt.ts';
import { luksUuidOf, mappingNameOf } from '../../crypt/names.ts';
import type { LocalVolume } from '../../model/local-volume.ts';

/** Closes what was left open of a volume. Throws Fault `unavailable` while somebody uses it. */
export async function closeLeft(
  { metadata: { name = '' } }: LocalVolume,
  crypt: Pick<Crypt, 'mapping' | 'close'>,
  signal: AbortSignal,
): Promise<void> {
  const mapping = mappingNameOf(name);
  const found = await crypt.mapping(mapping, signal);
  if (found?.luksUuid === luksUuidOf(name)) await crypt.close(mapping, signal);
}

/**
 * Makes an encrypted volume unreadable for good by the loss of its key slots, and says whether all of its data is: not
 * where it carries no LUKS header, and not where it is a copy, since its source's key slots open it too. A snapshot is
 * left to be erased as any other: what is written to it fills its store.
 */
export async function destroyKeys(
  { spec }: LocalVolume,
  device: string,
  crypt: Pick<Crypt, 'header' | 'erase'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (!spec.encryption || spec.role === 'Snapshot' || !(await crypt.header(device, signal))) return false;
  await crypt.erase(device, signal);
  return spec.source === undefined;
}
