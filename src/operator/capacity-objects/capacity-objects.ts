import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isNotFound } from '../../kube/errors.ts';
import { createInformer, type Informer } from '../../kube/follow/informer.ts';
import { apiVersionOf, CSI_DRIVERS, STORAGE_CAPACITIES } from '../../kube/resource.ts';
import type { Bytes } from '../../model/bytes.ts';
import { quantity } from '../../model/decode-claim.ts';
import type { CsiDriver, CsiStorageCapacity } from '../../model/objects.ts';
import { formatQuantity } from '../../model/quantity.ts';
import { DRIVER_NAME, FREED, MANAGED_BY, OPERATOR } from '../../model/well-known.ts';
import type { PlannedCapacity } from './plan-capacity.ts';

export interface CapacityObjectsDeps {
  readonly client: KubeClient;
  readonly driverName: string;
  /** Of the objects. */
  readonly namespace: string;
  readonly log: Log;
}

/** The parts of an object that change: a hash of all others is its name. */
export interface Published {
  readonly name: string;
  readonly largest: Bytes;
  readonly available: Bytes;
}

/** The CSIStorageCapacity objects of ours, and the CSIDriver that says whether kube-scheduler reads them. */
export interface CapacityObjects {
  readonly driver: Informer<CsiDriver, CsiDriver>;
  readonly published: Informer<CsiStorageCapacity, Published>;
  /** The CSIDriver; undefined while it does not tell kube-scheduler to look at capacity. */
  owner(): CsiDriver | undefined;
  /**
   * Writes a mark on one object and nothing else. kube-scheduler retries pods that an extender refused after any event
   * of a kind that it watches, such as this one, and otherwise after five minutes. Throws what the client throws.
   */
  touch(mark: string, signal: AbortSignal): Promise<void>;
  /** Brings one object in line. Throws what the client throws. */
  write(step: Step, signal: AbortSignal): Promise<void>;
}

/**
 * These informers are apart from the others: a cluster whose RBAC does not know these objects is served all the same.
 */
export function createCapacityObjects(deps: CapacityObjectsDeps): CapacityObjects {
  const { client, driverName, namespace, log } = deps;
  const labelSelector = Object.entries(labelsOf(driverName)).map(([key, value]) => `${key}=${value}`);
  const driver = createInformer({
    client,
    resource: CSI_DRIVERS,
    selection: { fieldSelector: `metadata.name=${driverName}` },
    project: ({ metadata: { name = '', uid = '' }, spec = {} }: CsiDriver): CsiDriver => ({
      metadata: { name, uid },
      spec,
    }),
    log,
  });
  const published = createInformer({
    client,
    resource: STORAGE_CAPACITIES,
    selection: { namespace, labelSelector: labelSelector.join(',') },
    project: ({ metadata, maximumVolumeSize = '0', capacity = '0' }: CsiStorageCapacity): Published => ({
      name: metadata.name ?? '',
      largest: quantity(maximumVolumeSize),
      available: quantity(capacity),
    }),
    log,
  });
  return {
    driver,
    published,
    owner: () => {
      const found = driver.get(driverName);
      return found?.spec?.storageCapacity === true ? found : undefined;
    },
    touch: async (mark, signal) => {
      const [one] = published.values.values();
      if (!one) return;
      const body = { metadata: { annotations: { [FREED]: mark } } };
      const key = { namespace, name: one.name };
      published.wrote(await client.patch(STORAGE_CAPACITIES, key, { type: 'merge', body }, signal));
    },
    write: async (step, signal) => {
      const written = await write(client, step, metadataFor(deps, driver.get(driverName)), signal);
      if (written) published.wrote(written);
    },
  };
}

/** The words of csi-provisioner, which leaves objects of another manager alone. */
const labelsOf = (driverName: string): Record<string, string> => ({
  [DRIVER_NAME]: driverName,
  [MANAGED_BY]: OPERATOR,
});

/** One write. */
export type Step =
  | { readonly verb: 'create' | 'update'; readonly object: PlannedCapacity }
  | { readonly verb: 'delete'; readonly name: string };

/** What grows first and what goes last, so that in between no number is too small. */
export function stepsTo(plan: readonly PlannedCapacity[], published: ReadonlyMap<string, Published>): Step[] {
  const byName = new Map([...published.values()].map((one) => [one.name, one]));
  const writes = plan.flatMap((object): (Step & { readonly object: PlannedCapacity })[] => {
    const now = byName.get(object.name);
    if (!now) return [{ verb: 'create', object }];
    const isSame = now.largest === object.largest && now.available === object.available;
    return isSame ? [] : [{ verb: 'update', object }];
  });
  const grows = ({ object }: { readonly object: PlannedCapacity }): boolean =>
    object.largest > (byName.get(object.name)?.largest ?? -1);
  const planned = new Set(plan.map(({ name }) => name));
  const deletes = [...byName.keys()].flatMap((name): Step[] => (planned.has(name) ? [] : [{ verb: 'delete', name }]));
  return [...writes.filter(grows), ...writes.filter((step) => !grows(step)), ...deletes];
}

/** Of every object. */
type Metadata = Readonly<Omit<CsiStorageCapacity['metadata'], 'name'>> & { readonly namespace: string };

/** The objects go with the driver: whoever uninstalls it leaves none behind. */
function metadataFor({ driverName, namespace }: CapacityObjectsDeps, owner: CsiDriver | undefined): Metadata {
  const { name = '', uid = '' } = owner?.metadata ?? {};
  const reference = { apiVersion: apiVersionOf(CSI_DRIVERS), kind: CSI_DRIVERS.kind, name, uid };
  return { namespace, labels: labelsOf(driverName), ownerReferences: owner ? [reference] : [] };
}

/** Undefined where the object is as wished without us, or somebody else's. */
async function write(
  client: KubeClient,
  step: Step,
  metadata: Metadata,
  signal: AbortSignal,
): Promise<CsiStorageCapacity | undefined> {
  const { namespace } = metadata;
  try {
    if (step.verb === 'delete') {
      await client.delete(STORAGE_CAPACITIES, { namespace, name: step.name }, signal);
      return undefined;
    }
    const { name, storageClass: storageClassName, nodeTopology, largest, available } = step.object;
    const sizes = sizesOf({ largest, available });
    if (step.verb === 'update')
      return await client.patch(STORAGE_CAPACITIES, { namespace, name }, { type: 'merge', body: sizes }, signal);
    const object = { metadata: { ...metadata, name }, storageClassName, nodeTopology, ...sizes };
    return await client.create(STORAGE_CAPACITIES, object, signal);
  } catch (error) {
    if (isAlreadyExists(error) && step.verb === 'create') return putLabelsBack(client, step.object, metadata, signal);
    // Where nothing can be created, the namespace is missing.
    if (isNotFound(error) && step.verb !== 'create') return undefined;
    throw error;
  }
}

const sizesOf = ({ largest, available }: Pick<PlannedCapacity, 'largest' | 'available'>) => ({
  maximumVolumeSize: formatQuantity(largest),
  capacity: formatQuantity(available),
});

/**
 * An object without our labels is not followed, and kube-scheduler goes by it all the same: it would keep its numbers
 * for ever. One with those of another driver or manager is that one's.
 */
async function putLabelsBack(
  client: KubeClient,
  planned: PlannedCapacity,
  { namespace, labels }: Metadata,
  signal: AbortSignal,
): Promise<CsiStorageCapacity | undefined> {
  const { name } = planned;
  const { items } = await client.list(
    STORAGE_CAPACITIES,
    { namespace, fieldSelector: `metadata.name=${name}` },
    signal,
  );
  const had = items[0]?.metadata.labels ?? {};
  const isOthers = Object.entries(labels ?? {}).some(([key, value]) => (had[key] ?? value) !== value);
  if (items.length === 0 || isOthers) return undefined;
  const body = { metadata: { labels }, ...sizesOf(planned) };
  return client.patch(STORAGE_CAPACITIES, { namespace, name }, { type: 'merge', body }, signal);
}
