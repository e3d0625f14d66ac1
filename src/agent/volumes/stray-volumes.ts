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
  /**
   * Asks for the LocalVolumes that have the names of what was seen, and are no objects of this node as far as was
   * heard: once for each, since few are ever found. Throws what `find` throws.
   */
  ask(signal: AbortSignal): Promise<void>;
  /** Asks anew whether no LocalVolume speaks of what is to be removed; whose it is is told otherwise. */
  isNobodys(volume: LocalVolume, signal: AbortSignal): Promise<boolean>;
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

interface StraysDeps {
  /** Whether a LocalVolume of this node has the name of the logical volume, or records its UUID: it may be renamed. */
  readonly hasObject: (volume: Pick<LvmVolume, 'name' | 'uuid'>) => boolean;
  readonly nodeName: string;
  /** What all LocalVolumes of this node bear. */
  readonly label: string;
  /** The LocalVolume of any node that has the name. */
  readonly find: (name: string, signal: AbortSignal) => Promise<LocalVolume | undefined>;
}

/** Judges by the LocalVolumes of the node, by name. */
export const objectsIn =
  (volumes: ReadonlyMap<string, LocalVolume>): StraysDeps['hasObject'] =>
  ({ name, uuid }) =>
    volumes.has(name) || [...volumes.values()].some(({ status }) => status?.volumeUuid === uuid);

export function createStrayVolumes(deps: StraysDeps): StrayVolumes {
  const { hasObject, label, find } = deps;
  let suspected: readonly StrayVolume[] = [];
  let strays: readonly StrayVolume[] = [];
  /** Why those that are to be erased are there still, by UUID. */
  const problems = new Map<string, string>();
  /** Whose they are all the same, by UUID; undefined: nobody's, as far as was asked. */
  const owners = new Map<string, string | undefined>();
  return {
    look: (groups) => {
      const before = new Set(suspected.map(({ volume }) => volume.uuid));
      suspected = findStrays(groups, hasObject);
      strays = suspected.filter(({ volume }) => before.has(volume.uuid));
      const seen = new Set(suspected.map(({ volume }) => volume.uuid));
      for (const known of [problems, owners]) for (const uuid of known.keys()) if (!seen.has(uuid)) known.delete(uuid);
    },
    isUnsure: () => suspected.length > strays.length,
    ask: async (signal) => {
      for (const { vgName, volume } of suspected)
        if (!owners.has(volume.uuid))
          owners.set(volume.uuid, ownerOf(await find(volume.name, signal), { vgName, uuid: volume.uuid }, deps));
    },
    isNobodys: async ({ metadata: { name = '' }, spec: { vgName = '' }, status }, signal) => {
      const uuid = status?.volumeUuid ?? '';
      const owner = ownerOf(await find(name, signal), { vgName, uuid }, deps);
      owners.set(uuid, owner);
      return owner === undefined;
    },
    standings: () => (strays.length === 0 ? [] : [standingOf(strays, { problems, owners }, label)]),
    write: writerOf(problems),
    toRemove: ({ metadata }) => {
      const wanted = new Set((metadata.annotations?.[REMOVE_STRAYS] ?? '').split(/[\s,]/));
      return strays
        .filter(({ volume }) => wanted.has(volume.uuid) && !hasObject(volume))
        .map((stray) => asDeleted(stray, metadata.name ?? ''));
    },
  };
}

/**
 * Which LocalVolume speaks of the very logical volume, though this node was not told: its disk was moved here, the node
 * had another name, or the label was taken off. One from before UUIDs were recorded counts by group and name, once
 * it was made.
 */
function ownerOf(
  found: LocalVolume | undefined,
  { vgName, uuid }: { readonly vgName: string; readonly uuid: string },
  { nodeName, label }: StraysDeps,
): string | undefined {
  if (!found || found.spec.kind !== 'LVM') return undefined;
  const { volumeUuid, sizeBytes } = found.status ?? {};
  const isOlder = volumeUuid === undefined && sizeBytes !== undefined && found.spec.vgName === vgName;
  if (volumeUuid !== uuid && !isOlder) return undefined;
  const { name = '' } = found.metadata;
  return found.spec.nodeName === nodeName
    ? `LocalVolume ${name} of this node, which lacks the label ${label}: put it back`
    : `LocalVolume ${name} of node ${found.spec.nodeName}: bring the disk back there, or give this node that name`;
}

/** Groups of other machines, and those that may be another's, have volumes with our tag too: none of our business. */
function findStrays(groups: readonly LvmGroup[], hasObject: StraysDeps['hasObject']): StrayVolume[] {
  return groups
    .filter(({ foreign, exported, doubt }) => !foreign && !exported && !doubt)
    .flatMap(({ name: vgName, uuid: vgUuid, volumes }) =>
      volumes
        .filter((volume) => volume.tags.includes(OUR_TAG) && !hasObject(volume))
        .map((volume) => ({ vgName, vgUuid, volume })),
    );
}

interface Known {
  readonly problems: ReadonlyMap<string, string>;
  readonly owners: ReadonlyMap<string, string | undefined>;
}

function standingOf(strays: readonly StrayVolume[], { problems, owners }: Known, label: string): Standing {
  const [owned, nobodys] = [true, false].map((isOwned) =>
    strays.filter(({ volume }) => (owners.get(volume.uuid) !== undefined) === isOwned),
  );
  const message = [
    ...(nobodys?.length ? [aboutNobodys(nobodys, label)] : []),
    ...(owned?.length ? [aboutOwned(owned, owners)] : []),
    ...strays.flatMap(({ vgName, volume: { name, uuid } }) => {
      const problem = problems.get(uuid);
      return problem === undefined ? [] : [`${vgName}/${name} is not erased yet: ${problem}`];
    }),
  ].join(' ');
  return { type: 'StrayVolumes', ok: false, reason: 'VolumesFound', message };
}

const described = ({ vgName, volume: { name, size, uuid } }: StrayVolume): string =>
  `${vgName}/${name} (${formatBytes(size)}, UUID ${uuid})`;

const aboutNobodys = (strays: readonly StrayVolume[], label: string): string =>
  `No LocalVolume speaks of these logical volumes, which open-local made: ${strays.map(described).join(', ')}. Their data is kept and ` +
  `their room is not used. To keep one, create a LocalVolume of its name, group and size for this node, with the label ` +
  `${label}. To erase one that nobody needs, write its UUID into the annotation ${REMOVE_STRAYS} of this object.`;

const aboutOwned = (strays: readonly StrayVolume[], owners: Known['owners']): string => {
  const list = strays.map((stray) => `${described(stray)} is that of ${owners.get(stray.volume.uuid)}`);
  return `These logical volumes are somebody's, and are neither used nor erased: ${list.join('; ')}.`;
};

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
