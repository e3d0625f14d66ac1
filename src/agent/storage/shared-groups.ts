import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { OUR_TAG } from '../../lvm/names.ts';
import type { GroupDoubt, LvmGroup, LvmReport, LvmVolume } from '../../lvm/report.ts';

/**
 * Finds the groups that another node has at the same time, as on disks of a storage network that several machines see.
 * Two machines that change one group at once destroy it, and each gives its room. A group of the same UUID alone is no
 * proof, since machines are cloned with their disks: the volume of another node must have appeared in it.
 */
export interface SharedGroups {
  /** Takes in what was seen. */
  look(groups: readonly LvmGroup[]): void;
  /**
   * Asks for the LocalVolumes that have the names of what appeared, mostly none, and says whether anything is known
   * otherwise than before. Throws what `find` and `findNode` throw.
   */
  ask(signal: AbortSignal): Promise<boolean>;
  /** A report in which shared groups are in doubt. */
  mark(report: LvmReport): LvmReport;
}

interface SharedGroupsDeps {
  /** Whether a LocalVolume of this node speaks of the logical volume. */
  readonly hasObject: (volume: Pick<LvmVolume, 'name' | 'uuid'>) => boolean;
  readonly nodeName: string;
  /** The LocalVolume of any node that has the name. */
  readonly find: (name: string, signal: AbortSignal) => Promise<LocalVolume | undefined>;
  readonly findNode: (name: string, signal: AbortSignal) => Promise<NodeLocalStorage | undefined>;
  /** Names of the groups that were called shared last, maybe by another agent. */
  readonly told: () => ReadonlySet<string>;
}

export function createSharedGroups(deps: SharedGroupsDeps): SharedGroups {
  const { hasObject, told } = deps;
  /** UUIDs of the volumes that each group had at the last look. */
  let before: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  /** What is to be asked for, by group. */
  let suspects = new Map<string, readonly LvmVolume[]>();
  /** Groups by UUID with the node that has them, too. */
  const shared = new Map<string, string>();
  /** Until then what was told holds. */
  let hasAsked = false;
  const isTold = ({ name }: LvmGroup): boolean => !hasAsked && told().has(name);

  const suspectsIn = (group: LvmGroup): readonly LvmVolume[] => {
    const known = before.get(group.uuid);
    const pending = new Set(suspects.get(group.uuid)?.map(({ uuid }) => uuid));
    const isAsked = isTold(group) || shared.has(group.uuid);
    return group.volumes.filter((volume) => {
      const hasAppeared = known !== undefined && !known.has(volume.uuid);
      const isSuspect = isAsked || pending.has(volume.uuid) || hasAppeared;
      return isSuspect && volume.tags.includes(OUR_TAG) && !hasObject(volume);
    });
  };

  return {
    look: (groups) => {
      suspects = new Map(groups.filter(isOpenToAll).map((group) => [group.uuid, suspectsIn(group)]));
      before = new Map(groups.map(({ uuid, volumes }) => [uuid, new Set(volumes.map((volume) => volume.uuid))]));
      for (const uuid of shared.keys()) if (!suspects.has(uuid)) shared.delete(uuid);
    },
    ask: async (signal) => {
      const known = JSON.stringify([...shared]);
      const wasTold = !hasAsked && told().size > 0;
      for (const [vgUuid, volumes] of suspects) {
        const { node, left } = await otherNodeOf(vgUuid, volumes, deps, signal);
        suspects.set(vgUuid, left);
        if (node === undefined) shared.delete(vgUuid);
        else shared.set(vgUuid, node);
      }
      hasAsked = true;
      return wasTold || JSON.stringify([...shared]) !== known;
    },
    mark: (report) => ({
      ...report,
      groups: report.groups.map((group) => {
        const other = shared.get(group.uuid) ?? (isTold(group) ? '' : undefined);
        return other === undefined || group.doubt ? group : { ...group, doubt: doubtAbout(group, other) };
      }),
    }),
  };
}

/** The node that has volumes in a group and reports it; `left` are those of which it is not told yet whose they are. */
async function otherNodeOf(
  vgUuid: string,
  volumes: readonly LvmVolume[],
  { nodeName, find, findNode }: SharedGroupsDeps,
  signal: AbortSignal,
): Promise<{ readonly node: string | undefined; readonly left: readonly LvmVolume[] }> {
  const left: LvmVolume[] = [];
  for (const volume of volumes) {
    const owner = ownerOf(volume, await find(volume.name, signal));
    if (owner === undefined || owner.node === nodeName) continue;
    if (!owner.isTold) left.push(volume);
    else if (hasGroup(await findNode(owner.node, signal), vgUuid)) return { node: owner.node, left };
  }
  return { node: undefined, left };
}

/** The node of a logical volume's LocalVolume, and whether that tells that it is this very one. */
function ownerOf({ uuid }: LvmVolume, found: LocalVolume | undefined) {
  const { volumeUuid } = found?.status ?? {};
  const isOther = found?.spec.kind !== 'LVM' || (volumeUuid !== undefined && volumeUuid !== uuid);
  return isOther ? undefined : { node: found.spec.nodeName, isTold: volumeUuid !== undefined };
}

const hasGroup = (nls: NodeLocalStorage | undefined, vgUuid: string): boolean =>
  nls?.status?.nodeStorageInfo?.volumeGroups?.some(({ uuid }) => uuid === vgUuid) ?? false;

/** A group that has a system ID is one machine's alone: LVM itself lets no other change it. */
const isOpenToAll = ({ foreign, exported, systemId, doubt }: LvmGroup): boolean =>
  !foreign && !exported && systemId === undefined && (doubt === undefined || doubt.reason === 'SharedGroup');

function doubtAbout({ name, uuid, devices }: LvmGroup, node: string): GroupDoubt {
  const disks = devices.map(({ device }) => device).join(', ');
  const whose = node === '' ? "another node's" : `node ${node}'s`;
  return {
    reason: 'SharedGroup',
    recorded: true,
    message:
      `Volume group ${name} (${uuid}) is ${whose}, too: a volume of that node appeared in it, and that node ` +
      `reports the group. Two machines that change one group at once destroy it. Nothing is made, grown or removed in ` +
      `it here. Let one of the two alone see its disks (${disks} here).`,
  };
}
