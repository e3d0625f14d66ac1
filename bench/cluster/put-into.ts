import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import type { Resource } from '../../src/kube/resource.ts';
import type { KubeObject } from '../../src/model/objects.ts';

/** An object with what an API server adds to it: uid, time of creation, managed fields. */
export interface StoredObject {
  readonly resource: Resource;
  readonly object: object;
}

/** etcd takes at most 128 operations in a transaction, and 1.5 MB. */
const IN_ONE = 100;
const AT_ONCE = 4;

/**
 * Puts objects into etcd where the API server has them, who hears of each by its watch as if another API server had
 * written it: a large cluster is there within a minute, where creating it object by object takes most of an hour.
 * Built-in kinds are JSON here, which the API server reads as well as protobuf, and protobuf after its next write.
 * `etcd`: address of a server that takes plain HTTP. Throws what etcd says.
 */
export const putInto = (etcd: string, objects: Iterable<StoredObject>, signal: AbortSignal): Promise<void> =>
  forEachOf(chunks(objects, IN_ONE), AT_ONCE, (chunk) => putTogether(etcd, chunk, signal));

function* chunks<T>(all: Iterable<T>, size: number): Generator<readonly T[]> {
  let chunk: T[] = [];
  for (const one of all) {
    chunk.push(one);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

async function putTogether(etcd: string, objects: readonly StoredObject[], signal: AbortSignal): Promise<void> {
  const success = objects.map((one) => ({ requestPut: { key: base64(keyOf(one)), value: base64(valueOf(one)) } }));
  const reply = await fetch(`${etcd}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ success }), signal });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`etcd answered ${reply.status}: ${text.slice(0, 500)}`);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Nodes have kept the name that they had before Kubernetes 1.0. */
function keyOf({ resource, object }: StoredObject): string {
  const { name = '', namespace } = (object as KubeObject).metadata;
  const kind = resource.plural === 'nodes' ? 'minions' : resource.plural;
  const group = resource.group.includes('.') ? [resource.group] : [];
  return ['/registry', ...group, kind, ...(namespace === undefined ? [] : [namespace]), name].join('/');
}

function valueOf({ resource: { group, version, kind }, object }: StoredObject): string {
  const { metadata, ...rest } = object as KubeObject;
  const { resourceVersion: _inEtcd, ...kept } = metadata;
  return JSON.stringify({ apiVersion: group === '' ? version : `${group}/${version}`, kind, ...rest, metadata: kept });
}
