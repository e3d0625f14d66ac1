import type { LocalVolume } from '../model/local-volume.ts';
import { sha256 } from '../model/sha256.ts';

/**
 * What a LUKS header and an open mapping of ours are known by. All of it follows from the volume's id alone: so a
 * mapping can be closed though no object tells of the volume any more, and a header or a mapping that somebody else
 * made is seen to be none of ours, whatever it is called.
 */

/** The subsystem in our LUKS headers, which tells a person whose they are. */
export const SUBSYSTEM = 'open-local';

/** The UUID in the LUKS header of a volume: version 8 of RFC 9562, made of a hash of its id. */
export function luksUuidOf(id: string): string {
  const hex = sha256(`open-local luks2 ${id}`);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

/** The name of a volume's device-mapper device while it is open. */
export const mappingNameOf = (id: string): string => `open-local-${luksUuidOf(id)}`;

/** The device that a pod gets of an encrypted volume. */
export const mappingPathOf = (id: string): string => `/dev/mapper/${mappingNameOf(id)}`;

/** The device that pods see of a volume; undefined before it is ready. */
export const servedPathOf = ({ metadata, spec, status }: LocalVolume): string | undefined =>
  spec.encryption && status?.devicePath !== undefined ? mappingPathOf(metadata.name ?? '') : status?.devicePath;

/** The label of a header: 47 bytes are the most that LUKS2 has room for (struct luks2_hdr_disk). */
export const labelOf = (id: string): string => id.slice(0, 47);

/**
 * The UUID of the header behind a device-mapper device of cryptsetup, which calls it `CRYPT-LUKS2-<UUID without
 * hyphens>-<name>` (dm_prepare_uuid in lib/libdevmapper.c); undefined for any other device.
 */
export function luksUuidIn(mapperUuid: string): string | undefined {
  const parts = /^CRYPT-LUKS2-([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})-/.exec(mapperUuid);
  return parts?.slice(1).join('-');
}
