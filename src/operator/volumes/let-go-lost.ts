import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { LOCAL_VOLUMES, NODES, VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { withoutFinalizer } from '../../kube/without-finalizer.ts';
import { createWorkQueue, type Again } from '../../kube/work/work-queue.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { LET_GO, VOLUME_FINALIZER } from '../../model/well-known.ts';
import type { Clock } from '../../wait/clock.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import { createGoneNodes, type GoneNodes } from './gone-nodes.ts';
import { dataLeft, isLeaving, isTheNodesOwn, lossOf, type Loss, type LossCause } from './lost-volume.ts';

export interface LetGoLostDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch' | 'delete'>;
  readonly informers: Informers;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** How long a Node object must be gone. Ms. */
  readonly graceMs: number;
  /** Told of every volume whose object was let go while its data may still be there. */
  readonly onLetGo: (cause: LossCause) => void;
  readonly clock: Clock;
}

const AT_ONCE = 4;

/**
 * Lets go of the objects of volumes that no agent will ever remove: those of nodes that are gone for the grace time, or
 * that an administrator calls lost. Data is never touched; an Event says which stays where. Works until aborted.
 */
export async function letGoOfLostVolumes(deps: LetGoLostDeps, signal: AbortSignal): Promise<void> {
  const { informers, log, graceMs, clock } = deps;
  if (!(await allSynced(informers, signal))) return;
  const { volumes, nodes, storages } = informers;
  const gone = createGoneNodes({ informers, memoryMs: graceMs, now: () => clock.now() });
  const queue = createWorkQueue({
    name: 'lost volumes',
    log,
    concurrency: AT_ONCE,
    clock,
    reconcile: (name, stopping) => reconcile(name, { ...deps, gone }, stopping),
  });
  const look = (volume: LocalVolume): void => {
    const { nodeName } = volume.spec;
    const isInDoubt = nodes.get(nodeName) === undefined || storages.get(nodeName)?.lost !== undefined;
    if (isLeaving(volume) || (isInDoubt && isTheNodesOwn(volume))) queue.add(volume.metadata.name ?? '');
  };
  const lookAt = (node: string): void => {
    for (const volume of volumes.values.values()) if (volume.spec.nodeName === node) look(volume);
  };
  const leave = [
    volumes.subscribe({ changed: look }),
    nodes.subscribe({ deleted: ({ name }) => lookAt(name) }),
    storages.subscribe({ changed: ({ name, lost }) => void (lost !== undefined && lookAt(name)) }),
    gone.stop,
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}

type Deps = LetGoLostDeps & { readonly gone: GoneNodes };

async function reconcile(name: string, deps: Deps, signal: AbortSignal): Promise<Again | void> {
  const { client, informers, gone, graceMs } = deps;
  const volume = informers.volumes.get(name);
  if (!volume || !(isLeaving(volume) || isTheNodesOwn(volume))) return undefined;
  const { nodeName } = volume.spec;
  const place = { goneForMs: gone.goneForMs(nodeName), nodeLost: informers.storages.get(nodeName)?.lost };
  const loss = lossOf(volume, place, graceMs);
  if (loss.kind === 'none') return undefined;
  if (loss.kind === 'wait') return { afterMs: loss.afterMs };
  const isBack = loss.cause === 'node-gone' && (await find(client, NODES, { name: nodeName }, signal)) !== undefined;
  if (isBack) return undefined; // its event brings us back
  if (isLeaving(volume)) return letGo(name, loss, deps, signal);
  return remove(volume, deps, signal);
}

/**
 * Deletes a volume that only its node would have deleted; that brings it back here. Kubernetes deletes the pods of a
 * gone node, and until it has, their inline volumes may be theirs.
 */
async function remove(volume: LocalVolume, { client, informers, log, graceMs }: Deps, signal: AbortSignal) {
  const { name = '', uid } = volume.metadata;
  if (informers.pvs.ofHandle(name).length > 0) return undefined;
  for (const { nodeName } of informers.pods.values.values())
    if (volume.spec.role === 'Ephemeral' && nodeName === volume.spec.nodeName) return { afterMs: graceMs };
  const preconditions = uid === undefined ? {} : { preconditions: { uid } };
  await unlessGone(client.delete(LOCAL_VOLUMES, { name }, signal, preconditions));
  log.info({ volume: name, node: volume.spec.nodeName, action: 'delete' }, 'its node is lost, and nobody else has it');
  return undefined;
}

/** Decides by what the API server has now: what was heard may be older than a DeleteVolume that was taken back. */
async function letGo(name: string, loss: Loss & { readonly kind: 'lost' }, deps: Deps, signal: AbortSignal) {
  const { client, events, log, gone, onLetGo } = deps;
  const volume = await find(client, LOCAL_VOLUMES, { name }, signal);
  const patch = volume && isLeaving(volume) ? withoutFinalizer(volume.metadata, VOLUME_FINALIZER) : undefined;
  if (!volume || !patch) return undefined;
  await markLetGo(name, loss.why, deps, signal);
  await unlessGone(client.patch(LOCAL_VOLUMES, { name }, patch, signal));
  const left = dataLeft(volume, gone.disksOf(volume.spec.nodeName, volume.spec.vgName ?? ''));
  const message = `The volume's object is let go since ${loss.why}. Its data was not touched: ${left}.`;
  events.record({ subject: subjectOf(LOCAL_VOLUMES, volume.metadata), type: 'Warning', reason: 'DataLeft', message });
  const action = { cause: loss.cause, left };
  log.warn({ volume: name, node: volume.spec.nodeName, action }, 'let go of a volume of a lost node');
  onLetGo(loss.cause);
  return undefined;
}

/**
 * Marks the PersistentVolumes of the volume, so that DeleteVolume, asked again, does not wait for what is lost. Before
 * the object goes: the operator may end in between, and the next one knows of nothing else.
 */
async function markLetGo(name: string, why: string, { client, drivers, informers }: Deps, signal: AbortSignal) {
  for (const { facts } of informers.pvs.ofHandle(name)) {
    if (!drivers.includes(facts.driver) || facts.letGo) continue;
    const body = { metadata: { annotations: { [LET_GO]: why } } };
    await unlessGone(client.patch(VOLUMES, { name: facts.name }, { type: 'merge', body }, signal));
  }
}
