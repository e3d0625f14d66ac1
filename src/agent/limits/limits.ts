import { setTimeout as delay } from 'node:timers/promises';
import { textOf } from '../../model/fault.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { formatLimits, sameLimits } from '../../model/mutable-parameters.ts';
import { livable, type IoLimits } from '../../model/parameters.ts';
import type { Throttles } from '../../cgroup/throttles.ts';
import { servedPathOf } from '../../crypt/names.ts';
import type { NodeVolume } from '../../csi/node/node-volumes.ts';
import { podOfTarget, volumeOfTarget, type PublishedLimits } from '../../csi/node/published-limits.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Log } from '../../model/log.ts';
import { deviceBehind, deviceNumber } from '../../mount/device-number.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { RecordEvent } from '../events/record-event.ts';
import { subjectOf } from '../../kube/subject.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';

export interface LimitDeps {
  readonly throttles: Throttles;
  readonly mounts: Pick<Mounts, 'list'>;
  readonly volumes: ReadonlyMap<string, LocalVolume>;
  readonly record: RecordEvent;
  readonly log: Log;
  /** Schedules enforce() and watches the cgroup folders again. */
  readonly onSet: () => void;
  /**
   * Milliseconds to wait for a pod's cgroup, which the kubelet may make after it has asked for the volumes. Absent:
   * 3000.
   */
  readonly waitMs?: number;
}

export interface Limits extends PublishedLimits {
  /**
   * Gives every pod on this node the limits that its volumes ask for now, and takes all others away. Throws only when
   * aborted.
   */
  enforce(signal: AbortSignal): Promise<void>;
  /** The cgroup folders whose changes mean that a limit was lost, or can be set at last. */
  folders(signal: AbortSignal): Promise<readonly string[]>;
}

/** What one pod may do on one volume. */
interface Use {
  readonly volume: string;
  readonly podUid: string;
  /** `major:minor`. */
  readonly device: string;
  readonly limits: IoLimits;
}

const LOOK_AGAIN_MS = 100;

const V1 =
  'On cgroup v1 a limit holds for each container of a pod by itself, and not for buffered writes: only for reads, direct and synced IO.';

const tooSmall = ({ limits }: Use, set: IoLimits): string =>
  `A pod with limits as small as ${formatLimits(limits)} could not even be killed: ${formatLimits(set)} is set instead.`;

/**
 * The limits of volumes in the cgroups of the pods that have them. Remembers nothing that a restart could not find out
 * again.
 */
export function createLimits(deps: LimitDeps): Limits {
  const { throttles, mounts, volumes, waitMs = 3000 } = deps;
  const tell = createTeller(deps);
  const { limited, waiting, settle } = createSetter(deps, tell);
  let first = true;
  // One caller at a time: limits are set from a list of mounts, and a newer list must not be overtaken by an older one.
  const turns = new KeyedMutex();
  const inTurn = <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => turns.run('limits', work, signal);

  const enforce = (signal: AbortSignal): Promise<void> =>
    inTurn(async () => {
      waiting.clear();
      const known = new Set([...limited.values()].map(({ volume }) => volume));
      const relevant = [...volumes.values()].filter(
        ({ metadata, spec }) => first || isLimited(spec.limits) || known.has(metadata.name ?? ''),
      );
      if (relevant.length === 0 && limited.size === 0) return;
      const entries = await mounts.list(signal);
      const places = await placesOf(entries);
      const sharing = relevant.length === 0 ? [] : [...volumes.values()].filter(canShare);
      const asked = [...new Set([...relevant, ...sharing])];
      for (const use of await usesOf(asked, places, entries)) await settle(use, signal);
      const seen = new Set(places.map(keyOf));
      for (const [key, use] of [...limited]) {
        if (seen.has(key)) continue;
        await settle({ ...use, limits: {} }, signal);
        limited.delete(key);
      }
      first = false;
    }, signal);

  return {
    apply: async (volume, podUid, signal) => {
      if (!isLimited(volume.limits)) return undefined;
      const device = await deviceOf(volume, await mounts.list(signal));
      if (podUid === undefined || device === undefined)
        return tell(volume.id, 'LimitsNotSet', 'It cannot be told which pod or device to limit.');
      const use = { volume: volume.id, podUid, device, limits: volume.limits };
      for (let waited = 0; waited <= waitMs; waited += LOOK_AGAIN_MS) {
        if (await inTurn(() => settle(use, signal), signal)) return undefined;
        await delay(LOOK_AGAIN_MS, undefined, { signal });
      }
      deps.onSet(); // its cgroup is watched for
      return tell(volume.id, 'LimitsNotSet', `Pod ${podUid} has no cgroup yet: it is limited once it is found.`);
    },

    lift: async (targetPath, signal) => {
      const podUid = podOfTarget(targetPath);
      if ([...limited.values()].some((use) => use.podUid === podUid)) await enforce(signal);
    },

    enforce,

    folders: async (signal) => {
      const pods = new Set([...limited.values()].map(({ podUid }) => podUid).concat([...waiting]));
      const folders = await Promise.all([...pods].map((pod) => throttles.foldersOf(pod, signal)));
      return [...new Set(folders.flat())];
    },
  };
}

type Tell = (volume: string, reason: EventReason, message: string) => void;

/** Sets limits, and remembers which were set, so that they can be taken away. */
function createSetter({ throttles, log, onSet }: LimitDeps, tell: Tell) {
  const limited = new Map<string, Use>();
  /** Pods that need a limit and have no cgroup yet. */
  const waiting = new Set<string>();

  const set = async (use: Use, signal: AbortSignal): Promise<boolean> => {
    const limits = livable(use.limits);
    const done = await throttles.apply({ ...use, limits }, signal);
    if (done === 'no-cgroup') {
      if (isLimited(use.limits)) waiting.add(use.podUid);
      return false;
    }
    waiting.delete(use.podUid);
    if (isLimited(use.limits)) limited.set(keyOf(use), use);
    else limited.delete(keyOf(use));
    if (done === 'set') {
      log.info({ volume: use.volume, pod: use.podUid, action: limits }, 'limits of IO set');
      onSet();
    }
    if (!sameLimits(limits, use.limits)) tell(use.volume, 'LimitsPartial', tooSmall(use, limits));
    else if (isLimited(use.limits) && (await throttles.version(signal)) === 1) tell(use.volume, 'LimitsPartial', V1);
    return true;
  };

  /** Returns whether the pod has a cgroup. A failure becomes an Event. */
  const settle = async (use: Use, signal: AbortSignal): Promise<boolean> => {
    try {
      return await set(use, signal);
    } catch (error) {
      signal.throwIfAborted();
      tell(use.volume, 'LimitsNotSet', `Pod ${use.podUid} is not limited: ${textOf(error)}.`);
      return true;
    }
  };
  return { limited, waiting, settle };
}

/** Its device may be another volume's, too: a snapshot that several mount, folders of one filesystem. */
const canShare = ({ spec }: LocalVolume): boolean => spec.readOnly === true || spec.kind === 'MountPoint';

const keyOf = ({ podUid, device }: Pick<Use, 'podUid' | 'device'>): string => `${podUid} ${device}`;

const isLimited = (limits: IoLimits | undefined): boolean => Object.keys(limits ?? {}).length > 0;

/** Records an Event for a volume, and leaves out one that says the same as the last. */
function createTeller({ volumes, record, log }: LimitDeps): Tell {
  const told = new Map<string, string>();
  return (volume, reason, message) => {
    if (told.get(volume) === message) return;
    told.set(volume, message);
    log.warn({ volume, code: reason, err: message }, 'limits of IO');
    const uid = volumes.get(volume)?.metadata.uid;
    record(subjectOf(LOCAL_VOLUMES, { name: volume, uid }), { type: 'Warning', reason, message });
  };
}

interface Place extends Pick<Use, 'podUid' | 'device'> {
  /** As the kubelet calls it; mostly our name. */
  readonly volume: string | undefined;
}

/** The device behind each mount of a pod. */
async function placesOf(entries: readonly MountEntry[]): Promise<readonly Place[]> {
  const places = entries.map(async (entry): Promise<readonly Place[]> => {
    const podUid = podOfTarget(entry.target);
    const device = podUid === undefined ? undefined : await deviceBehind(entry);
    return podUid === undefined || device === undefined
      ? []
      : [{ podUid, device, volume: volumeOfTarget(entry.target) }];
  });
  return (await Promise.all(places)).flat();
}

/**
 * The mounts of pods that show one of the volumes. Where several volumes have one device, the mount's own is meant, and
 * for a pod with more than one of them a limit counts more than none: the kernel knows devices only.
 */
async function usesOf(
  volumes: readonly LocalVolume[],
  places: readonly Place[],
  entries: readonly MountEntry[],
): Promise<readonly Use[]> {
  const byDevice = new Map<string, LocalVolume[]>();
  for (const volume of volumes) {
    const source = servedPathOf(volume);
    const device = source === undefined ? undefined : await deviceOf({ kind: volume.spec.kind, source }, entries);
    if (device !== undefined) byDevice.set(device, [...(byDevice.get(device) ?? []), volume]);
  }
  const uses = places.flatMap((place): readonly Use[] => {
    const [first, ...others] = byDevice.get(place.device) ?? [];
    const found = others.find(({ metadata }) => metadata.name === place.volume) ?? first;
    return found ? [{ ...place, volume: found.metadata.name ?? '', limits: found.spec.limits ?? {} }] : [];
  });
  const ofPods = [...Map.groupBy(uses, keyOf).values()];
  return ofPods.flatMap((all) => all.find(({ limits }) => isLimited(limits)) ?? all.slice(0, 1));
}

/** `major:minor` of the device that carries a volume; undefined when it is not there. */
function deviceOf(
  { kind, source }: Pick<NodeVolume, 'kind' | 'source'>,
  entries: readonly MountEntry[],
): Promise<string | undefined> {
  if (kind !== 'MountPoint') return deviceNumber(source);
  const entry = mountAt(entries, source);
  return entry ? deviceBehind(entry) : Promise.resolve(undefined);
}

/** For a machine on which nothing can be limited because nothing is real. */
export const NO_LIMITS: Limits = {
  apply: () => Promise.resolve(),
  lift: () => Promise.resolve(),
  enforce: () => Promise.resolve(),
  folders: () => Promise.resolve([]),
};
