import type { Log } from '../model/log.ts';
import { createWorkQueue, type WorkQueue, type WorkQueueOptions } from '../kube/work/work-queue.ts';

/** What a queue does with each of its keys. */
export type Job = WorkQueueOptions['reconcile'];

/** A work queue that is told what it does only when it runs, so that jobs may add to each other's queues. */
export interface JobQueue extends Pick<WorkQueue, 'add' | 'addAfter' | 'stats'> {
  /** Works until aborted. To be called once. */
  run(job: Job, signal: AbortSignal): Promise<void>;
}

/** An agent's work, by kind. */
export interface Queues {
  /** One key: the node's storage is to be looked at and reported. */
  readonly node: JobQueue;
  /** Names of volumes that are to be made, grown or looked at. */
  readonly volumes: JobQueue;
  /** Names of volumes that are to be filled from others. */
  readonly copies: JobQueue;
  /** Names of volumes that are to be removed. */
  readonly removals: JobQueue;
  /** One key: limits of IO are to be set. */
  readonly limits: JobQueue;
  /** One key: it is to be looked how full the stores of snapshots are. */
  readonly fill: JobQueue;
  /** One key: inline volumes that the kubelet has forgotten are to be found. */
  readonly inline: JobQueue;
}

/**
 * So many of one group wait for its lock, and share what its holder looks at: settle-together.ts. Those of a group
 * whose disks do not answer wait for long, and keep no other group waiting. Removals are a queue of their own, since
 * erasing keeps no other work waiting.
 */
const VOLUMES_AT_ONCE = 64;

/** A copy keeps its disks busy, so that more of them at once are no faster, and its program takes 50 MB. */
const COPIES_AT_ONCE = 1;

/** `placeOf` tells of a volume on which group or disk it is. */
export const createQueues = (log: Log, placeOf: (volume: string) => string): Queues => ({
  node: createJobQueue({ name: 'node', log }),
  volumes: createJobQueue({ name: 'volumes', log, concurrency: VOLUMES_AT_ONCE, placeOf }),
  copies: createJobQueue({ name: 'copies', log, concurrency: COPIES_AT_ONCE }),
  removals: createJobQueue({ name: 'removals', log, concurrency: VOLUMES_AT_ONCE, placeOf }),
  limits: createJobQueue({ name: 'limits', log }),
  fill: createJobQueue({ name: 'fill', log }),
  inline: createJobQueue({ name: 'inline', log }),
});

function createJobQueue(options: Omit<WorkQueueOptions, 'reconcile'>): JobQueue {
  let job: Job = () => Promise.resolve();
  const queue = createWorkQueue({ ...options, reconcile: (key, signal) => job(key, signal) });
  return {
    ...queue,
    run: (given, signal) => {
      job = given;
      return queue.run(signal);
    },
  };
}
