import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import type { Disks } from '../../disk/disks.ts';
import type { SnapshotFill } from '../../lvm/fill.ts';
import type { Lvm } from '../../lvm/lvm.ts';
import { leadsElsewhere } from './leads-elsewhere.ts';
import type { SnapshotStatus, VolumeWriter } from './write-volume.ts';

/** A store that has taken in so much of its size since it was last told is told again. */
const STEP_PERCENT = 3;
/** What was written is told after so many ms, however little it was. */
const SLOW_MS = 60_000;

export interface FillDeps {
  readonly lvm: Pick<Lvm, 'fill'>;
  readonly disks: Pick<Disks, 'mapperUuid'>;
  readonly volumes: ReadonlyMap<string, LocalVolume>;
  readonly write: Pick<VolumeWriter, 'fill'>;
  /** Called with the name of a snapshot that overflowed: it, and what shows it, no longer serve. */
  readonly onOverflow: (name: string) => void;
  /** ms of a clock that only goes on. */
  readonly now: () => number;
  readonly log: Log;
}

/** A snapshot whose store may be filling. */
export const isFilling = ({ spec, status }: LocalVolume): boolean =>
  spec.role === 'Snapshot' && status?.volumeUuid !== undefined && status.snapshot?.overflowed !== true;

/**
 * Gives a function that looks how full the stores of all snapshots are, and tells what has to be known. The operator
 * decides how far a store grows: nothing is grown here.
 */
export function createFillWatch(deps: FillDeps): (signal: AbortSignal) => Promise<void> {
  const { lvm, volumes, write, onOverflow, now } = deps;
  const toldAt = new Map<string, number>();
  return async (signal) => {
    const filling = [...volumes.values()].filter(isFilling);
    const fills = filling.length === 0 ? [] : await lvm.fill(signal);
    for (const volume of filling) {
      const { name = '' } = volume.metadata;
      const fill = await ownFill(volume, fills, deps.disks, signal);
      if (!fill || !isNews(volume, fill, now() - (toldAt.get(name) ?? 0))) continue;
      toldAt.set(name, now());
      const { usedBytes, overflowed } = fill;
      await write.fill(volume, overflowed ? { overflowed } : { usedBytes }, signal);
      if (overflowed) onOverflow(name);
    }
    for (const name of toldAt.keys()) if (!volumes.has(name)) toldAt.delete(name);
  };
}

/** What a snapshot's status says of its store at once; nothing where that cannot be known. */
export async function fillOf(
  volume: LocalVolume,
  { lvm, disks }: Pick<FillDeps, 'lvm' | 'disks'>,
  signal: AbortSignal,
): Promise<SnapshotStatus> {
  const { usedBytes: before = 0, overflowed } = volume.status?.snapshot ?? {};
  const known = { overflowed: overflowed ?? false };
  try {
    const fill = await ownFill(volume, await lvm.fill(signal), disks, signal);
    return fill && !fill.overflowed ? { ...known, usedBytes: Math.max(before, fill.usedBytes) } : known;
  } catch {
    signal.throwIfAborted();
    return known; // the watch tells it
  }
}

/** A second group of the same name may be the one that is active. */
async function ownFill(
  { metadata, spec, status = {} }: LocalVolume,
  fills: readonly SnapshotFill[],
  disks: Pick<Disks, 'mapperUuid'>,
  signal: AbortSignal,
): Promise<SnapshotFill | undefined> {
  const fill = fills.find(({ vgName, name }) => vgName === spec.vgName && name === metadata.name);
  const { groupUuid: vgUuid, volumeUuid: uuid, devicePath } = status;
  if (!fill || devicePath === undefined) return fill;
  return (await leadsElsewhere(devicePath, { vgUuid, uuid }, disks, signal)) ? undefined : fill;
}

/**
 * Pure: whether a look at a store is worth a write. Above the threshold all that was written is: by two looks the
 * operator knows how fast the store fills.
 */
export function isNews(
  { spec, status }: Pick<LocalVolume, 'spec' | 'status'>,
  { usedBytes, storeBytes, overflowed }: Pick<SnapshotFill, 'usedBytes' | 'storeBytes' | 'overflowed'>,
  sinceMs: number,
): boolean {
  const before = status?.snapshot ?? {};
  if (overflowed) return before.overflowed !== true;
  if (before.usedBytes === undefined) return true;
  const more = usedBytes - before.usedBytes;
  if (more <= 0) return false;
  const threshold = spec.copyOnWrite?.thresholdPercent ?? 0;
  return usedBytes * 100 >= storeBytes * threshold || more * 100 >= storeBytes * STEP_PERCENT || sinceMs >= SLOW_MS;
}
