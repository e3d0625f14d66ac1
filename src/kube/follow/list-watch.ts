import { present } from '../../model/present.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KubeObject } from '../../model/objects.ts';
import type { Audience } from './audience.ts';
import type { KubeClient, PageEnd, Reading } from '../client.ts';
import type { ObjectCache } from './object-cache.ts';
import { compareVersions } from './resource-version.ts';
import type { Resource } from '../resource.ts';

/** Which objects of a kind; absent: all of all namespaces. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListWatchOptions<T extends KubeObject> extends Reading<T> {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly selection?: Selection;
  /** Objects per page of a list. Absent: 500. */
  readonly pageSize?: number;
  /** See WatchOptions. */
  readonly silenceMs?: number;
  readonly random?: () => number;
}

/** The two ways by which the cache hears of the server; both throw what the client throws. */
export interface ListWatch {
  list(signal: AbortSignal): Promise<void>;
  /** From the cache's version on; resolves when the watch ends. `told` is called for all that comes, bookmarks too. */
  watch(told: () => void, signal: AbortSignal): Promise<void>;
  /**
   * Whether the server is behind what the cache has heard of, as after a restore of etcd from a backup: a watch from a
   * version that is still to come would say nothing of what happens until then.
   */
  isBehind(signal: AbortSignal): Promise<boolean>;
}

const PAGE_SIZE = 500;
/** As client-go: so that the watches of many processes do not end together. */
const WATCH_SECONDS = { least: 300, spread: 300 };

/** A watch that ends sooner was cut: the server was asked to let it live longer. */
export const WHOLE_WATCH_MS = WATCH_SECONDS.least * 1000;

export function createListWatch<T extends KubeObject, P>(
  options: ListWatchOptions<T>,
  cache: ObjectCache<T, P>,
  audience: Audience<P>,
): ListWatch {
  const { client, resource, selection, schema, silenceMs, pageSize = PAGE_SIZE, random = Math.random } = options;

  const tell = (object: T): void => audience.tell(() => cache.listed(object));

  return {
    list: async (signal) => {
      cache.startList();
      for (let next: string | undefined = ''; next !== undefined;) {
        const query = { ...selection, schema, limit: pageSize, continue: next };
        const page: PageEnd = await client.listEach(resource, query, tell, signal);
        next = page.continue;
        if (next === undefined) audience.tell(() => cache.endList(page.resourceVersion));
        else await nextTurn();
      }
    },
    isBehind: async (signal) => {
      // Without selectors: a server that has none of the objects selected would look through all of them.
      const query = { ...present({ namespace: selection?.namespace }), limit: 1 };
      const { resourceVersion } = await client.list(resource, query, signal);
      return (compareVersions(resourceVersion, cache.version()) ?? 0) < 0;
    },
    watch: async (told, signal) => {
      const query = {
        ...selection,
        schema,
        resourceVersion: cache.version(),
        timeoutSeconds: Math.round(WATCH_SECONDS.least + WATCH_SECONDS.spread * random()),
        ...present({ silenceMs }),
      };
      for await (const event of client.watch(resource, query, signal)) {
        told();
        if (event.type === 'BOOKMARK') cache.hearVersion(event.resourceVersion);
        else audience.tell(() => cache.hear(event.type, event.object));
      }
    },
  };
}
