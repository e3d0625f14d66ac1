import path from 'node:path';
import type { LocalVolume } from '../../model/local-volume.ts';
import { PUBLISHED_AT } from '../../model/well-known.ts';
import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { RecordEvent } from '../events/record-event.ts';
import { unlessGone } from '../../kube/find.ts';
import { isForgotten } from './kubelet-forgot.ts';
import { subjectOf } from '../../kube/subject.ts';

export interface LostInlineVolumesDeps {
  readonly client: Pick<KubeClient, 'delete'>;
  readonly volumes: ReadonlyMap<string, LocalVolume>;
  readonly mounts: Pick<Mounts, 'list'>;
  /** The kubelet's root folder. */
  readonly kubeletDir: string;
  readonly record: RecordEvent;
  readonly log: Log;
}

/**
 * Returns a function that deletes inline volumes that the kubelet has forgotten (its state or an Unpublish call was
 * lost), since nobody else ever will. A volume must be found so in two calls in a row; its id contains its pod's uid,
 * so it cannot come back.
 */
export function createLostInlineVolumes(deps: LostInlineVolumesDeps): (signal: AbortSignal) => Promise<void> {
  const { client, volumes, record, log } = deps;
  let suspected = new Set<string>();
  return async (signal) => {
    const lost = await findLost(deps, signal);
    const certain = lost.filter((name) => suspected.has(name));
    suspected = new Set(lost);
    for (const name of certain) {
      const uid = volumes.get(name)?.metadata.uid;
      const message = 'The kubelet does not know its pod any more: it is removed.';
      record(subjectOf(LOCAL_VOLUMES, { name, uid }), { type: 'Normal', reason: 'PodGone', message });
      log.info({ volume: name, action: 'delete' }, 'removing the inline volume of a pod that is gone');
      await unlessGone(client.delete(LOCAL_VOLUMES, { name }, signal));
    }
  };
}

async function findLost(
  { volumes, mounts, kubeletDir }: LostInlineVolumesDeps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const candidates = [...volumes.values()].filter(
    ({ metadata, spec }) => spec.role === 'Ephemeral' && metadata.deletionTimestamp === undefined,
  );
  if (candidates.length === 0) return [];
  const mounted = new Set((await mounts.list(signal)).map(({ target }) => target));
  const lost: string[] = [];
  for (const { metadata } of candidates) {
    // An adopted one has its path from there on.
    const target = path.resolve(kubeletDir, metadata.annotations?.[PUBLISHED_AT] ?? '');
    if (!mounted.has(target) && (await isForgotten(target))) lost.push(metadata.name ?? '');
  }
  return lost;
}
