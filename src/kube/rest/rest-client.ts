import type { KubeObject } from '../../model/objects.ts';
import type { ClusterAccess } from '../access/access.ts';
import type { KubeClient, ListOptions, ListPage, ObjectKey, PageEnd, Patch } from '../client.ts';
import type { ListMeta } from '../protobuf/list-reader.ts';
import type { Message } from '../protobuf/schema.ts';
import { ACCEPT } from './answer-format.ts';
import { readListAnswer } from './list-answer.ts';
import { apiVersionOf, PODS, type Resource } from '../resource.ts';
import { createRestCaller, nameOf, textOfBody, type Call, type RestOptions } from './rest-call.ts';
import { queryOf, restPath } from './rest-path.ts';
import { watchStream } from './watch-stream.ts';

/** The API server sends a bookmark about once a minute; after more than two the connection is dead. */
const SILENCE_MS = 150_000;
const WATCH_SECONDS = 300;

/** The API server over kept-alive HTTP/1.1 connections, without any library: an agent pays for this on every node. */
export function createKubeClient(access: ClusterAccess, options: RestOptions): KubeClient {
  const caller = createRestCaller(access, options);

  return {
    get: (resource, key, signal) => caller.json({ method: 'GET', path: restPath(resource, key) }, signal),
    list: async <T extends KubeObject>(resource: Resource<T>, options: ListOptions, signal: AbortSignal) => {
      const items: T[] = [];
      const call = { ...listCall(resource, options), accept: ACCEPT.json };
      const reading = { kind: resource.kind, schema: undefined, tell: (object: T) => void items.push(object) };
      const end = await caller.read(call, signal, (answer) => readListAnswer(nameOf(call), answer, reading));
      return { items, ...pageEnd(end) } satisfies ListPage<T>;
    },
    listEach: (resource, { schema, ...options }, tell, signal) => {
      const call = { ...listCall(resource, options), accept: acceptFor(schema) };
      const reading = { kind: resource.kind, schema, tell };
      return caller.read(call, signal, async (answer) => pageEnd(await readListAnswer(nameOf(call), answer, reading)));
    },
    create: (resource, object, signal) => {
      const { namespace } = object.metadata;
      const path = restPath(resource, { namespace });
      const query = queryOf(validation(resource));
      return caller.json({ method: 'POST', path, query, body: typed(resource, object) }, signal);
    },
    update: (resource, object, signal, subresource) => {
      const path = restPath(resource, keyOf(object), subresource);
      const query = queryOf(validation(resource, subresource));
      return caller.json({ method: 'PUT', path, query, body: typed(resource, object) }, signal);
    },
    patch: (resource, key, patch, signal, subresource) =>
      caller.json(patchCall(resource, key, patch, subresource), signal),
    delete: async (resource, key, signal, options = {}) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
      await caller.json({ method: 'DELETE', path: restPath(resource, key), body }, signal);
    },
    createSub: async (resource, key, subresource, body, signal) => {
      await caller.json({ method: 'POST', path: restPath(resource, key, subresource), body }, signal);
    },
    podLog: (key, options, signal) => {
      const call: Call = { method: 'GET', path: restPath(PODS, key, 'log'), query: queryOf(options), accept: '*/*' };
      return caller.read(call, signal, textOfBody);
    },
    watch: (resource, options, signal) => {
      const { namespace, silenceMs = SILENCE_MS, timeoutSeconds = WATCH_SECONDS, schema, ...selection } = options;
      const query = queryOf({ watch: true, allowWatchBookmarks: true, timeoutSeconds, ...selection });
      const call: Call = {
        ...{ method: 'GET', path: restPath(resource, { namespace }), query, accept: acceptFor(schema) },
      };
      return watchStream(caller, call, { silenceMs, schema, kind: resource.kind }, signal);
    },
    close: () => caller.close(),
  };
}

const listCall = (resource: Resource, { namespace, ...query }: ListOptions): Call => ({
  method: 'GET',
  path: restPath(resource, { namespace }),
  query: queryOf(query),
});

const acceptFor = (schema: Message | undefined): string => (schema ? ACCEPT.protobuf : ACCEPT.json);

const pageEnd = ({ resourceVersion = '', continue: next = '' }: ListMeta = {}): PageEnd =>
  next === '' ? { resourceVersion } : { resourceVersion, continue: next };

function keyOf({ metadata: { name, namespace } }: KubeObject): ObjectKey {
  if (name === undefined) throw new TypeError('the object has no metadata.name');
  return { name, namespace };
}

/** Adds kind and apiVersion, which items of a list come without and a body must have. */
const typed = (resource: Resource, object: object): object => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  ...object,
});

/** JSON is YAML, so the type that every server knows for an apply is right for ours. */
const CONTENT_TYPES: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Of a status nothing is refused: an old definition must not keep an agent from saying what it can. */
const validation = ({ strict }: Resource, subresource?: string): { readonly fieldValidation?: 'Strict' } =>
  strict && subresource === undefined ? { fieldValidation: 'Strict' } : {};

function patchCall(resource: Resource, key: ObjectKey, patch: Patch, subresource?: string): Call {
  const call = {
    method: 'PATCH',
    path: restPath(resource, key, subresource),
    contentType: CONTENT_TYPES[patch.type],
  } as const;
  const checked = validation(resource, subresource);
  if (patch.type !== 'apply') return { ...call, query: queryOf(checked), body: patch.body };
  const query = queryOf({ fieldManager: patch.fieldManager, force: patch.force, ...checked });
  return { ...call, query, body: typed(resource, patch.body as object) };
}
