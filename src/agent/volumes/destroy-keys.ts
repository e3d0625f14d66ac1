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
 * where it carries no LUKS header, and not where key slots of another volume open it too: those of a copy open its
 * source, and the other way round. A snapshot is left to be erased as any other: what is written to it fills its store.
 */
export async function destroyKeys(
  { spec, metadata }: LocalVolume,
  device: string,
  { crypt, others }: { readonly crypt: Pick<Crypt, 'header' | 'erase'>; readonly others: Others },
  signal: AbortSignal,
): Promise<boolean> {
  if (!spec.encryption || spec.role === 'Snapshot' || !(await crypt.header(device, signal))) return false;
  await crypt.erase(device, signal);
  return spec.source === undefined && !hasCopies(metadata.name, others);
}

/** The node's LocalVolumes by name. */
type Others = ReadonlyMap<string, LocalVolume>;

/** Whether there are encrypted copies on the node: of what is not told once the snapshot between them is gone. */
const hasCopies = (name: string | undefined, others: Others): boolean =>
  [...others.values()].some(({ metadata, spec }) => metadata.name !== name && isEncryptedCopy(spec));

const isEncryptedCopy = ({ encryption, role, source }: LocalVolume['spec']): boolean =>
  encryption !== undefined && role !== 'Snapshot' && source !== undefined;
