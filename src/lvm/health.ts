/**
 * Words of lvs(8)'s lv_health_status by which a volume lacks nothing: copies of a RAID differ, as they do where nobody
 * wrote (--nosync), one of them is read last, or nothing is asked for without device-mapper.
 */
const HARMLESS: ReadonlySet<string> = new Set(['mismatches exist', 'writemostly', 'unknown']);

/** LVM's word for what is wrong with a volume; empty when nothing is. */
export const healthOf = (word: string): string => (HARMLESS.has(word) ? '' : word);

/** Why nothing may be built on a volume now: a clause that goes on from its name; undefined when it is whole. */
export function ailmentOf(volume: { readonly health: string; readonly detached?: boolean }): string | undefined {
  if (volume.detached || volume.health.includes('partial')) return 'misses disks: bring them back';
  return volume.health === ''
    ? undefined
    : `is not in order: LVM tells "${volume.health}" of it (lvs -o+lv_health_status)`;
}
