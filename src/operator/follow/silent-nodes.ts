import { repeat } from '../../daemon/repeat.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { closedStorage } from '../../model/cordon.ts';
import { inWords } from '../../model/in-words.ts';
import type { Log } from '../../model/log.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { countStorages, type Storages } from './count-storages.ts';
import { DEAF_MS } from './deaf.ts';
import type { StorageView } from './views.ts';

/** The storages of nodes as they count for placing: one whose agent is silent gets no new volume. */
export interface CountedStorages extends Storages {
  /** Looks now and then who has become silent, or speaks again, until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** One look. */
  look(): void;
}

export interface SilentNodesDeps {
  readonly storages: Pick<Informer<NodeLocalStorage, StorageView>, 'get' | 'values' | 'subscribe' | 'health'>;
  /** How long nothing is heard of an agent, which reports every five minutes at least, before it is silent. Ms. */
  readonly silentAfterMs: number;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

const LOOK_EVERY_MS = 15_000;

/**
 * Tells silent nodes by this program's own clock: from the moment at which it heard another report than before, since
 * the clocks of nodes may be wrong. Time in which the API server itself was not heard does not count, nor does time in
 * which this program did not run: no agent could be heard then.
 */
export function createSilentNodes(deps: SilentNodesDeps): CountedStorages {
  const { storages, silentAfterMs, log } = deps;
  const everyMs = Math.min(LOOK_EVERY_MS, Math.max(silentAfterMs / 2, 1));
  const listened = createListenedTime(deps, everyMs);
  const silences = createSilences(deps);
  const counted = (view: StorageView): StorageView => (silences.has(view.name) ? asSilent(view) : view);
  const { get, subscribe, tell } = countStorages(storages, counted);
  const look = (): void => {
    const nowMs = listened();
    for (const view of storages.values.values()) if (silences.judge(view, nowMs)) tell(view);
  };
  return {
    get,
    subscribe,
    look,
    run: (signal) => repeat(everyMs, look, (err) => log.error({ err }, 'looking for silent agents failed'), signal),
  };
}

/** Returns a clock, in ms, that stands still while agents could not be heard. To be asked every `everyMs`. */
function createListenedTime({ storages, now }: SilentNodesDeps, everyMs: number): () => number {
  let listenedMs = 0;
  let askedAt = now();
  return () => {
    const at = now();
    const { failures, silentMs = Infinity } = storages.health();
    if (failures === 0 && silentMs < DEAF_MS) listenedMs += Math.min(at - askedAt, 2 * everyMs);
    askedAt = at;
    return listenedMs;
  };
}

/** Remembers when each node reported last, and tells which are silent. */
function createSilences({ storages, silentAfterMs, events, log }: SilentNodesDeps) {
  const message = `The agent has not reported for ${inWords(silentAfterMs)}: this storage gets no new volume until it reports. See the log of the agent's pod on this node, or run kubectl open-local doctor.`;
  const heard = new Map<string, { readonly report: number; readonly atMs: number }>();
  const silent = new Set<string>();
  storages.subscribe({
    deleted: ({ name }) => {
      heard.delete(name);
      silent.delete(name);
    },
  });
  const isSilent = (view: StorageView, nowMs: number): boolean => {
    const { name, reportedAt } = view;
    if (reportedAt === undefined || !isFollowed(view)) {
      heard.delete(name);
      return false;
    }
    const last = heard.get(name);
    if (last?.report === reportedAt) return nowMs - last.atMs >= silentAfterMs;
    heard.set(name, { report: reportedAt, atMs: nowMs });
    return false;
  };
  return {
    has: (node: string): boolean => silent.has(node),
    /** Whether that is news of the node. */
    judge: (view: StorageView, nowMs: number): boolean => {
      const { name } = view;
      const now = isSilent(view, nowMs);
      if (now === silent.has(name)) return false;
      if (!now) {
        silent.delete(name);
        log.info({ node: name }, 'the agent of the node reports again: the node gets new volumes');
        return true;
      }
      silent.add(name);
      events.record({ subject: subjectOf(NODE_LOCAL_STORAGES, view), type: 'Warning', reason: 'AgentSilent', message });
      log.warn({ node: name }, 'the agent of the node is silent: the node gets no new volume');
      return true;
    },
  };
}

/** Of an agent of open-local before us nobody knows how often it reports; who never reported has no room. */
const isFollowed = ({ isOurs, lost }: StorageView): boolean => isOurs && lost === undefined;

/** The view of a node whose agent is silent. */
export const asSilent = (view: StorageView): StorageView => ({
  ...view,
  silent: true,
  storage: closedStorage(view.storage),
});
