import type { LvmGroup } from './report.ts';

/**
 * Each disk of a group has a copy of the group's metadata. One that cannot be read is passed over while another can
 * (lib/format_text/text_label.c and lib/cache/lvmcache.c of lvm2), and so is one of the same number with other text:
 * lvm only says so beside its report.
 */
const DAMAGED =
  /repair VG metadata on (\S+) with vgck --updatemetadata|[Ss]canning (\S+) mda\d found mismatch with other metadata/g;

/** The devices whose copy lvm could not read, by what it said beside a report. */
const damagedIn = (stderr: string): ReadonlySet<string> =>
  new Set([...stderr.matchAll(DAMAGED)].map(([, unread, other = '']) => unread ?? other));

/**
 * Gives what marks the disks of groups whose copy of the metadata is damaged: those of which two reports in a row say
 * it, since lvm also reads what another program is writing just then.
 */
export function createDamagedCopies(): (groups: readonly LvmGroup[], stderr: string) => readonly LvmGroup[] {
  let before: ReadonlySet<string> = new Set();
  return (groups, stderr) => {
    const now = damagedIn(stderr);
    const isTold = ({ device }: { readonly device: string }): boolean => now.has(device) && before.has(device);
    const marked = groups.map((group) => ({
      ...group,
      devices: group.devices.map((pv) => (isTold(pv) ? { ...pv, damagedCopy: true as const } : pv)),
    }));
    before = now;
    return marked;
  };
}
