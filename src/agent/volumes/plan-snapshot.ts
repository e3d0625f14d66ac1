import { bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { present } from '../../model/present.ts';
import { isLargeEnough } from '../../lvm/snapshots.ts';
import { OUR_TAG, volumeDevicePath } from '../../lvm/names.ts';
import { isUnfinished } from '../../lvm/create-volumes.ts';
import { ailmentOf } from '../../lvm/health.ts';
import type { LvmGroup, LvmVolume, SnapshotFacts } from '../../lvm/report.ts';
import { findVolume } from './find-group.ts';
import { unfitGroup } from './unfit-group.ts';
import { hasBeenReady, refuse, type InGroup, type VolumeStep } from './volume-step.ts';

/** A snapshot that is not there, or whose taking was cut: it is taken of a volume that is whole, and of no other. */
export function planTaking(volume: LocalVolume, group: LvmGroup, source: LocalVolume | undefined): VolumeStep {
  const { vgName = '', sizeBytes } = volume.spec;
  const origin = volume.spec.source?.volume ?? '';
  if (hasBeenReady(volume))
    return refuse('VolumeLost', `Snapshot ${vgName}/${volume.metadata.name} is gone: another would show other data.`);
  if (group.doubt) return refuse('GroupMismatch', group.doubt.message);
  const found = group.volumes.find(({ name }) => name === origin);
  const finding = found ? unfit(found, source) : 'is not there: nothing can be snapshotted';
  if (!found || finding !== undefined) return refuse('SourceMissing', `Logical volume ${vgName}/${origin} ${finding}.`);
  return (
    unfitGroup(group) ?? {
      kind: 'take',
      sizeBytes: bytes(sizeBytes),
      vgUuid: group.uuid,
      origin,
      originUuid: found.uuid,
    }
  );
}

/** Why nothing is to be taken of a logical volume; goes on from its name. */
function unfit(found: LvmVolume, source: LocalVolume | undefined): string | undefined {
  const recorded = source?.status?.volumeUuid;
  if (isUnfinished(found)) return 'is not finished yet';
  if (!found.tags.includes(OUR_TAG)) return 'was not made by open-local: it is let alone';
  if (recorded !== undefined && recorded !== found.uuid) return `is ${found.uuid}, not the volume's own ${recorded}`;
  return ailmentOf(found);
}

/** Its own logical volume is there and active. */
export function planSnapshot(
  volume: LocalVolume,
  { which, found, group }: { readonly which: InGroup; readonly found: LvmVolume; readonly group: LvmGroup },
): VolumeStep {
  const { vgName = '', source, sizeBytes } = volume.spec;
  const { name = '' } = volume.metadata;
  const { snapshot: facts } = found;
  if (!facts || found.origin !== source?.volume)
    return refuse('VolumeMismatch', `Logical volume ${vgName}/${name} is no snapshot of ${source?.volume} any more.`);
  if (isLost(facts, volume)) return overflowed(`Snapshot ${name}`);
  const wanted = bytes(sizeBytes);
  if (isLargeEnough(found, wanted)) {
    const snapshot = { sourceBytes: facts.originSize, ...present({ takenAt: facts.takenAt }) };
    return { kind: 'ready', sizeBytes: found.size, devicePath: volumeDevicePath(vgName, name), snapshot, ...which };
  }
  if (group.doubt) return refuse('GroupMismatch', group.doubt.message);
  return unfitGroup(group) ?? { kind: 'extend', sizeBytes: wanted, ...which };
}

const isLost = ({ invalid }: SnapshotFacts, { status }: LocalVolume): boolean =>
  invalid || status?.snapshot?.overflowed === true;

/**
 * A volume that is its source snapshot itself: it has nothing of its own on the node, so removing it removes nothing.
 */
export function planReader(
  volume: LocalVolume,
  groups: readonly LvmGroup[],
  snapshot: LocalVolume | undefined,
): VolumeStep {
  if (volume.metadata.deletionTimestamp !== undefined) return { kind: 'gone' };
  const id = volume.spec.source?.snapshot ?? '';
  const found = snapshot && findVolume(snapshot, groups);
  const group = found && groups.find(({ volumes }) => volumes.includes(found));
  if (!snapshot || !group || !found.snapshot || isUnfinished(found))
    return refuse('SourceMissing', `Snapshot ${id} is not there: this volume shows it, and has nothing of its own.`);
  if (isLost(found.snapshot, snapshot)) return overflowed(`Snapshot ${id}`);
  if (found.active === false) return refuse('SourceMissing', `Snapshot ${id} is not active yet.`);
  const [devicePath, which] = [volumeDevicePath(group.name, id), { vgUuid: group.uuid, uuid: found.uuid }];
  return { kind: 'ready', sizeBytes: found.snapshot.originSize, devicePath, ...which };
}

const overflowed = (what: string): VolumeStep => ({
  kind: 'wait',
  reason: 'SnapshotOverflowed',
  message: `${what} overflowed: more of its source was overwritten than its store had room for, and what it showed is lost. Delete it; its source is unharmed.`,
});

/** What needs the data of a volume that is to be removed, other than pods; undefined when nothing does. */
export function keptBy(
  { name }: Pick<LvmVolume, 'name'>,
  { volumes }: Pick<LvmGroup, 'volumes'>,
  others: Iterable<LocalVolume>,
): (VolumeStep & { readonly kind: 'wait' }) | undefined {
  const goes = 'it is removed with the last of them';
  const snapshots = volumes.filter(({ origin }) => origin === name);
  if (snapshots.length > 0)
    return { kind: 'wait', reason: 'KeptBySnapshot', message: `Has snapshots (${namesOf(snapshots)}): ${goes}.` };
  const readers = [...others].filter((other) => needs(other, name)).map(({ metadata }) => metadata);
  if (readers.length === 0) return undefined;
  return { kind: 'wait', reason: 'KeptByReader', message: `Is read by volumes (${namesOf(readers)}): ${goes}.` };
}

const namesOf = (things: readonly { readonly name?: string }[]): string =>
  things
    .map(({ name }) => name ?? '')
    .toSorted()
    .join(', ');

/** The volumes that are the snapshot itself, by name. */
export const readersOf = (snapshot: string, volumes: ReadonlyMap<string, LocalVolume>): readonly string[] =>
  [...volumes].flatMap(([name, { spec }]) => (spec.readOnly && spec.source?.snapshot === snapshot ? [name] : []));

/** It shows the other's data, or is being filled from it. */
function needs({ metadata, spec, status }: LocalVolume, name: string): boolean {
  if (spec.source?.snapshot !== name) return false;
  return spec.readOnly === true || (metadata.deletionTimestamp === undefined && status?.sizeBytes === undefined);
}
