import type { KubeClient } from '../../kube/client.ts';
import { isForbidden, isNoSuchKind } from '../../kube/errors.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import { VOLUME_SNAPSHOT_CONTENTS } from '../../kube/resource.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import { viewOfContent, type ContentView } from './source-of-snapshot.ts';

type Followed = Pick<Informer<VolumeSnapshotContent, ContentView>, 'values' | 'hasSynced'>;

/** Which VolumeSnapshotContents have a snapshot. */
export interface SnapshotContents {
  /** From now on these are looked at; until they are listed, the API server is asked. */
  follow(contents: Followed): void;
  /** As `Traces.snapshotKeptBy`. */
  keptBy(handle: string, signal: AbortSignal): Promise<readonly string[]>;
  /** As `Traces.snapshotGivenTo`. */
  givenTo(handle: string, signal: AbortSignal): Promise<readonly string[]>;
}

interface SnapshotContentsDeps {
  readonly client: Pick<KubeClient, 'list'>;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
}

export function createSnapshotContents({ client, drivers }: SnapshotContentsDeps): SnapshotContents {
  let followed: Followed | undefined;
  const thoseOf = async (handle: string, signal: AbortSignal): Promise<readonly ContentView[]> => {
    const all = followed?.hasSynced() ? [...followed.values.values()] : await listed(client, signal);
    return all.filter((content) => content.handle === handle && drivers.includes(content.driver));
  };
  return {
    follow: (contents) => {
      followed = contents;
    },
    keptBy: async (handle, signal) => {
      const found = await thoseOf(handle, signal);
      return found.length < 2 ? [] : namesOfStaying(found);
    },
    givenTo: async (handle, signal) => {
      const found = await thoseOf(handle, signal);
      return namesOfStaying(found.filter(({ given }) => given));
    },
  };
}

const namesOfStaying = (contents: readonly ContentView[]): readonly string[] =>
  contents.flatMap(({ name, leaving }) => (leaving ? [] : [name])).toSorted();

const MAY_NOT = '; the operator has to see them: apply deploy/operator-rbac.yaml, or helm upgrade';

/**
 * None where the cluster has no such kind. That they may not be listed says nothing: rights are short for a while in
 * an upgrade, and at an API server that is starting.
 */
async function listed(client: SnapshotContentsDeps['client'], signal: AbortSignal): Promise<readonly ContentView[]> {
  try {
    return (await client.list(VOLUME_SNAPSHOT_CONTENTS, {}, signal)).items.map(viewOfContent);
  } catch (error) {
    if (isNoSuchKind(error)) return [];
    const help = isForbidden(error) ? MAY_NOT : '';
    throw new Fault('unavailable', `asking who has the snapshot: ${textOf(error)}${help}`, { cause: error });
  }
}
