import type { Volumes } from '../../csi/ports.ts';
import type { KubeClient, Patch } from '../../kube/client.ts';
import { isAlreadyExists, isConflict } from '../../kube/errors.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { present } from '../../model/present.ts';
import { KEEP, TRACEPARENT, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { withTraceparent } from '../../model/traceparent.ts';
import type { Tracer } from '../../trace/tracer.ts';
import { faultOfWrite } from '../../kube/api-fault.ts';
import { untilCalled } from '../../wait/abort.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { isBegun } from '../../model/is-begun.ts';
import { withoutFinalizer } from '../../kube/without-finalizer.ts';
import type { NeededData } from './needed-data.ts';
import { putMarksBack } from './volume-marks.ts';

export interface VolumeStoreDeps {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'patch' | 'delete'>;
  readonly volumes: Pick<Informer<LocalVolume, LocalVolume>, 'get' | 'values' | 'subscribe' | 'wrote'>;
  readonly needed: NeededData;
  /** What is under way is written on the volume, so that its agent goes on with it. Absent: nothing is. */
  readonly tracer?: Pick<Tracer, 'traceparent'>;
}

/**
 * Keeps the records of volumes as LocalVolume objects. The informer answers; only a volume that it does not have is
 * asked of the API server, and the answer is given to the informer. To be made after the ledger subscribed, so that the
 * ledger hears first.
 */
export function createVolumeStore({ client, volumes, needed, tracer }: VolumeStoreDeps): Volumes {
  const waiting = createWaiting(volumes);
  const ask = async (id: string, signal: AbortSignal): Promise<LocalVolume | undefined> => {
    try {
      const found = await find(client, LOCAL_VOLUMES, { name: id }, signal);
      if (!found) return undefined;
      volumes.wrote(found);
    } catch (error) {
      throw new Fault('unavailable', `looking for volume ${id}: ${textOf(error)}`, { cause: error });
    }
    return volumes.get(id);
  };
  const patchSpec = async (doing: string, id: string, spec: object, signal: AbortSignal): Promise<void> => {
    try {
      volumes.wrote(await client.patch(LOCAL_VOLUMES, { name: id }, changeTo(spec, tracer), signal));
    } catch (error) {
      throw faultOfWrite(doing, error);
    }
  };
  const deleteWith = (mark: Patch, id: string, signal: AbortSignal): Promise<void> =>
    deleteMarked(id, mark, client, signal);
  return {
    all: () => volumes.values.values(),
    heard: (id) => volumes.get(id),
    find: async (id, signal) => volumes.get(id) ?? ask(id, signal),
    create: async (volume, signal) => {
      const doing = `recording volume ${volume.metadata.name}`;
      try {
        const made = await client.create(LOCAL_VOLUMES, withTraceparent(volume, tracer?.traceparent()), signal);
        volumes.wrote(made);
        return made;
      } catch (error) {
        if (!isAlreadyExists(error)) throw faultOfWrite(doing, error);
        await ask(volume.metadata.name ?? '', signal);
        throw new Fault('aborted', `${doing}: another process was faster; ask again`, { cause: error });
      }
    },
    grow: (id, size, signal) => patchSpec(`growing volume ${id}`, id, { sizeBytes: size }, signal),
    takeBack: (id, size, signal) =>
      patchSpec(`taking back the growth of volume ${id}`, id, { sizeBytes: size }, signal),
    setLimits: async (id, { limits, storageClassLimits }, signal) => {
      const spec = { limits: { ...NO_LIMITS, ...limits }, storageClassLimits };
      await patchSpec(`setting the limits of volume ${id}`, id, spec, signal);
    },
    remove: (id, signal) => deleteWith(STOP_KEEPING, id, signal),
    removeLater: (id, why, signal) => deleteWith(keepFor(why), id, signal),
    abandon: async (id, signal) => {
      // First the deletion: an agent that is back from then on removes it.
      await deleteWith(STOP_KEEPING, id, signal);
      await letGoUnbegun(id, client, signal);
    },
    needing: (id) => needed.by(id),
    until: (id, decide, signal) => waiting.until(id, decide, signal),
  };
}

async function deleteMarked(name: string, mark: Patch, client: VolumeStoreDeps['client'], signal: AbortSignal) {
  try {
    const marked = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, mark, signal));
    // Without its own marks no agent would remove it, or nobody would wait for that.
    if (marked && (await putMarksBack(client, marked, signal)))
      await unlessGone(client.delete(LOCAL_VOLUMES, { name }, signal));
  } catch (error) {
    if (isConflict(error)) throw new Fault('aborted', `deleting volume ${name}: it was changed meanwhile; ask again`);
    throw error instanceof Fault ? error : faultOfWrite(`deleting volume ${name}`, error);
  }
}

async function letGoUnbegun(id: string, client: VolumeStoreDeps['client'], signal: AbortSignal): Promise<void> {
  try {
    const left = await find(client, LOCAL_VOLUMES, { name: id }, signal);
    if (left && isBegun(left)) throw new Fault('aborted', `node ${left.spec.nodeName} has begun volume ${id}`);
    const patch = left && withoutFinalizer(left.metadata, VOLUME_FINALIZER, { unchanged: true });
    if (patch) await unlessGone(client.patch(LOCAL_VOLUMES, { name: id }, patch, signal));
  } catch (error) {
    throw error instanceof Fault ? error : faultOfWrite(`letting go of volume ${id}`, error);
  }
}

/** What is asked for now belongs to another trace than what was asked for before, or to none. */
function changeTo(spec: object, tracer: VolumeStoreDeps['tracer']): Patch {
  const metadata = tracer && { annotations: { [TRACEPARENT]: tracer.traceparent() ?? null } };
  return { type: 'merge', body: { spec, ...present({ metadata }) } };
}

/** Takes the annotation KEEP off a LocalVolume: until then its agent keeps the data, whoever deletes the object. */
export const STOP_KEEPING: Patch = { type: 'merge', body: { metadata: { annotations: { [KEEP]: null } } } };

/** In a merge patch: takes every limit away that is not named. */
const NO_LIMITS = { readBps: null, writeBps: null, readIops: null, writeIops: null };

/** The mark with another reason. */
export const keepFor = (why: string): Patch => ({
  type: 'merge',
  body: { metadata: { annotations: { [KEEP]: why } } },
});

/** Waits for volumes by one subscription, whatever the number of callers. */
function createWaiting(volumes: VolumeStoreDeps['volumes']): Pick<Volumes, 'until'> {
  const looks = new Map<string, Set<() => void>>();
  const tell = ({ metadata }: LocalVolume): void => {
    for (const look of looks.get(metadata.name ?? '') ?? []) look();
  };
  volumes.subscribe({ changed: tell, deleted: tell });

  const add = (id: string, look: () => void): (() => void) => {
    const those = looks.get(id) ?? new Set();
    looks.set(id, those.add(look));
    return () => {
      those.delete(look);
      if (those.size === 0 && looks.get(id) === those) looks.delete(id);
    };
  };

  return {
    until: <T>(
      id: string,
      decide: (volume: LocalVolume | undefined) => T | undefined,
      signal: AbortSignal,
    ): Promise<NonNullable<T>> => {
      return untilCalled<NonNullable<T>>((resolve) => {
        const look = (): void => {
          const decided = decide(volumes.get(id));
          if (decided !== undefined && decided !== null) resolve(decided);
        };
        const leave = add(id, look);
        look();
        return leave;
      }, signal);
    },
  };
}
