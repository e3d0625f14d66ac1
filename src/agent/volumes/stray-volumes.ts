import { formatBytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { REMOVE_STRAYS, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { OUR_TAG } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import type { Standing } from '../storage/conditions.ts';
import type { VolumeWriter } from './write-volume.ts';

/** A logical volume of ours that no LocalVolume speaks of, such as one whose node was called lost and has come back. */
export interface StrayVolume {
  readonly vgName: string;
  readonly vgUuid: string;
  readonly volume: LvmVolume;
}

/** The strays of a node, and what an administrator wants of them. */
export interface StrayVolumes {
  /** Takes in what was seen. Strays are those of two looks in a row: an object may have gone since one look. */
  look(groups: readonly LvmGroup[]): void;
  /** Whether the last look found any for the first time: only another look can tell. */
  isUnsure(): boolean;
  /** How the node stands for its strays; none when it has none. */
  standings(): readonly Standing[];
  /**
   * Writes of a stray that is being removed: it has no object. Its name may be that of a volume of another node, which
   * was made there after this node had been let go of.
   */
  readonly write: VolumeWriter;
  /** The strays that the annotation REMOVE_STRAYS names by UUID, each as a LocalVolume that is being deleted. */
  toRemove(nls: Pick<NodeLocalStorage, 'metadata'>): readonly LocalVolume[];
}

/** `hasObject` says whether a LocalVolume of this node has that name; `label` is what all of them bear. */
export function createStrayVolumes(hasObject: (name: string) => boolean, label: string): StrayVolumes {
  let suspected = new Set<string>();
  let strays: readonly StrayVolume[] = [];
  /** Why those that are to be erased are there still, by UUID. */
  const problems = new Map<string, string>();
  return {
    look: (groups) => {
      const found = findStrays(groups, hasObject);
      strays = found.filter(({ volume }) => suspected.has(volume.uuid));
      suspected = new Set(found.map(({ volume }) => volume.uuid));
      for (const uuid of problems.keys()) if (!suspected.has(uuid)) problems.delete(uuid);
    },
    isUnsure: () => suspected.size > strays.length,
    standings: () => (strays.length === 0 ? [] : [standingOf(strays, problems, label)]),
    write: writerOf(problems),
    toRemove: ({ metadata }) => {
      const wanted = new Set((metadata.annotations?.[REMOVE_STRAYS] ?? '').split(/[\s,]+/));
      return strays
        .filter(({ volume }) => wanted.has(volume.uuid) && !hasObject(volume.name))
        .map((stray) => asDeleted(stray, metadata.name ?? ''));
    },
  };
}

/** Groups of other machines, and those that may be another's, have volumes with our tag too: none of our business. */
function findStrays(groups: readonly LvmGroup[], hasObject: (name: string) => boolean): StrayVolume[] {
  return groups
    .filter(({ foreign, exported, doubt }) => !foreign && !exported && !doubt)
    .flatMap(({ name: vgName, uuid: vgUuid, volumes }) =>
      volumes
        .filter(({ name, tags }) => tags.includes(OUR_TAG) && !hasObject(name))
        .map((volume) => ({ vgName, vgUuid, volume })),
    );
}

function standingOf(strays: readonly StrayVolume[], problems: ReadonlyMap<string, string>, label: string): Standing {
  const list = strays.map(
    ({ vgName, volume: { name, size, uuid } }) => `${vgName}/${name} (${formatBytes(size)}, UUID ${uuid})`,
  );
  const message =
    `No LocalVolume speaks of these logical volumes, which open-local made: ${list.join(', ')}. Their data is kept and ` +
    `their room is not used. To keep one, create a LocalVolume of its name, group and size for this node, with the label ` +
    `${label}. To erase one that nobody needs, write its UUID into the annotation ${REMOVE_STRAYS} of this object.` +
    strays
      .flatMap(({ vgName, volume: { name, uuid } }) => {
        const problem = problems.get(uuid);
        return problem === undefined ? [] : [` ${vgName}/${name} is not erased yet: ${problem}`];
      })
      .join('');
  return { type: 'StrayVolumes', ok: false, reason: 'VolumesFound', message };
}

function writerOf(problems: Map<string, string>): VolumeWriter {
  const nothingElse = (): Promise<never> => Promise.reject(new Error('a volume without an object is removed, no more'));
  return {
    problem: async ({ status }, { message }) => {
      problems.set(status?.volumeUuid ?? '', message);
      return false; // the condition tells it
    },
    pending: async ({ status }, message) => void problems.set(status?.volumeUuid ?? '', message),
    release: async ({ status }) => void problems.delete(status?.volumeUuid ?? ''),
    ...{ ready: nothingElse, copying: nothingElse, copyLost: nothingElse, fill: nothingElse, hold: nothingElse },
    ...{ markFormatting: nothingElse, markFormatted: nothingElse, markEncrypting: nothingElse },
    ...{ markEncrypted: nothingElse, markDisk: nothingElse, markFilesystem: nothingElse },
  };
}

/** Removed like any other volume: while it is what it was seen to be, never while it is mounted, and erased first. */
const asDeleted = ({ vgName, vgUuid, volume }: StrayVolume, nodeName: string): LocalVolume => ({
  metadata: { name: volume.name, deletionTimestamp: new Date(0).toISOString(), finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName, kind: 'LVM', vgName, sizeBytes: volume.size, role: volume.snapshot ? 'Snapshot' : 'Volume' },
  status: { phase: 'Deleting', sizeBytes: volume.size, groupUuid: vgUuid, volumeUuid: volume.uuid },
});
