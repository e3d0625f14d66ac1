import type { Disks } from '../../disk/disks.ts';
import { mapperUuidOf } from '../../lvm/names.ts';

/** The UUIDs that a logical volume is known by, as far as they were recorded. */
export interface KnownBy {
  readonly vgUuid?: string | undefined;
  readonly uuid?: string | undefined;
}

/**
 * The device-mapper UUID of the logical volume that a path leads to, when it is another than the one that is meant: a
 * second group of its name may be the one that is active. Undefined where it is that one, leads nowhere, or cannot be
 * compared.
 */
export async function leadsElsewhere(
  path: string,
  { vgUuid, uuid }: KnownBy,
  disks: Pick<Disks, 'mapperUuid'>,
  signal: AbortSignal,
): Promise<{ readonly found: string; readonly wanted: string } | undefined> {
  if (vgUuid === undefined || uuid === undefined) return undefined;
  const [wanted, found] = [mapperUuidOf(vgUuid, uuid), await disks.mapperUuid(path, signal)];
  return found === undefined || found === wanted ? undefined : { found, wanted };
}
