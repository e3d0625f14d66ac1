import type { PodFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Informers } from '../follow/informers.ts';
import { podKey } from '../waiting/pods-by-claim.ts';
import type { Told } from '../waiting/sentences.ts';
import { isOpen } from '../waiting/waiting-pod.ts';
import { SortedNames } from './sorted-names.ts';

/** The names of all that the page lists, in its order. */
export interface PageIndex {
  readonly nodes: SortedNames;
  /** Keys of `volumeKey`. */
  readonly volumes: SortedNames;
  /** The same of one node. */
  volumesOf(node: string): SortedNames;
  /** How many volumes are not Ready. */
  volumesNotReady(): number;
  /** Pods that may come to wait, `namespace/name`. */
  readonly pods: SortedNames;
  /** Remembers what an Event said of a pod. */
  tell(pod: PodFacts, told: Told): void;
  toldOf(pod: PodFacts): Told | undefined;
}

/** Volumes are in the order of their claims, those without one last; two may have had one claim. */
export const volumeKey = ({ metadata, spec }: LocalVolume): string =>
  `${spec.claim ? `${spec.claim.namespace}/${spec.claim.name}` : NO_CLAIM} ${metadata.name ?? ''}`;

/** Comes after every name. */
const NO_CLAIM = '~';

export const nameInKey = (key: string): string => key.slice(key.lastIndexOf(' ') + 1);

/** Follows the informers from now on. */
export function createPageIndex({
  storages,
  volumes,
  pods,
}: {
  readonly [K in 'storages' | 'volumes' | 'pods']: Pick<Informers[K], 'subscribe'>;
}): PageIndex {
  const [nodes, open] = [new SortedNames(), new SortedNames()];
  storages.subscribe({ changed: ({ name }) => nodes.add(name), deleted: ({ name }) => nodes.delete(name) });
  const told = new Map<string, Told & { readonly uid: string }>();
  const forget = (pod: PodFacts): void => {
    open.delete(podKey(pod));
    told.delete(podKey(pod));
  };
  pods.subscribe({ changed: (pod) => (isOpen(pod) ? open.add(podKey(pod)) : forget(pod)), deleted: forget });
  return {
    ...{ nodes, pods: open, ...indexVolumes(volumes) },
    tell: (pod, { reason, message }) => {
      if (open.has(podKey(pod))) told.set(podKey(pod), { reason, message, uid: pod.uid });
    },
    toldOf: (pod) => {
      const last = told.get(podKey(pod));
      return last?.uid === pod.uid ? last : undefined;
    },
  };
}

const isReady = ({ status }: LocalVolume): boolean => status?.phase === 'Ready';
const NOTHING = new SortedNames();

function indexVolumes(
  informer: Pick<Informers['volumes'], 'subscribe'>,
): Pick<PageIndex, 'volumes' | 'volumesOf' | 'volumesNotReady'> {
  const volumes = new SortedNames();
  const byNode = new Map<string, SortedNames>();
  let notReady = 0;
  const leave = (volume: LocalVolume): void => {
    const { nodeName } = volume.spec;
    if (!isReady(volume)) notReady -= 1;
    const key = volumeKey(volume);
    volumes.delete(key);
    byNode.get(nodeName)?.delete(key);
    if (byNode.get(nodeName)?.size === 0) byNode.delete(nodeName);
  };
  const enter = (volume: LocalVolume): void => {
    const { nodeName } = volume.spec;
    if (!isReady(volume)) notReady += 1;
    const key = volumeKey(volume);
    volumes.add(key);
    const own = byNode.get(nodeName) ?? new SortedNames();
    byNode.set(nodeName, own);
    own.add(key);
  };
  informer.subscribe({
    changed: (volume, before) => {
      // Mostly only the status has changed.
      if (before && volumeKey(before) === volumeKey(volume) && before.spec.nodeName === volume.spec.nodeName)
        notReady += Number(isReady(before)) - Number(isReady(volume));
      else {
        if (before) leave(before);
        enter(volume);
      }
    },
    deleted: leave,
  });
  return {
    volumes,
    volumesOf: (node) => byNode.get(node) ?? NOTHING,
    volumesNotReady: () => notReady,
  };
}
