/** udev writes them so: 60-persistent-storage.rules and 63-md-raid-arrays.rules. */
const PARTITION_LINK = /\/disk\/by-partuuid\/([^/]+)$/;
const ARRAY_LINK = /\/disk\/by-id\/md-uuid-([^/]+)$/;
/** Linux 6.13 and later tell it of each partition by itself. */
const IN_UEVENT = /^PARTUUID=(.+)$/m;
/** Of a DOS partition table without a signature of its own. */
const NO_SIGNATURE = /^0{8}-/;

/**
 * What a partition is called in its disk's partition table, or an array in the superblocks of its members; undefined of
 * anything else, and where nothing unique is written. `uevent`: what sysfs tells of the device; `links`: its other
 * names.
 */
export function contentUuidOf(uevent: string | undefined, links: readonly string[] = []): string | undefined {
  const partition = IN_UEVENT.exec(uevent ?? '')?.[1] ?? uuidIn(links, PARTITION_LINK);
  if (partition !== undefined) return NO_SIGNATURE.test(partition) ? undefined : `partition ${partition}`;
  const array = uuidIn(links, ARRAY_LINK);
  return array === undefined ? undefined : `array ${array}`;
}

/** A device that has several of them is called none: its own one is not known. */
function uuidIn(links: readonly string[], pattern: RegExp): string | undefined {
  const found = links.flatMap((link) => pattern.exec(link)?.[1] ?? []);
  return found.length === 1 ? found[0] : undefined;
}
