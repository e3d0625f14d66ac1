import { repeat } from '../../daemon/repeat.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isForbidden, isNoSuchKind } from '../../kube/errors.ts';
import { createInformer, type Informer } from '../../kube/follow/informer.ts';
import { VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS } from '../../kube/resource.ts';
import { textOf } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { KubeObject } from '../../model/objects.ts';
import type { VolumeSnapshot, VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import type { Informers } from './informers.ts';
import {
  sourceFacts,
  viewOfContent,
  viewOfSnapshot,
  type ContentView,
  type SnapshotView,
} from './source-of-snapshot.ts';

export interface SnapshotSourcesDeps {
  readonly client: KubeClient;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly volumes: Pick<Informers['volumes'], 'get' | 'subscribe'>;
  readonly ledger: Pick<Ledger, 'sourceChanged' | 'sourceGone' | 'sourcesListed'>;
  readonly log: Log;
  /** Runs once the kinds of snapshots are there, until aborted. */
  readonly alongside: (informers: SnapshotInformers, signal: AbortSignal) => Promise<void>;
  /** How long to wait until it is looked again whether the cluster has snapshots, ms. */
  readonly lookAgainMs?: number;
}

/** What is followed of a cluster that has snapshots. */
export interface SnapshotInformers {
  readonly snapshots: Informer<VolumeSnapshot, SnapshotView>;
  readonly contents: Informer<VolumeSnapshotContent, ContentView>;
}

/**
 * Tells the ledger of the snapshots that claims may be made from: VolumeSnapshot → VolumeSnapshotContent → LocalVolume.
 * The kinds of snapshots are the cluster's: where they are missing, or may not be read, that is logged once, nothing
 * else waits for them, and they are followed once they are there. Works until aborted.
 */
export async function followSnapshots(deps: SnapshotSourcesDeps, signal: AbortSignal): Promise<void> {
  const { client, log, lookAgainMs = 30_000 } = deps;
  const found = new AbortController();
  let told = '';
  const look = async (): Promise<void> => {
    const missing = await whyMissing(client, signal);
    if (missing === undefined) return found.abort();
    if (missing !== told) log.info({ action: missing }, 'snapshots cannot be followed: no pod finds one to mount');
    told = missing;
  };
  const onError = (err: unknown): void => log.warn({ err }, 'looking for the kinds of snapshots failed');
  await repeat(lookAgainMs, look, onError, AbortSignal.any([signal, found.signal]));
  if (signal.aborted) return;
  if (told !== '') log.info({}, 'snapshots are followed from now on');
  await follow(deps, signal);
}

/** Why the kinds cannot be read now, for a person. Throws what says nothing of it. */
async function whyMissing(client: KubeClient, signal: AbortSignal): Promise<string | undefined> {
  for (const resource of [VOLUME_SNAPSHOTS, VOLUME_SNAPSHOT_CONTENTS]) {
    try {
      await client.list<KubeObject>(resource, { limit: 1 }, signal);
    } catch (error) {
      if (!isForbidden(error) && !isNoSuchKind(error)) throw error;
      return isNoSuchKind(error)
        ? `the cluster has no ${resource.plural}.${resource.group}: install snapshot-controller and its kinds`
        : `${textOf(error)}: apply deploy/operator-rbac.yaml`;
    }
  }
  return undefined;
}

async function follow(
  { client, drivers, volumes, ledger, alongside, log }: SnapshotSourcesDeps,
  signal: AbortSignal,
): Promise<void> {
  const snapshots = createInformer({ client, resource: VOLUME_SNAPSHOTS, project: viewOfSnapshot, same, log });
  const contents = createInformer({ client, resource: VOLUME_SNAPSHOT_CONTENTS, project: viewOfContent, same, log });
  /** Of each snapshot the VolumeSnapshots that have it: several where it was given to other namespaces. */
  const byHandle = new Map<string, Set<string>>();
  const told = new Map<string, string>();
  const review = (key: string): void => {
    const snapshot = snapshots.get(key);
    const [namespace = '', name = ''] = key.split('/');
    if (!snapshot) {
      if (told.delete(key)) ledger.sourceGone(namespace, name);
      return;
    }
    const now = sourceFacts(snapshot, {
      content: (content) => contents.get(content),
      isListed: contents.hasSynced(),
      volume: (volume) => volumes.get(volume),
      drivers,
    });
    const text = JSON.stringify(now);
    if (told.get(key) === text) return;
    told.set(key, text);
    ledger.sourceChanged(now);
  };
  const leave = [
    snapshots.subscribe({ changed: ({ key }) => review(key), deleted: ({ key }) => review(key) }),
    contents.subscribe({
      changed: ({ handle, snapshot }) => {
        if (handle !== '') byHandle.set(handle, (byHandle.get(handle) ?? new Set()).add(snapshot));
        review(snapshot);
      },
      deleted: ({ handle, snapshot }) => {
        const left = byHandle.get(handle);
        if (left?.delete(snapshot) && left.size === 0) byHandle.delete(handle);
        review(snapshot);
      },
    }),
    followVolumes(volumes, (name) => {
      for (const key of byHandle.get(name) ?? []) review(key);
    }),
  ];
  const listed = Promise.all([
    snapshots.whenSynced(signal).then(() => ledger.sourcesListed()),
    contents.whenSynced(signal).then(() => [...snapshots.values.keys()].forEach(review)),
  ]).catch(() => {});
  const work = [snapshots.run(signal), contents.run(signal), alongside({ snapshots, contents }, signal)];
  await Promise.all([...work, listed]);
  for (const stop of leave) stop();
}

const followVolumes = (volumes: SnapshotSourcesDeps['volumes'], look: (name: string) => void): (() => void) =>
  volumes.subscribe({
    changed: ({ metadata }) => look(metadata.name ?? ''),
    deleted: ({ metadata }) => look(metadata.name ?? ''),
  });

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
