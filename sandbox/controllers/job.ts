import { isDeepStrictEqual } from 'node:util';
import { PODS } from '../../src/kube/resource.ts';
import type { Pod } from '../../src/model/objects.ts';
import type { Deps } from './deps.ts';
import { JOBS, type Job } from './kinds.ts';
import { deletePods, isActive, ownedBy, ownersOf, podOfTemplate } from './owned.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';

/**
 * Stands in for the Job controller and for garbage collection of its pods: keeps up to `parallelism` pods at work until
 * `completions` of them have succeeded. Its pods never fail here. Keys are Jobs.
 */
export function createJobs(deps: Deps): StandIn {
  const { pods, jobs } = deps.stores;
  /** Uids of pods that were made and have not been seen, by the uid of their Job. */
  const expected = new Map<string, Set<string>>();
  return {
    name: 'job',
    wakes: [onChange(jobs, (job) => [keyOf(job)]), onChange(pods, ownersOf('Job'))],
    reconcile: async (key, signal) => {
      const job = jobs.get(key);
      const uid = job?.metadata.uid;
      const { own, orphaned } = ownedBy({ kind: 'Job', key, uid }, pods.list());
      await deletePods(orphaned, deps, signal);
      if (!job || uid === undefined || job.metadata.deletionTimestamp !== undefined) return;
      const unseen = expected.get(uid) ?? new Set();
      expected.set(uid, unseen);
      for (const { metadata } of own) unseen.delete(metadata.uid ?? '');
      await startPods(job, { own, unseen }, deps, signal);
      await reportStatus(job, own, deps, signal);
    },
  };
}

const succeeded = (pods: readonly Pod[]): number => pods.filter(({ status }) => status?.phase === 'Succeeded').length;

async function startPods(
  job: Job,
  { own, unseen }: { readonly own: readonly Pod[]; readonly unseen: Set<string> },
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { parallelism = 1, completions = parallelism, template } = job.spec ?? {};
  const wanted = Math.min(parallelism, completions - succeeded(own));
  const name = job.metadata.name ?? '';
  for (let active = own.filter(isActive).length + unseen.size; active < wanted; active += 1) {
    const pod = podOfTemplate(JOBS, job, template);
    const labels = { ...pod.metadata.labels, 'job-name': name, 'batch.kubernetes.io/job-name': name };
    const made = await client.create(PODS, { ...pod, metadata: { ...pod.metadata, labels } }, signal);
    unseen.add(made.metadata.uid ?? '');
  }
}

async function reportStatus(job: Job, own: readonly Pod[], { client }: Deps, signal: AbortSignal): Promise<void> {
  const { parallelism = 1, completions = parallelism } = job.spec ?? {};
  const done = succeeded(own);
  const complete = done >= completions;
  const status = {
    active: own.filter(isActive).length,
    succeeded: done,
    startTime: job.status?.startTime ?? new Date().toISOString(),
    ...(complete
      ? {
          completionTime: job.status?.completionTime ?? new Date().toISOString(),
          conditions: [{ type: 'Complete', status: 'True', reason: 'CompletionsReached', message: '' }],
        }
      : {}),
  };
  if (isDeepStrictEqual({ ...job.status, ...status }, job.status)) return;
  await client.patch(JOBS, splitKey(keyOf(job)), { type: 'merge', body: { status } }, signal, 'status');
}
