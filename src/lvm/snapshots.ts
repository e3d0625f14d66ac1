import type { Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { present } from '../model/present.ts';
import { largestStore } from '../model/snapshot-store.ts';
import type { NewSnapshot } from './argv.ts';
import { OUR_TAG } from './names.ts';
import type { LvmGroup, LvmVolume } from './report.ts';
import { assertIsIt } from './same-volume.ts';

/** Throws Fault: `not-found` unless the volume is there, `precondition` unless it is the one that is meant. */
export function assertOrigin(wanted: NewSnapshot, { volumes }: Pick<LvmGroup, 'volumes'>): void {
  const { vgName, origin, originUuid } = wanted;
  const found = volumes.find(({ name }) => name === origin);
  if (!found) throw new Fault('not-found', `logical volume ${vgName}/${origin} is not there: nothing to snapshot`);
  assertIsIt({ vgName, name: origin, ...present({ uuid: originUuid }) }, found);
  if (found.origin !== undefined)
    throw new Fault(
      'invalid',
      `logical volume ${vgName}/${origin} is a snapshot itself: snapshots are taken of volumes only`,
    );
}

/** Throws Fault `conflict` unless what bears the name is ours, a snapshot of the volume, and large enough. */
export function assertSameSnapshot(wanted: NewSnapshot, found: LvmVolume): void {
  assertSnapshotOf(wanted, found);
  if (isLargeEnough(found, wanted.sizeBytes)) return;
  const what = `logical volume ${wanted.vgName}/${wanted.name}`;
  throw new Fault('conflict', `${what} exists with ${found.size} bytes, fewer than ${wanted.sizeBytes} asked for`);
}

/** As assertSameSnapshot, of whatever size. */
export function assertSnapshotOf({ vgName, name, origin }: NewSnapshot, found: LvmVolume): void {
  const what = `logical volume ${vgName}/${name}`;
  if (!found.tags.includes(OUR_TAG)) throw new Fault('conflict', `${what} exists and was not made by open-local`);
  if (found.origin !== origin || !found.snapshot)
    throw new Fault('conflict', `${what} exists and is no snapshot of ${origin}`);
}

/** As large as asked; a snapshot's store may also be as large as it can be. */
export const isLargeEnough = ({ size, snapshot }: LvmVolume, wanted: Bytes): boolean =>
  size >= wanted || (snapshot !== undefined && size >= largestStore(snapshot.originSize));

/** Throws Fault `precondition`: lvremove would take the snapshots of a volume along, without asking. */
export function assertNoSnapshots(group: Pick<LvmGroup, 'name' | 'volumes'>, name: string): void {
  const snapshots = group.volumes.filter(({ origin }) => origin === name).map((volume) => volume.name);
  if (snapshots.length > 0)
    throw new Fault(
      'precondition',
      `logical volume ${group.name}/${name} has snapshots (${snapshots.join(', ')}): remove them first`,
    );
}
