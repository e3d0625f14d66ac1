import type { KubeClient, Patch } from '../../kube/client.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { patchSame } from '../../kube/patch-same.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { FORMATTING, GONE_SINCE, KNOWN_GROUPS, STORAGE_CORDONED, STORAGE_RESERVED } from '../../model/well-known.ts';

/** A Node object that is made anew later than this is another machine's. Ms. */
const REMEMBERED_MS = 24 * 3_600_000;
/** Of those that nobody came back for, so many are deleted at a time. */
const PAGE = 500;
/** Not LOST, which is said of a machine that does not come back, and not what is asked for once. */
const KEPT = [STORAGE_RESERVED, STORAGE_CORDONED, FORMATTING, KNOWN_GROUPS];

type Metadata = NodeLocalStorage['metadata'];
type Client = Pick<KubeClient, 'get' | 'patch' | 'delete'>;

/**
 * The metadata with which a NodeLocalStorage is kept while its Node is gone, as a merge patch; undefined when nothing
 * was said of it. It keeps reservations and cordons, which are lost otherwise by `kubectl delete node` and by clouds
 * while an instance is stopped, so that the room is given away; and what the agent recorded: which groups are the
 * node's, and which filesystem it had begun to make.
 */
export function asideOf({ metadata: { annotations = {} }, status }: NodeLocalStorage, now: Date): object | undefined {
  const groups = status?.knownGroups;
  const said = groups ? { ...annotations, [KNOWN_GROUPS]: JSON.stringify(groups) } : annotations;
  const names = Object.keys(said);
  if (!names.some((name) => KEPT.includes(name))) return undefined;
  const kept = Object.entries(said).map(([name, value]) => [name, KEPT.includes(name) ? value : null]);
  const since = Math.floor(now.getTime() / 1000);
  return { labels: { [GONE_SINCE]: String(since) }, annotations: Object.fromEntries(kept) };
}

/** Whether what is kept of a node that went is still to be believed; undefined of a node that is there. */
export function isRemembered({ labels = {} }: Metadata, now: Date): boolean | undefined {
  const since = labels[GONE_SINCE];
  return since === undefined ? undefined : now.getTime() - Number(since) * 1000 < REMEMBERED_MS;
}

/**
 * Puts the object of a node that is gone aside, or deletes it when nothing was said of it. In the API server and not in
 * the leader's memory, since the next leader has to know it too.
 */
export async function putAside(nls: NodeLocalStorage, client: Client, now: Date, signal: AbortSignal): Promise<void> {
  const { name = '' } = nls.metadata;
  const metadata = asideOf(nls, now);
  if (metadata) await patchSame(client, { resource: NODE_LOCAL_STORAGES, object: nls, body: { metadata } }, signal);
  else await unlessGone(client.delete(NODE_LOCAL_STORAGES, { name }, signal));
}

/**
 * Gives a node that is back the object that was kept for it, with this spec. Undefined when there is none, or one that
 * nobody put aside. `tooOld` when it is another machine's: it was deleted.
 */
export async function takeBack(
  spec: NonNullable<NodeLocalStorage['spec']>,
  client: Client,
  now: Date,
  signal: AbortSignal,
): Promise<NodeLocalStorage | 'tooOld' | undefined> {
  const key = { name: spec.nodeName ?? '' };
  const found = await find(client, NODE_LOCAL_STORAGES, key, signal);
  const isOurs = found && isRemembered(found.metadata, now);
  if (isOurs === undefined) return undefined;
  const { uid = '' } = found?.metadata ?? {};
  if (isOurs) return client.patch(NODE_LOCAL_STORAGES, key, backPatch(uid, spec), signal);
  await unlessGone(client.delete(NODE_LOCAL_STORAGES, key, signal, { preconditions: { uid } }));
  return 'tooOld';
}

const backPatch = (uid: string, spec: object): Patch => ({
  type: 'json',
  body: [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'remove', path: `/metadata/labels/${GONE_SINCE.replace('/', '~1')}` },
    { op: 'add', path: '/spec', value: spec },
  ],
});

/** Deletes what was kept of nodes that did not come back in time. */
export async function forgetOld(
  client: Pick<KubeClient, 'list' | 'delete'>,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  const page = await client.list(NODE_LOCAL_STORAGES, { labelSelector: GONE_SINCE, limit: PAGE }, signal);
  for (const { metadata } of page.items) {
    const { name = '', uid = '' } = metadata;
    if (isRemembered(metadata, now) !== false) continue;
    await unlessGone(client.delete(NODE_LOCAL_STORAGES, { name }, signal, { preconditions: { uid } }));
  }
}
