import type { KubeClient } from '../../kube/client.ts';
import { withoutManagedFields } from '../../kube/rest/managed-fields.ts';
import { createInformer, type Informer } from '../../kube/follow/informer.ts';
import type { Message } from '../../kube/protobuf/schema.ts';
import {
  CLAIMS,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUMES,
  type Resource,
} from '../../kube/resource.ts';
import { classFacts } from '../../model/decode.ts';
import type { ClaimFacts, ClassFacts, PodFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type {
  InitConfig,
  KubeObject,
  Node,
  NodeLocalStorage,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../../model/objects.ts';
import type { Log } from '../../model/log.ts';
import { createPvsByHandle } from './pvs-by-handle.ts';
import { createPvsByNode } from './pvs-by-node.ts';
import { SCHEMAS } from './schemas.ts';
import { createViews, type NodeView, type PvView, type StorageView } from './views.ts';
import { OF_NODES_THERE } from '../../model/nodes-there.ts';

/** PersistentVolumes, and those of one volume. */
export interface PvInformer extends Informer<PersistentVolume, PvView> {
  /** Those, of any driver, that have the volume handle. */
  ofHandle(handle: string): readonly PvView[];
}

/** One informer for each kind of object that decides where a volume goes. */
export interface Informers {
  readonly nodes: Informer<Node, NodeView>;
  readonly storages: Informer<NodeLocalStorage, StorageView>;
  /** All of them: those that do not count are told so. */
  readonly initConfigs: Informer<InitConfig, InitConfig>;
  readonly volumes: Informer<LocalVolume, LocalVolume>;
  readonly pods: Informer<Pod, PodFacts>;
  readonly claims: Informer<PersistentVolumeClaim, ClaimFacts>;
  /** By the names of their nodes, not their hostnames. */
  readonly pvs: PvInformer;
  readonly classes: Informer<StorageClass, ClassFacts>;
}

export interface InformersOptions {
  readonly client: KubeClient;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly log: Log;
}

/** Makes the informers without starting them: `followAll` does. */
export function createInformers({ client, drivers, log }: InformersOptions): Informers {
  const follow = <T extends KubeObject, P>(
    resource: Resource<T>,
    project: (object: T) => P,
    schema: Message<T>,
  ): Informer<T, P> => createInformer({ client, resource, project, schema, same, log });
  const views = createViews(drivers);
  const nodes = follow(NODES, views.node, SCHEMAS.node);
  const pvs = createPvsByNode(follow(VOLUMES, views.pv, SCHEMAS.pv), nodes);
  return {
    nodes,
    storages: createInformer({
      client,
      resource: NODE_LOCAL_STORAGES,
      selection: { labelSelector: OF_NODES_THERE },
      project: views.storage,
      // A heartbeat alone is no news; the view has it all the same.
      same: (a, b) => same({ ...a, reportedAt: 0 }, { ...b, reportedAt: 0 }),
      log,
    }),
    initConfigs: createInformer({
      client,
      resource: INIT_CONFIGS,
      project: withoutManagedFields,
      log,
    }),
    volumes: createInformer({ client, resource: LOCAL_VOLUMES, project: views.volume, log }),
    pods: follow(PODS, views.pod, SCHEMAS.pod),
    claims: follow(CLAIMS, views.claim, SCHEMAS.claim),
    pvs: { ...pvs, ofHandle: createPvsByHandle(pvs) },
    classes: follow(STORAGE_CLASSES, classFacts, SCHEMAS.storageClass),
  };
}

/** Follows the API server until aborted. */
export async function followAll(informers: Informers, signal: AbortSignal): Promise<void> {
  await Promise.all(allOf(informers).map(([, informer]) => informer.run(signal)));
}

/** Which kinds of objects are not listed yet, for a person; undefined once all are. */
export function notSynced(informers: Informers): string | undefined {
  const missing = allOf(informers).filter(([, informer]) => !informer.hasSynced());
  if (missing.length === 0) return undefined;
  const problems = new Set(missing.flatMap(([, informer]) => informer.health().lastError ?? []));
  const names = missing.map(([name]) => name).join(', ');
  return [`not listed yet: ${names}`, ...problems].join('; ');
}

/**
 * Resolves with true once every one of them has listed what exists, and with false when aborted before. Until then an
 * object that is not listed yet looks like one that is gone.
 */
export async function allSynced(
  informers: Informers,
  signal: AbortSignal,
  ...others: readonly Pick<AnyInformer, 'whenSynced'>[]
): Promise<boolean> {
  const all = [...allOf(informers).map(([, informer]) => informer), ...others];
  try {
    await Promise.all(all.map((informer) => informer.whenSynced(signal)));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

type AnyInformer = Pick<Informer<KubeObject, unknown>, 'run' | 'hasSynced' | 'whenSynced' | 'health' | 'values'>;

/** By name, for messages and metrics. */
export const allOf = (informers: Informers): [name: string, informer: AnyInformer][] =>
  Object.entries(informers as unknown as Readonly<Record<string, AnyInformer>>);

/** Equal views are no news: most updates of a pod or a claim change no field of its view. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
