import type { Ledger } from '../../capacity/ledger.ts';
import type { KubeClient } from '../../kube/client.ts';
import { faultOfWrite } from '../../kube/api-fault.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue, type Again } from '../../kube/work/work-queue.ts';
import { bytes, formatBytes, type Bytes } from '../../model/bytes.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import { percentFull, planStoreGrowth } from './plan-store.ts';

export interface GrowStoresDeps {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly informers: Informers;
  readonly ledger: Pick<Ledger, 'grow' | 'shrinkTo' | 'capacity' | 'onFreed'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Told after every change how many stores want to grow and find no room. */
  readonly onStuck: (stores: number) => void;
}

/** A store without room is tried again after so long, and whenever room is freed somewhere. */
const TRY_AGAIN_MS = 10_000;
/** One snapshot whose object cannot be written must not make the others wait. */
const AT_ONCE = 8;

/**
 * Grows the stores of snapshots before they are full, with room from the ledger; their agents extend them. Where there
 * is no room, an Event says so long before the store overflows. Works until aborted.
 */
export async function growStores(deps: GrowStoresDeps, signal: AbortSignal): Promise<void> {
  const { informers, ledger, log } = deps;
  const { volumes } = informers;
  const used = new Map<string, number>();
  const stuck = new Set<string>();
  const reconcile = async (name: string, stopping: AbortSignal): Promise<Again | void> => {
    const volume = volumes.get(name);
    const answer = volume ? await growStore(volume, used, deps, stopping) : undefined;
    if (answer === 'no room') stuck.add(name);
    else stuck.delete(name);
    deps.onStuck(stuck.size);
    return answer === 'no room' ? { afterMs: TRY_AGAIN_MS } : undefined;
  };
  const queue = createWorkQueue({ name: 'stores of snapshots', log, concurrency: AT_ONCE, reconcile });
  if (!(await allSynced(informers, signal))) return;
  const leave = [
    volumes.subscribe({
      changed: ({ metadata, spec }) => {
        if (spec.role === 'Snapshot') queue.add(metadata.name ?? '');
      },
      deleted: ({ metadata: { name = '' } }) => {
        used.delete(name);
        if (stuck.has(name)) queue.add(name);
      },
    }),
    ledger.onFreed(() => {
      for (const name of stuck) queue.add(name);
    }),
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}

/** One look at one store. Throws Fault when its object cannot be written; nothing is taken then. */
async function growStore(
  volume: LocalVolume,
  used: Map<string, number>,
  { client, informers, ledger, events, log }: GrowStoresDeps,
  signal: AbortSignal,
): Promise<'no room' | undefined> {
  const { name = '' } = volume.metadata;
  const before = bytes(volume.spec.sizeBytes);
  const growth = planStoreGrowth(volume, used.get(name));
  const { usedBytes } = volume.status?.snapshot ?? {};
  if (usedBytes !== undefined) used.set(name, usedBytes);
  if (growth === undefined) return undefined;
  const size = takeRoom(volume, growth, ledger);
  if (size === undefined) {
    events.record(tellNoRoom(volume, growth.least));
    return 'no room';
  }
  try {
    const patch = { type: 'merge', body: { spec: { sizeBytes: size } } } as const;
    informers.volumes.wrote(await client.patch(LOCAL_VOLUMES, { name }, patch, signal));
    log.info({ volume: name, action: formatBytes(size) }, 'the store of a snapshot grows');
    return undefined;
  } catch (error) {
    const fault = faultOfWrite(`growing the store of snapshot ${name}`, error);
    // It may have been written all the same: then its event says so, and the room stays taken until then.
    if (!(fault instanceof Fault && fault.kind === 'aborted')) ledger.shrinkTo(name, before);
    throw fault;
  }
}

/** What is wanted, else the least that helps, else what is left there. */
function takeRoom(
  { metadata: { name = '' }, spec }: LocalVolume,
  { wanted, least }: { readonly wanted: Bytes; readonly least: Bytes },
  ledger: GrowStoresDeps['ledger'],
): Bytes | undefined {
  const policy = { kind: 'LVM', vgName: spec.vgName ?? '', layout: 'linear', limits: {} } as const;
  const left = bytes(spec.sizeBytes + ledger.capacity(policy, spec.nodeName).largest);
  for (const size of [wanted, least, left]) {
    if (size <= spec.sizeBytes || size > wanted) continue;
    const answer = ledger.grow(name, size);
    if (answer.ok) return answer.size;
  }
  return undefined;
}

function tellNoRoom(volume: LocalVolume, least: Bytes) {
  const { metadata, spec } = volume;
  const full = percentFull(volume);
  return {
    subject: subjectOf(LOCAL_VOLUMES, metadata),
    type: 'Warning',
    reason: 'StoreCannotGrow' satisfies EventReason,
    message:
      `The snapshot's store is ${full}% full, and volume group ${spec.vgName} of node ${spec.nodeName} has no room for ` +
      `${formatBytes(least)}. When it is full the snapshot is lost, and its source goes on: delete snapshots or volumes ` +
      'of that group, or give it another disk.',
  } as const;
}
