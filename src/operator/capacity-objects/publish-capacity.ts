import type { Clock } from '../../wait/clock.ts';
import { pause } from '../../wait/pause.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { PlaceRequest } from '../../capacity/books/create-volume.ts';
import type { Topology } from '../../csi/ports.ts';
import { createWorkQueue, type Again, type WorkQueueStats } from '../../kube/work/work-queue.ts';
import type { Bytes } from '../../model/bytes.ts';
import { present } from '../../model/present.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import { createCapacityObjects, stepsTo, type CapacityObjects, type CapacityObjectsDeps } from './capacity-objects.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import { planCapacity, type PlannedCapacity } from './plan-capacity.ts';
import { createTightNodes, type TightNodes } from './tight-nodes.ts';
import { createWholeSizes, type WholeSizes } from './largest-places.ts';

export interface CapacityDeps extends CapacityObjectsDeps {
  readonly ledger: Pick<Ledger, 'capacity' | 'classes' | 'onFreed'>;
  readonly informers: Informers;
  readonly topology: Pick<Topology, 'hostnameOf'>;
  /** Whether a pod waits for room that the extender did not find. */
  readonly isAwaited: () => boolean;
  /** Ms that only ever grow. */
  readonly now: () => number;
  /** By which it looks again when the time of an object is over. Absent: the machine's. */
  readonly clock?: Clock;
}

/** Keeps the CSIStorageCapacity objects as `planCapacity` has them, and removes those of ours that are left over. */
export interface CapacityPublisher {
  /** CreateVolume turned this volume away. */
  refused(ask: Pick<PlaceRequest, 'policy' | 'size' | 'nodes'>): void;
  /** Works until aborted. */
  run(signal: AbortSignal): Promise<void>;
  stats(): WorkQueueStats;
}

/** At most MAX_WRITES objects are written in this time. Ms. */
const PACE_MS = 500;
const MAX_WRITES = 50;
const ALL = 'all';

export function createCapacityPublisher(deps: CapacityDeps): CapacityPublisher {
  const { ledger, informers, log, now, clock } = deps;
  const objects = createCapacityObjects(deps);
  const tight = createTightNodes();
  const whole = createWholeSizes({ ledger, storages: informers.storages });

  let isFreed = false;

  const publish = async (_: string, signal: AbortSignal): Promise<Again | void> => {
    const leftMs = tight.expire(now());
    const isAwaited = isFreed;
    isFreed = false;
    const steps = stepsTo(objects.owner() ? plan(deps, { tight, whole, objects }) : [], objects.published.values);
    for (const step of steps.slice(0, MAX_WRITES)) await objects.write(step, signal);
    // Any write wakes kube-scheduler, so the mark is written only when there is nothing else to write.
    if (isAwaited && steps.length === 0) await objects.touch(String(now()), signal);
    await pause(PACE_MS, signal);
    if (steps.length > MAX_WRITES) return { afterMs: 0 };
    return leftMs === undefined ? undefined : { afterMs: leftMs };
  };
  const queue = createWorkQueue({ name: 'capacity', log, reconcile: publish, ...present({ clock }) });
  const look = (): void => queue.add(ALL);

  /** Changes of room are published for tight nodes only: the object for all other nodes does not depend on them. */
  const listen = (): (() => void)[] => {
    const any = { changed: look, deleted: look };
    const ifTight = (): void => {
      if (tight.expire(now()) !== undefined) look();
    };
    const onFreed = (): void => {
      if (!deps.isAwaited()) return ifTight();
      isFreed = true;
      look();
    };
    return [
      objects.driver.subscribe(any),
      objects.published.subscribe(any),
      informers.classes.subscribe(any),
      informers.volumes.subscribe({ changed: ifTight, deleted: ifTight }),
      ledger.onFreed(onFreed),
      whole.onChange(look),
    ];
  };

  return {
    stats: () => queue.stats(),
    refused: ({ policy, size, nodes }) => {
      const [node, ...more] = nodes ?? [];
      // kube-scheduler names one node; a caller that names several, or none, does not read these objects.
      if (node === undefined || more.length > 0) return;
      tight.note(policy, node, nodesWithout(deps, policy, size), now());
      look();
    },
    run: async (signal) => {
      const { driver, published } = objects;
      const following = Promise.all([driver.run(signal), published.run(signal)]);
      const synced = await allSynced(informers, signal, driver, published);
      const leave = synced ? listen() : [];
      await queue.run(signal);
      for (const stop of leave) stop();
      await following;
    },
  };
}

/** Nodes where such a volume does not fit, found one by one: the caller takes the first few. */
function* nodesWithout({ ledger, informers }: CapacityDeps, policy: VolumePolicy, size: Bytes): Iterable<string> {
  for (const node of informers.storages.values.keys()) if (ledger.capacity(policy, node).largest < size) yield node;
}

function plan(
  { ledger, topology, namespace }: CapacityDeps,
  {
    tight,
    whole,
    objects,
  }: {
    readonly tight: Pick<TightNodes, 'of'>;
    readonly whole: Pick<WholeSizes, 'of'>;
    readonly objects: Pick<CapacityObjects, 'published'>;
  },
): readonly PlannedCapacity[] {
  return planCapacity({
    classes: ledger.classes(),
    tight: (policy) => tight.of(policy),
    capacity: (policy, node) => ledger.capacity(policy, node),
    whole: (policy) => whole.of(policy),
    promised: (name) => objects.published.get(`${namespace}/${name}`)?.largest,
    hostnameOf: (node) => topology.hostnameOf(node),
  });
}
