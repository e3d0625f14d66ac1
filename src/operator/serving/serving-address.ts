import { isIPv6 } from 'node:net';
import type { KubeClient } from '../../kube/client.ts';
import { isConflict } from '../../kube/errors.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { createInformer, type Informer } from '../../kube/follow/informer.ts';
import type { Resource } from '../../kube/resource.ts';
import type { KubeObject } from '../../model/objects.ts';
import type { Log } from '../../model/log.ts';
import { OPERATOR, SLICE_MANAGED_BY, SLICE_OF_SERVICE } from '../../model/well-known.ts';
import { orAborted } from '../../wait/abort.ts';
import { pause } from '../../wait/pause.ts';

/**
 * Who answers kube-scheduler, and shows the page. Their Services select no pods: the leader writes the one
 * EndpointSlice behind each (docs/decisions/0017), so that every replica can be Ready and yet the leader alone is
 * called.
 * https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
 */

/** discovery.k8s.io/v1 EndpointSlice, the fields that we write. */
export interface EndpointSlice extends KubeObject {
  addressType: 'IPv4' | 'IPv6';
  endpoints: {
    addresses: string[];
    conditions?: { ready?: boolean };
    targetRef?: { kind: string; namespace: string; name: string };
  }[];
  ports?: { name: string; port: number; protocol: string }[];
}

export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};

/** Of the core group; only its removal matters here. */
const ENDPOINTS: Resource = { group: '', version: 'v1', plural: 'endpoints', kind: 'Endpoints', namespaced: true };

/** Where this replica can be reached, and the Service that leads there. */
export interface ServingAddress {
  readonly namespace: string;
  readonly service: string;
  /** Of this pod. */
  readonly ip: string;
  readonly port: number;
  /** As the Service calls it. */
  readonly portName: string;
  readonly pod: string;
}

const sliceName = ({ service }: ServingAddress): string => `${service}-leader`;

/** The slice that names this replica. The port has the name of the Service's port, as kube-proxy wants it. */
export function leaderSlice(address: ServingAddress): EndpointSlice {
  const { namespace, service, ip, port, portName, pod } = address;
  return {
    metadata: {
      name: sliceName(address),
      namespace,
      labels: { [SLICE_OF_SERVICE]: service, [SLICE_MANAGED_BY]: OPERATOR },
    },
    addressType: isIPv6(ip) ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [ip], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace, name: pod } }],
    ports: [{ name: portName, port, protocol: 'TCP' }],
  };
}

export interface ServingAddressDeps {
  readonly client: KubeClient;
  /** Why no call can be answered yet; undefined once all can. */
  readonly notReady: () => string | undefined;
  readonly log: Log;
}

/** How long to wait before calls can perhaps be answered, and after a failure, in ms. */
const SOON_MS = 100;
const RETRY_MS = 1000;
/** What is said at the end must be said quickly: the pod is being stopped. */
const GOODBYE_MS = 2000;

/**
 * Leads the Service to this replica as soon as it can answer, mends what others change, and until aborted; then leaves
 * the Service without an address, so that a call in between is refused at once instead of running into a dead one.
 */
export async function leadServiceHere(
  address: ServingAddress,
  deps: ServingAddressDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && deps.notReady() !== undefined) await pause(SOON_MS, signal);
  const { namespace, service } = address;
  const selection = { namespace, labelSelector: `${SLICE_OF_SERVICE}=${service}` };
  const { client, log } = deps;
  const slices = createInformer({ client, resource: ENDPOINT_SLICES, project: (slice) => slice, selection, log });
  let change = Promise.withResolvers<void>();
  slices.subscribe({ changed: () => change.resolve(), deleted: () => change.resolve() });
  const following = slices.run(signal);
  try {
    await slices.whenSynced(signal);
    while (!signal.aborted) {
      // Before the look: a change during it asks for another.
      change = Promise.withResolvers();
      if (await look(address, slices, deps, signal)) await orAborted(change.promise, signal);
      else await pause(RETRY_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  await following;
  await pointNowhere(address, deps);
}

type Slices = Informer<EndpointSlice, EndpointSlice>;

/** Mends what is not as it should be; false when that failed. */
async function look(
  address: ServingAddress,
  slices: Slices,
  deps: ServingAddressDeps,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await point(address, slices, deps, signal);
    await removeOthers(address, slices, deps, signal);
    return true;
  } catch (err) {
    // Another process wrote at the same time, or the server is away.
    if (!signal.aborted) deps.log.warn({ object: `EndpointSlice/${sliceName(address)}`, err }, 'could not be written');
    return false;
  }
}

async function point(
  address: ServingAddress,
  slices: Slices,
  { client, log }: ServingAddressDeps,
  signal: AbortSignal,
): Promise<void> {
  const wanted = leaderSlice(address);
  const key = { name: sliceName(address), namespace: address.namespace };
  const found = slices.get(`${key.namespace}/${key.name}`) ?? (await find(client, ENDPOINT_SLICES, key, signal));
  if (found && leadsTo(found, wanted)) return;
  // The type of its addresses cannot be changed.
  const stays = found?.addressType === wanted.addressType ? found : undefined;
  if (found && !stays) await remove(client, ENDPOINT_SLICES, found, signal);
  slices.wrote(
    stays
      ? await client.update(ENDPOINT_SLICES, { ...wanted, metadata: merged(stays, wanted) }, signal)
      : await client.create(ENDPOINT_SLICES, wanted, signal),
  );
  const { ip, port, service } = address;
  log.info({ object: `Service/${service}`, action: `leads to ${ip} port ${port}` }, 'serving address');
}

const merged = (found: EndpointSlice, wanted: EndpointSlice): EndpointSlice['metadata'] => ({
  ...found.metadata,
  labels: { ...found.metadata.labels, ...wanted.metadata.labels },
});

/** Whether it says what kube-proxy reads of the other; what Kubernetes or people add to it does not matter. */
const leadsTo = (found: EndpointSlice, wanted: EndpointSlice): boolean => gist(found) === gist(wanted);

const gist = ({ metadata, endpoints, ports }: EndpointSlice): string =>
  JSON.stringify([
    metadata.labels?.[SLICE_OF_SERVICE],
    endpoints?.map(({ addresses, conditions }) => [addresses, conditions?.ready !== false]),
    ports?.map(({ name, port }) => [name, port]),
  ]);

/**
 * A Service that had a selector before (an earlier open-local's) keeps the addresses that Kubernetes wrote for it, of
 * pods that are gone: nobody else removes them.
 */
async function removeOthers(
  address: ServingAddress,
  slices: Slices,
  { client, log }: ServingAddressDeps,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, service } = address;
  const others = [...slices.values.values()].filter(({ metadata }) => metadata.name !== sliceName(address));
  if (others.length === 0) return;
  // First what they may be mirrored from.
  await remove(client, ENDPOINTS, { metadata: { name: service, namespace } }, signal);
  for (const other of others) {
    await remove(client, ENDPOINT_SLICES, other, signal);
    log.info({ object: `EndpointSlice/${other.metadata.name}` }, 'removed: it led to pods of an earlier version');
  }
}

async function remove(
  client: ServingAddressDeps['client'],
  resource: Resource,
  { metadata: { name = '', namespace } }: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  await unlessGone(client.delete(resource, { name, namespace }, signal));
}

/** Only while it still leads here: another replica may lead by now. */
async function pointNowhere(address: ServingAddress, { client, log }: ServingAddressDeps): Promise<void> {
  const signal = AbortSignal.timeout(GOODBYE_MS);
  const wanted = leaderSlice(address);
  try {
    const key = { name: sliceName(address), namespace: address.namespace };
    const found = await find(client, ENDPOINT_SLICES, key, signal);
    if (found && leadsTo(found, wanted)) await client.update(ENDPOINT_SLICES, { ...found, endpoints: [] }, signal);
  } catch (err) {
    if (!isConflict(err)) log.warn({ object: `EndpointSlice/${sliceName(address)}`, err }, 'could not be cleared');
  }
}
