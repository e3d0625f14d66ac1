import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import {
  GroupControllerServiceCapability_RPC_Type as Rpc,
  type DeleteVolumeGroupSnapshotRequest,
  type GetVolumeGroupSnapshotRequest,
  type GroupControllerService,
  type GroupControllerServiceCapability,
  type VolumeGroupSnapshot,
} from '../gen/csi.ts';
import type { Topology, Volumes } from '../ports.ts';
import type { Handlers } from '../service.ts';
import { isSnapshot } from './csi-snapshot.ts';
import { deleteUnlessNeeded } from './delete-needed.ts';
import { checkNothingLeft, type DeleteSnapshotDeps } from './delete-snapshot.ts';
import { checkSnapshotIds, membersOf, toCsiGroupSnapshot } from './group-members.ts';
import { makeGroupSnapshot, parseCreateGroupSnapshot } from './make-group-snapshot.ts';
import type { MakeSnapshotDeps } from './make-snapshot.ts';
import type { CallOrder } from './snapshot-calls.ts';

const CAPABILITIES = [Rpc.CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT].map((type): GroupControllerServiceCapability => ({
  type: { $case: 'rpc', value: { type } },
}));

export type GroupCallsDeps = MakeSnapshotDeps & DeleteSnapshotDeps & { readonly topology: Topology };

/** The calls of the group controller: snapshots of several volumes at one moment. */
export function groupCalls(
  deps: GroupCallsDeps,
  { checkReady, one }: Omit<CallOrder, 'pages'>,
): Handlers<typeof GroupControllerService> {
  return {
    groupControllerGetCapabilities: async () => ({ capabilities: CAPABILITIES }),

    createVolumeGroupSnapshot: async (request, { signal }) => {
      const wanted = parseCreateGroupSnapshot(request);
      const members = await one(wanted.id, () => makeGroupSnapshot(wanted, deps, signal), signal);
      return { groupSnapshot: toCsiGroupSnapshot(wanted.id, members, deps.topology) };
    },

    deleteVolumeGroupSnapshot: async (request, { signal }) => {
      checkId(request.groupSnapshotId);
      await one(request.groupSnapshotId, () => deleteGroupSnapshot(request, deps, signal), signal);
      return {};
    },

    getVolumeGroupSnapshot: async (request) => {
      checkId(request.groupSnapshotId);
      checkReady();
      return { groupSnapshot: getGroupSnapshot(request, deps) };
    },
  };
}

function checkId(groupSnapshotId: string): void {
  if (groupSnapshotId === '') throw new Fault('invalid', 'group_snapshot_id is missing');
}

/**
 * Removes all snapshots of the group, or none; what mounts one or is being copied from it keeps its data for as long.
 * Throws Fault as `deleteSnapshot`.
 */
async function deleteGroupSnapshot(
  { groupSnapshotId: id, snapshotIds }: DeleteVolumeGroupSnapshotRequest,
  deps: GroupCallsDeps,
  signal: AbortSignal,
): Promise<void> {
  const members = membersOf(id, deps.volumes.all());
  checkSnapshotIds(id, snapshotIds, members, { gone: true });
  const others = snapshotIds.filter((one) => !members.some(({ metadata }) => metadata.name === one));
  for (const other of others) await checkGone(id, other, deps, signal);
  for (const { metadata } of members) await checkNotGiven(id, metadata.name ?? '', deps, signal);
  await Promise.all(members.map((member) => deleteUnlessNeeded(member, deps, signal)));
}

/** A retry may name what the first call removed; what is there all the same is another's. */
async function checkGone(id: string, snapshotId: string, deps: GroupCallsDeps, signal: AbortSignal): Promise<void> {
  if ((await deps.volumes.find(snapshotId, signal)) !== undefined)
    throw new Fault('invalid', `snapshot_ids are not those of group snapshot ${id}: ${snapshotId} is none of them`);
  await checkNothingLeft(snapshotId, deps, signal);
}

/** A second VolumeSnapshotContent is how a part is given to another namespace. */
async function checkNotGiven(id: string, part: string, { traces }: GroupCallsDeps, signal: AbortSignal): Promise<void> {
  const names = await traces.snapshotGivenTo(part, signal);
  if (names.length === 0) return;
  throw new Fault(
    'precondition',
    `group snapshot ${id} is left alone, since its snapshot ${part} is shared: VolumeSnapshotContent ` +
      `${names.join(', ')} would lose its data. Delete that first.`,
  );
}

function getGroupSnapshot(
  { groupSnapshotId: id, snapshotIds }: GetVolumeGroupSnapshotRequest,
  { volumes, topology }: { readonly volumes: Pick<Volumes, 'all'>; readonly topology: Topology },
): VolumeGroupSnapshot {
  const members: readonly LocalVolume[] = membersOf(id, volumes.all()).filter(isSnapshot);
  if (members.length === 0) throw new Fault('not-found', `there is no group snapshot ${id}`);
  checkSnapshotIds(id, snapshotIds, members);
  return toCsiGroupSnapshot(id, members, topology);
}
