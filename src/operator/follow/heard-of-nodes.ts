import type { HeardOfNode } from '../../capacity/audit.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import type { KubeObject } from '../../model/objects.ts';
import { inTurns } from '../../wait/turns.ts';
import type { Informers } from './informers.ts';
import type { CountedStorages } from './silent-nodes.ts';

/** What the informers have, by node. */
export interface HeardOfNodes {
  of(node: string): HeardOfNode;
  /** Looks through everything anew, some objects at a time: by this an object that came without an event is seen. */
  rescan(signal: AbortSignal): Promise<void>;
  /** Ends following the informers. */
  stop(): void;
}

/** Looked through without a break; each costs less than a microsecond. */
const AT_ONCE = 2000;

export function createHeardOfNodes(
  { volumes, pvs, pods }: Informers,
  storages: Pick<CountedStorages, 'get'>,
): HeardOfNodes {
  const indexes = [
    createIndex(volumes, ({ metadata, spec }) => ({ node: spec.nodeName, key: metadata.name ?? '' })),
    createIndex(pvs, ({ facts }) => ({ node: facts.node, key: facts.name })),
    // A bound pod is of interest for its inline volumes only.
    createIndex(pods, ({ namespace, name, nodeName, volumes: { length } }) => ({
      node: length > 0 ? nodeName : undefined,
      key: `${namespace}/${name}`,
    })),
  ] as const;
  const [volumesOn, pvsOn, podsOn] = indexes;
  return {
    of: (node) => ({
      storage: storages.get(node)?.storage,
      volumes: volumesOn.on(node).map(volumeFacts),
      pvs: pvsOn.on(node).map(({ facts }) => facts),
      pods: podsOn.on(node),
    }),
    rescan: async (signal) => {
      for (const index of indexes) await index.rescan(signal);
    },
    stop: () => {
      for (const { stop } of indexes) stop();
    },
  };
}

interface Index<P> {
  on(node: string): P[];
  rescan(signal: AbortSignal): Promise<void>;
  readonly stop: () => void;
}

interface Place {
  readonly node: string | undefined;
  /** Of the object in its informer. */
  readonly key: string;
}

/**
 * Keys by node. Only a rescan takes a key out: whether its object is still there, and on that node, is asked each time.
 */
function createIndex<P>(
  { values, subscribe }: Pick<Informer<KubeObject, P>, 'values' | 'subscribe'>,
  placeOf: (object: P) => Place,
): Index<P> {
  let index = new Map<string, Set<string>>();
  let next: typeof index | undefined;
  const note = (into: typeof index, object: P): void => {
    const { node, key } = placeOf(object);
    if (node === undefined) return;
    const keys = into.get(node) ?? new Set();
    into.set(node, keys.add(key));
  };
  const stop = subscribe({
    changed: (now) => {
      note(index, now);
      if (next) note(next, now);
    },
  });
  return {
    on: (node) =>
      [...(index.get(node) ?? [])].flatMap((key) => {
        const object = values.get(key);
        return object !== undefined && placeOf(object).node === node ? [object] : [];
      }),
    rescan: async (signal) => {
      const found: typeof index = new Map();
      next = found;
      if (!(await inTurns(values.values(), AT_ONCE, (object) => note(found, object), signal))) return;
      [index, next] = [found, undefined];
    },
    stop,
  };
}
