import { Fault } from '../../model/fault.ts';
import type { ControllerService } from '../gen/csi.ts';
import type { Topology } from '../ports.ts';
import type { Handlers } from '../service.ts';
import { toCsiSnapshot } from './csi-snapshot.ts';
import { deleteSnapshot, type DeleteSnapshotDeps } from './delete-snapshot.ts';
import { getSnapshot, listSnapshots } from './list-snapshots.ts';
import { makeSnapshot, parseCreateSnapshot, type MakeSnapshotDeps } from './make-snapshot.ts';
import type { Pager } from './page-token.ts';

/** How calls wait for each other, and what they throw while nothing is known yet. */
export interface CallOrder {
  readonly checkReady: () => void;
  /** Runs the calls for one id one after another, once all can be answered. */
  readonly one: <T>(id: string, work: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly pages: Pager;
}

/** The calls of the controller that are about snapshots. */
export function snapshotCalls(
  deps: MakeSnapshotDeps & DeleteSnapshotDeps & { readonly topology: Topology },
  { checkReady, one, pages }: CallOrder,
): Handlers<typeof ControllerService> {
  return {
    createSnapshot: async (request, { signal }) => {
      const wanted = parseCreateSnapshot(request, deps.topology);
      const snapshot = await one(wanted.id, () => makeSnapshot(wanted, deps, signal), signal);
      return { snapshot: toCsiSnapshot(snapshot, deps.topology) };
    },

    deleteSnapshot: async ({ snapshotId }, { signal }) => {
      checkId(snapshotId);
      await one(snapshotId, () => deleteSnapshot(snapshotId, deps, signal), signal);
      return {};
    },

    listSnapshots: async (request) => {
      checkReady();
      return listSnapshots(request, { ...deps, pages });
    },

    getSnapshot: async ({ snapshotId }, { signal }) => {
      checkId(snapshotId);
      checkReady();
      return { snapshot: await getSnapshot(snapshotId, deps, signal) };
    },
  };
}

function checkId(snapshotId: string): void {
  if (snapshotId === '') throw new Fault('invalid', 'snapshot_id is missing');
}
