import { present } from '../../model/present.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import { volumeLabels } from '../../model/node-label.ts';
import { PUBLISHED_AT, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { withTraceparent } from '../../model/traceparent.ts';
import { NO_TRACER, type Tracer } from '../../trace/tracer.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { INLINE_ID, type InlineVolume } from '../../csi/node/inline-volume.ts';
import type { NodeVolumes } from '../../csi/node/node-volumes.ts';
import type { KubeClient } from '../../kube/client.ts';
import { faultOfWrite } from '../../kube/api-fault.ts';
import { ApiError, isAlreadyExists } from '../../kube/errors.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { onAbort } from '../../wait/abort.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { assertInlineRoom } from './inline-room.ts';

export interface InlineVolumesOptions {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'delete'>;
  readonly nodeName: string;
  /** The objects of this node as they are heard of. */
  readonly volumes: Pick<Informer<LocalVolume, LocalVolume>, 'get' | 'subscribe' | 'wrote' | 'values'>;
  /** What the node has, as it was last reported; undefined before its object was heard of. */
  readonly nls: () => NodeLocalStorage | undefined;
  /** In which group an inline volume is that was made before us; absent: there are none. */
  readonly oldGroupOf?: (id: string) => Promise<string | undefined>;
  /** What is under way is written on a volume that is made. Absent: nothing is. */
  readonly tracer?: Pick<Tracer, 'traceparent'>;
  /** How long to wait for the logical volume; absent: 60 s. */
  readonly waitMs?: number;
}

/**
 * Inline volumes as LocalVolume objects, which the agent makes itself: the kubelet asks nobody else
 * (docs/decisions/0005). The logical volume is made and removed by the same work as that of any other volume.
 */
export function createInlineVolumes(options: InlineVolumesOptions): Pick<NodeVolumes, 'makeInline' | 'removeInline'> {
  const { client, volumes, nls, oldGroupOf = noOldOnes, waitMs = 60_000 } = options;
  const locks = new KeyedMutex();

  const look = async (name: string, signal: AbortSignal): Promise<LocalVolume | undefined> => {
    const known = volumes.get(name);
    if (known) return known;
    try {
      return await find(client, LOCAL_VOLUMES, { name }, signal);
    } catch (error) {
      throw unavailable(name, error);
    }
  };

  const remove = async (name: string, signal: AbortSignal): Promise<void> => {
    try {
      await unlessGone(client.delete(LOCAL_VOLUMES, { name }, signal));
    } catch (error) {
      throw unavailable(name, error);
    }
  };

  /** One after another in a group: two volumes that come together do not both get its last room. */
  const make = (wanted: InlineVolume, signal: AbortSignal): Promise<LocalVolume> =>
    locks.run(
      wanted.vgName,
      async () => {
        // Nobody else's volume has this name, which is made of the pod's uid. It has its room already.
        if ((await oldGroupOf(wanted.id)) === wanted.vgName)
          return create(newInline({ ...wanted, adopted: true }, options.nodeName), options, signal);
        assertInlineRoom(wanted, nls(), volumes.values.values());
        return create(newInline(wanted, options.nodeName), options, signal);
      },
      signal,
    );

  /** A volume is removed by its record. One from before us gets a record here, if nobody was faster. */
  const recordToRemove = async (id: string, signal: AbortSignal): Promise<LocalVolume | undefined> => {
    const found = await look(id, signal);
    const vgName = found ? undefined : await oldGroupOf(id);
    return vgName === undefined ? found : create(recordOf(id, vgName, options.nodeName), options, signal);
  };

  return {
    makeInline: async (wanted, signal) => {
      const found = (await look(wanted.id, signal)) ?? (await make(wanted, signal));
      assertSame(wanted, found, options.nodeName);
      try {
        await untilReady(wanted.id, volumes, AbortSignal.any([signal, AbortSignal.timeout(waitMs)]));
      } catch (error) {
        // No room was taken: the object goes, and the kubelet's next call makes a new one if the pod still wants it.
        if (error instanceof Fault && error.kind === 'exhausted') await remove(wanted.id, signal);
        throw error;
      }
    },
    removeInline: async (id, signal) => {
      if (!INLINE_ID.test(id)) return;
      const found = await recordToRemove(id, signal);
      if (found?.spec.role !== 'Ephemeral' || found.spec.nodeName !== options.nodeName) return;
      // Before its agent has found it, its record can be deleted and it stays.
      if (found.spec.adopted && found.status?.sizeBytes === undefined)
        await untilReady(id, volumes, AbortSignal.any([signal, AbortSignal.timeout(waitMs)]), 'VolumeLost');
      await remove(id, signal);
    },
  };
}

const unavailable = (name: string, error: unknown): Fault =>
  new Fault('unavailable', `volume ${name}: the API server did not answer: ${textOf(error)}`, { cause: error });

const noOldOnes = (): Promise<undefined> => Promise.resolve(undefined);

async function create(
  volume: LocalVolume,
  { client, volumes, tracer = NO_TRACER }: InlineVolumesOptions,
  signal: AbortSignal,
): Promise<LocalVolume> {
  const { name = '' } = volume.metadata;
  try {
    const made = await client.create(LOCAL_VOLUMES, withTraceparent(volume, tracer.traceparent()), signal);
    volumes.wrote(made);
    return made;
  } catch (error) {
    if (error instanceof ApiError && error.code === 400) throw faultOfWrite(`recording volume ${name}`, error);
    if (!isAlreadyExists(error)) throw unavailable(name, error);
    return client.get(LOCAL_VOLUMES, { name }, signal); // an earlier try, not heard of yet
  }
}

/** Of a volume from before us that is to be removed. One byte: it stays as large as it is. */
const recordOf = (id: string, vgName: string, nodeName: string): LocalVolume => ({
  metadata: { name: id, labels: volumeLabels(nodeName), finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName, kind: 'LVM', vgName, sizeBytes: 1, role: 'Ephemeral', adopted: true },
});

function newInline(wanted: InlineVolume & { readonly adopted?: true }, nodeName: string): LocalVolume {
  const { id, vgName, sizeBytes, layout, limits, fsType, encryption, adopted, targetPath } = wanted;
  return {
    metadata: {
      name: id,
      labels: volumeLabels(nodeName),
      annotations: { [PUBLISHED_AT]: targetPath },
      finalizers: [VOLUME_FINALIZER],
    },
    spec: {
      nodeName,
      kind: 'LVM',
      vgName,
      layout,
      sizeBytes,
      role: 'Ephemeral',
      ...(fsType === '' ? {} : { fsType }),
      ...present({ encryption, adopted }),
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
    },
  };
}

/** Throws Fault `conflict` for another volume of that name, `unavailable` while it is on its way out. */
function assertSame(wanted: InlineVolume, { metadata, spec }: LocalVolume, nodeName: string): void {
  if (spec.role !== 'Ephemeral' || spec.nodeName !== nodeName || spec.vgName !== wanted.vgName)
    throw new Fault('conflict', `volume ${wanted.id} exists, and is not the inline volume asked for`);
  if (metadata.deletionTimestamp !== undefined)
    throw new Fault('unavailable', `volume ${wanted.id} is being removed: try again`);
}

/**
 * Throws Fault `exhausted` without room, and `unavailable` with what the node says; a reason that is `enough` is as
 * good as Ready.
 */
async function untilReady(
  id: string,
  volumes: InlineVolumesOptions['volumes'],
  deadline: AbortSignal,
  enough?: VolumeReason,
): Promise<void> {
  const done = Promise.withResolvers<void>();
  let said = 'it is not made yet';
  const leave = onAbort(deadline, () => done.reject(new Fault('unavailable', `volume ${id}: ${said}`)));
  const unsubscribe = volumes.subscribe({
    changed: ({ metadata, status }) => {
      if (metadata.name !== id || !status) return;
      said = status.message ?? said;
      if (status.phase === 'Ready' || (enough !== undefined && status.reason === enough)) done.resolve();
      if (status.phase !== 'Failed') return;
      const kind = status.reason === 'NoSpace' ? 'exhausted' : 'unavailable';
      done.reject(new Fault(kind, `volume ${id}: ${said}`));
    },
  });
  try {
    await done.promise;
  } finally {
    unsubscribe();
    leave();
  }
}
