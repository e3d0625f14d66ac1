import { present } from '../../model/present.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KubeObject } from '../../model/objects.ts';
import type { Audience } from './audience.ts';
import type { KubeClient, PageEnd, Reading } from '../client.ts';
import { ApiError, isGone } from '../errors.ts';
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
  /**
   * Reads to the end of a list. Called again after a failure it goes on with the page that failed: where one call in a
   * hundred fails, nobody reads hundreds of pages in a row. `gotOn` is called for each page but the first.
   */
  list(gotOn: () => void, signal: AbortSignal): Promise<void>;
  /** The next list is read from its beginning. */
  startOver(): void;
  /** From the cache's version on; resolves when the watch ends. `told` is called for all that comes, bookmarks too. */
  watch(told: () => void, signal: AbortSignal): Promise<void>;
  /**
   * Whether the server is behind what the cache has heard of, as after a restore of etcd from a backup: a watch from a
   * version that is still to come would say nothing of what happens until then.
   */
  isBehind(signal: AbortSignal): Promise<boolean>;
}

const PAGE_SIZE = 500;
/** etcd forgets the version of a list after some minutes. Pages so much larger are read in less time. */
const LARGER = 10;
/** A page that fails so often in a row may be of a list that the server no longer knows. */
const MAX_PAGE_FAILURES = 3;
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
  let size = pageSize;
  let at: OpenList | undefined;
  const startOver = (): void => {
    at = undefined;
    cache.startList();
  };
  const readPage = async (next: string, signal: AbortSignal): Promise<PageEnd> => {
    const query = { ...selection, schema, limit: size, continue: next };
    try {
      return await client.listEach(resource, query, tell, signal);
    } catch (error) {
      if (next !== '' && isGone(error)) size *= LARGER;
      at = afterFailure(at, error);
      throw error;
    }
  };

  return {
    startOver,
    list: async (gotOn, signal) => {
      if (at === undefined) startOver();
      at ??= { next: '', failures: 0 };
      for (let { next }: { next: string | undefined } = at; next !== undefined;) {
        const page = await readPage(next, signal);
        if (next !== '') gotOn();
        next = page.continue;
        at = next === undefined ? undefined : { next, failures: 0 };
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

/** A list that is read up to a page. */
interface OpenList {
  readonly next: string;
  /** Of that page, in a row. */
  readonly failures: number;
}

/**
 * Undefined where the list is to begin anew: its page is refused for what it is, or it is the first, of which another
 * try gives another version.
 */
function afterFailure(open: OpenList | undefined, error: unknown): OpenList | undefined {
  const mayPass = error instanceof ApiError && (error.code === 0 || error.code === 429 || error.code >= 500);
  const failures = (open?.failures ?? 0) + 1;
  return open && open.next !== '' && mayPass && failures < MAX_PAGE_FAILURES ? { ...open, failures } : undefined;
}
