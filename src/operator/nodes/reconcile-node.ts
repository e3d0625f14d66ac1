import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { INIT_CONFIGS, NODE_LOCAL_STORAGES, NODES } from '../../kube/resource.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { InitConfig } from '../../model/objects.ts';
import { judge, notUsed, statusFor, type Verdict } from './init-config-verdict.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import type { StorageView } from '../follow/views.ts';
import { forgetOld, isRemembered, putAside, takeBack } from './said-of-nodes.ts';
import { planNodeStorage, type NodeStorageSpec } from './plan-node-storage.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { subjectOf } from '../../kube/subject.ts';
import { pause } from '../../wait/pause.ts';

export interface NodeReconcilerDeps {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'patch' | 'delete'>;
  readonly informers: Informers;
  /** Name of the one NodeLocalStorageInitConfig that counts. */
  readonly initConfig: string;
  /** Whether the spec of an object that exists follows the config. */
  readonly update: boolean;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Wall clock. */
  readonly date: () => Date;
}

export interface NodeReconciler {
  /** Works from when all informers have synced until aborted. */
  run(signal: AbortSignal): Promise<void>;
  stats(): Readonly<Record<string, number>>;
}

const AT_ONCE = 8;
const nodeKey = (name: string): string => `node/${name}`;
const configKey = (name: string): string => `config/${name}`;

/**
 * Keeps one NodeLocalStorage per Node, with the spec that the init config says. A change of the config, of a node or of
 * its labels, and a NodeLocalStorage edited or deleted by hand, each bring exactly the objects concerned in line again.
 */
export function createNodeReconciler(deps: NodeReconcilerDeps): NodeReconciler {
  const { informers, initConfig, log } = deps;
  const accepted = createAccepted();
  const queue = createWorkQueue({
    name: 'node storage',
    log,
    concurrency: AT_ONCE,
    reconcile: async (key, signal) => {
      const config = key.startsWith(configKey('')) ? key.slice(configKey('').length) : undefined;
      if (config !== undefined) await tellVerdict(informers.initConfigs.get(config), deps, signal);
      else await reconcileNode(key.slice(nodeKey('').length), accepted(), deps, signal);
    },
  });

  const lookAtAll = (): void => {
    accepted.review(informers.initConfigs.get(initConfig));
    for (const name of informers.nodes.values.keys()) queue.add(nodeKey(name));
  };
  /** A change of the config that leaves its generation as it was is our own write of the status. */
  const lookAtConfig = (now: InitConfig, before: InitConfig | undefined): void => {
    const { name = '' } = now.metadata;
    queue.add(configKey(name));
    if (name !== initConfig) return;
    if (now.metadata.generation !== before?.metadata.generation) lookAtAll();
  };
  const look = ({ name }: { readonly name: string }): void => queue.add(nodeKey(name));
  const lookAtStorage = (now: StorageView, before?: StorageView): void => {
    look(now);
    if (before?.refused !== now.refused || !before) queue.add(configKey(initConfig));
  };
  const lostStorage = (storage: StorageView): void => {
    look(storage);
    queue.add(configKey(initConfig));
  };

  return {
    stats: () => ({ ...queue.stats() }),
    run: async (signal) => {
      if (!(await allSynced(informers, signal))) return;
      const leave = [
        informers.initConfigs.subscribe({ changed: lookAtConfig, deleted: lookAtAll }),
        informers.nodes.subscribe({ changed: look, deleted: look }),
        informers.storages.subscribe({ changed: lookAtStorage, deleted: lostStorage }),
      ];
      await queue.run(signal);
      for (const stop of leave) stop();
    },
  };
}

interface Accepted {
  /** The spec that counts: the last one without problems; undefined while there is none. */
  (): InitConfig['spec'];
  review(config: InitConfig | undefined): void;
}

function createAccepted(): Accepted {
  let spec: InitConfig['spec'];
  const review = (config: InitConfig | undefined): void => {
    if (config === undefined) spec = undefined;
    else if (judge(config.spec).ok) spec = config.spec ?? {};
  };
  return Object.assign(() => spec, { review });
}

async function reconcileNode(
  name: string,
  config: InitConfig['spec'],
  deps: NodeReconcilerDeps,
  signal: AbortSignal,
): Promise<void> {
  const node = deps.informers.nodes.get(name);
  const storage = deps.informers.storages.get(name);
  if (!node) return storage && removeOrphan(name, deps, signal);
  if (config === undefined) return undefined;
  const wanted = planNodeStorage(node, config);
  if (!storage) return create(wanted, deps, signal);
  if (deps.update && !isDeepStrictEqual(storage.spec, wanted)) return update(name, wanted, deps, signal);
  return undefined;
}

async function create(spec: NodeStorageSpec, deps: NodeReconcilerDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, log, date } = deps;
  const metadata = { name: spec.nodeName ?? '' };
  try {
    informers.storages.wrote(await client.create(NODE_LOCAL_STORAGES, { metadata, spec }, signal));
    log.info({ node: metadata.name, action: 'create' }, 'wrote a NodeLocalStorage');
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const kept = await takeBack(spec, client, date(), signal);
    if (kept === 'tooOld') return create(spec, deps, signal);
    if (!kept) return; // its event brings us back
    informers.storages.wrote(kept);
    log.info({ node: metadata.name, action: { back: kept.metadata } }, 'wrote a NodeLocalStorage');
  }
}

async function update(
  name: string,
  spec: NodeStorageSpec,
  { client, informers, log }: NodeReconcilerDeps,
  signal: AbortSignal,
): Promise<void> {
  const patch = { type: 'json', body: [{ op: 'add', path: '/spec', value: spec }] } as const;
  const patched = await unlessGone(client.patch(NODE_LOCAL_STORAGES, { name }, patch, signal));
  if (!patched) return; // its event brings us back
  informers.storages.wrote(patched);
  log.info({ node: name, action: 'update' }, 'wrote a NodeLocalStorage');
}

/** Asks the API server itself before it does so: the object's annotations are people's. */
async function removeOrphan(
  name: string,
  { client, log, date }: NodeReconcilerDeps,
  signal: AbortSignal,
): Promise<void> {
  if (await find(client, NODES, { name }, signal)) return; // its event brings us back
  const nls = await find(client, NODE_LOCAL_STORAGES, { name }, signal);
  if (!nls || isRemembered(nls.metadata, date()) !== undefined) return;
  await putAside(nls, client, date(), signal);
  await forgetOld(client, date(), signal);
  log.info({ node: name, action: 'delete' }, 'wrote a NodeLocalStorage');
}

/** Tells in the config's status whether it is applied, and by an Event when that is news. */
async function tellVerdict(
  config: InitConfig | undefined,
  deps: NodeReconcilerDeps,
  signal: AbortSignal,
): Promise<void> {
  if (!config) return;
  const { client, informers, date } = deps;
  const isUsed = config.metadata.name === deps.initConfig;
  const verdict = isUsed ? judge(config.spec) : notUsed(deps.initConfig);
  const nodes = isUsed ? countNodes(informers.storages.values) : undefined;
  const status = statusFor(config, verdict, date().toISOString(), nodes);
  if (!status) return;
  const { name = '' } = config.metadata;
  informers.initConfigs.wrote(
    await client.patch(INIT_CONFIGS, { name }, { type: 'merge', body: { status } }, signal, 'status'),
  );
  const { nodes: _, ...told } = config.status ?? {};
  if (statusFor({ ...config, status: told }, verdict, date().toISOString())) recordVerdict(config, verdict, deps);
  else await pause(COUNT_PACE_MS, signal);
}

/** The nodes are counted anew at most once in this time, while a cluster starts. Ms. */
const COUNT_PACE_MS = 2000;

function countNodes(storages: ReadonlyMap<string, StorageView>): { readonly all: number; readonly refused: number } {
  let refused = 0;
  for (const storage of storages.values()) if ((storage.refused ?? 0) > 0) refused += 1;
  return { all: storages.size, refused };
}

function recordVerdict({ metadata }: InitConfig, verdict: Verdict, { events }: NodeReconcilerDeps): void {
  events.record({
    subject: subjectOf(INIT_CONFIGS, metadata),
    type: verdict.reason === 'Accepted' ? 'Normal' : 'Warning',
    reason: (verdict.reason === 'Accepted' ? 'Synced' : verdict.reason) satisfies EventReason,
    message: verdict.message,
  });
}
