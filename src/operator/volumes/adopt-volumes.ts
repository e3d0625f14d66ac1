import type { Topology } from '../../csi/ports.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists } from '../../kube/errors.ts';
import type { EventSubject } from '../../kube/subject.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { find } from '../../kube/find.ts';
import { LOCAL_VOLUMES, PODS, VOLUMES, VOLUME_SNAPSHOT_CONTENTS } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { PodFacts } from '../../model/facts.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import type { SnapshotInformers } from '../follow/snapshot-sources.ts';
import type { Adoption, Known } from './adoption.ts';
import { planPvAdoption, planSnapshotAdoption } from './plan-adoption.ts';
import { planInlineAdoption } from './plan-inline-adoption.ts';

/** `report`: Events say what would be adopted, and nothing is. */
export type AdoptMode = 'report' | 'yes';

export interface AdoptVolumesDeps {
  readonly client: Pick<KubeClient, 'get' | 'create'>;
  readonly informers: Informers;
  readonly topology: Pick<Topology, 'nodesAt'>;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly mode: AdoptMode;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
}

/** Gives volumes that were made before us their records. */
export interface Adopter {
  /** To be called once the cluster has such a kind. */
  followContents(contents: Pick<SnapshotInformers['contents'], 'subscribe'>): void;
  /** Works until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** An object that speaks of volumes: `pv/…`, `content/…`, `pod/<namespace>/<name>`. */
type Key = string;

/** What a try ended with, and about which object. */
interface Tried {
  readonly subject: EventSubject;
  readonly adoption: Adoption;
}

/**
 * Makes the LocalVolume of every volume that has none and is where its PersistentVolume, VolumeSnapshotContent or pod
 * says that it is, by the report of its node's agent. Creates and changes nothing else. What does not fit is told in an
 * Event on that object, and looked at again when its node reports anew.
 */
export function createAdopter(deps: AdoptVolumesDeps): Adopter {
  const { informers, log, drivers } = deps;
  const { volumes, storages } = informers;
  const known: Known = { ...deps, storages: storages.values, volumes: volumes.values };
  const open = createOpenKeys();
  const telling = createTelling(deps.events);
  const queue = createWorkQueue({
    name: 'adoption',
    log,
    reconcile: async (key, signal) => {
      open.end(key);
      const tries = await triesOf(key, { ...deps, known }, signal);
      for (const { subject, adoption } of tries) {
        open.note(key, adoption);
        const said = await settle(adoption, deps, signal);
        if (said) telling.tell(key, subject, said);
      }
      if (tries.every(({ adoption }) => adoption.kind === 'leave')) telling.forget(key);
    },
  });
  const forget = (key: Key): void => {
    open.end(key);
    telling.forget(key);
  };
  return {
    followContents: (contents) =>
      void contents.subscribe({
        changed: ({ name, driver }) => void (drivers.includes(driver) && queue.add(`content/${name}`)),
        deleted: ({ name }) => forget(`content/${name}`),
      }),
    run: async (signal) => {
      if (!(await allSynced(informers, signal))) return;
      const leave = [
        ...followOwners(deps, { add: (key) => queue.add(key), forget }),
        storages.subscribe({ changed: ({ name }) => open.of('node', name).forEach((key) => queue.add(key)) }),
        volumes.subscribe({
          changed: ({ metadata: { name = '' } }) => open.of('volume', name).forEach((key) => queue.add(key)),
        }),
      ];
      await queue.run(signal);
      for (const stop of leave) stop();
    },
  };
}

/** Adds what speaks of a volume without a record, also of one whose record was taken away. */
function followOwners(
  { informers: { volumes, pvs, pods }, drivers }: AdoptVolumesDeps,
  { add, forget }: { readonly add: (key: Key) => void; readonly forget: (key: Key) => void },
): (() => void)[] {
  return [
    pvs.subscribe({
      changed: ({ facts: { name, driver, handle } }) =>
        void (drivers.includes(driver) && handle !== '' && !volumes.get(handle) && add(`pv/${name}`)),
      deleted: ({ facts }) => forget(`pv/${facts.name}`),
    }),
    pods.subscribe({
      changed: (pod) => {
        const isOpen = pod.nodeName !== undefined && !pod.finished && inlineOf(pod).some(({ id }) => !volumes.get(id));
        if (isOpen) add(`pod/${pod.namespace}/${pod.name}`);
      },
      deleted: ({ namespace, name }) => forget(`pod/${namespace}/${name}`),
    }),
    volumes.subscribe({
      deleted: ({ metadata: { name = '' } }) => {
        // Of a released one its record went by DeleteVolume: nothing is asked about it.
        for (const { facts, phase } of pvs.ofHandle(name))
          if (!['Released', 'Failed'].includes(phase)) add(`pv/${facts.name}`);
      },
    }),
  ];
}

/** Objects whose volumes are not adopted, by what may change that. */
function createOpenKeys() {
  const open = new Map<Key, { readonly node?: string | undefined; readonly volume?: string | undefined }>();
  return {
    end: (key: Key): void => void open.delete(key),
    note: (key: Key, adoption: Adoption): void => {
      if (adoption.kind === 'refuse') open.set(key, { node: adoption.node });
      if (adoption.kind === 'wait') open.set(key, { node: adoption.node, volume: adoption.volume });
    },
    of: (what: 'node' | 'volume', name: string): readonly Key[] =>
      open.size === 0 ? [] : [...open].filter(([, waiting]) => waiting[what] === name).map(([key]) => key),
  };
}

interface Said {
  readonly reason: 'Adopted' | 'Adoptable' | 'NotAdopted';
  readonly message: string;
}

/** Says the same of an object once. */
function createTelling(events: AdoptVolumesDeps['events']) {
  const told = new Map<Key, string>();
  return {
    forget: (key: Key): void => void told.delete(key),
    tell: (key: Key, subject: EventSubject, { reason, message }: Said): void => {
      if (told.get(key) === message) return;
      told.set(key, message);
      events.record({ subject, type: reason === 'NotAdopted' ? 'Warning' : 'Normal', reason, message });
    },
  };
}

/** Does what was decided; undefined where there is nothing to say. */
async function settle(adoption: Adoption, deps: AdoptVolumesDeps, signal: AbortSignal): Promise<Said | undefined> {
  if (adoption.kind === 'refuse') return { reason: 'NotAdopted', message: adoption.why };
  if (adoption.kind !== 'adopt') return undefined;
  const { volume } = adoption;
  const where = placeOf(volume);
  if (deps.mode === 'report') return { reason: 'Adoptable', message: `${where} fits: ${WITH_YES}` };
  if (!(await create(volume, deps, signal))) return undefined;
  const { name = '' } = volume.metadata;
  deps.log.info({ volume: name, node: volume.spec.nodeName, action: 'adopt' }, 'a volume from before has its record');
  const message = `${where} has a LocalVolume now: ${name}.`;
  return { reason: 'Adopted', message: adoption.note === undefined ? message : `${message} ${adoption.note}` };
}

const WITH_YES = 'it is adopted when the operator runs with --adopt=yes. Until then no pod can mount it anew.';

interface Trying extends Pick<AdoptVolumesDeps, 'client' | 'informers'> {
  readonly known: Known;
}

/** Decides by the object as the API server has it: what was heard may be older than its deletion. */
async function triesOf(key: Key, { client, informers, known }: Trying, signal: AbortSignal): Promise<readonly Tried[]> {
  const [what, name] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)];
  if (what === 'pv') {
    const pv = await find(client, VOLUMES, { name }, signal);
    return pv ? [{ subject: subjectOf(VOLUMES, pv.metadata), adoption: planPvAdoption(pv, known) }] : [];
  }
  if (what === 'content') {
    const content = await find(client, VOLUME_SNAPSHOT_CONTENTS, { name }, signal);
    if (!content) return [];
    const subject = subjectOf(VOLUME_SNAPSHOT_CONTENTS, content.metadata);
    return [{ subject, adoption: planSnapshotAdoption(content, known) }];
  }
  const pod = informers.pods.get(name);
  if (!pod) return [];
  const subject = subjectOf(PODS, pod);
  return inlineOf(pod).map(({ volume }) => ({ subject, adoption: planInlineAdoption(pod, volume, known) }));
}

function inlineOf({ uid, volumes }: PodFacts) {
  return volumes.flatMap((volume) =>
    volume.kind === 'inline' ? [{ id: inlineVolumeId(uid, volume.volumeName), volume }] : [],
  );
}

/** False when it has a record already. */
async function create(
  volume: LocalVolume,
  { client, informers }: AdoptVolumesDeps,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    informers.volumes.wrote(await client.create(LOCAL_VOLUMES, volume, signal));
    return true;
  } catch (error) {
    if (isAlreadyExists(error)) return false;
    throw error;
  }
}

function placeOf({ metadata, spec }: LocalVolume): string {
  if (spec.readOnly) return `Snapshot ${spec.source?.snapshot}, mounted read-only on node ${spec.nodeName},`;
  const where = spec.kind === 'LVM' ? `Logical volume ${spec.vgName}/${metadata.name}` : `${spec.kind} ${spec.path}`;
  return `${where} of node ${spec.nodeName}`;
}
