import { luksUuidOf } from '../../crypt/names.ts';
import type { Probe, Signature } from '../../disk/disks.ts';
import { FILESYSTEMS } from '../../model/filesystem-type.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { FORMATTING } from '../../model/well-known.ts';
import { parseFilesystem } from '../../mount/filesystem.ts';

/**
 * Why what a disk carries is not the volume's, of which nothing but the disk's name tells which it has: a clause that
 * goes on from the disk's name. Undefined where nothing speaks against it, as of a device without a filesystem of ours.
 */
export function contentOfAnother(
  volume: LocalVolume,
  { signatures }: Probe,
  others: ReadonlyMap<string, LocalVolume>,
): string | undefined {
  const found = signatures.filter(isOfOurKind);
  const own = givenTo(volume);
  if (found.length === 0 || found.some(({ uuid }) => uuid === own)) return undefined;
  const owner = [...others.values()].find((other) => found.some(({ uuid }) => uuid === givenTo(other)));
  if (own === undefined && !owner) return undefined;
  const what = found.map(({ type, uuid }) => `${type} ${uuid}`).join(' and ');
  return `carries ${what}, ${owner ? `which volume ${owner.metadata.name} was given` : `not ${own}`}`;
}

const isOfOurKind = ({ type, uuid }: Signature): boolean =>
  uuid !== undefined && (type === 'crypto_LUKS' || FILESYSTEMS.some((known) => known === type));

/** Whether a disk carries what the volume was given. */
export const hasOwnContent = (volume: LocalVolume, { signatures }: Probe): boolean =>
  signatures.some((found) => isOfOurKind(found) && found.uuid === givenTo(volume));

/** UUIDs of filesystems and LUKS headers on a disk, but for the one that the volume was given. */
export const strangersOn = (volume: LocalVolume, { signatures }: Probe): readonly string[] =>
  signatures.filter(isOfOurKind).flatMap(({ uuid = '' }) => (uuid === givenTo(volume) ? [] : [uuid]));

/** The UUID that the volume's device shows once it was used; undefined for raw ones, and where it was not recorded. */
export const givenTo = ({ metadata, spec }: LocalVolume): string | undefined =>
  spec.encryption ? luksUuidOf(metadata.name ?? '') : parseFilesystem(metadata.annotations?.[FORMATTING])?.uuid;
