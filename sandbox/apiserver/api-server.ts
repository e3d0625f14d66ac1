import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../src/model/objects.ts';
import { type Api, createApi } from './api.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { DEFINITIONS, syncCustomKinds } from './custom-kinds.ts';
import { badRequest } from './failure.ts';
import { createTroublePlan, type Troubles } from './troubles.ts';
import { handle } from './handler.ts';
import type { Json } from './json.ts';
import { idOf } from './kind.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { parseManifest } from './manifest.ts';
import { createRegistry } from './registry.ts';
import type { Route } from './route.ts';
import { createStore } from './store.ts';

export interface ApiServerOptions {
  /** Texts of CustomResourceDefinitions, as YAML. */
  readonly crds?: readonly string[];
  /** Ms since 1970. */
  readonly now?: () => number;
  /** How many changes of each kind are remembered for watches that come back. */
  readonly historyLimit?: number;
  /** Between the bookmarks of a watch, ms. */
  readonly bookmarkMs?: number;
  /** Told of every request on objects, before any trouble. */
  readonly onRequest?: (route: Route) => void;
}

/**
 * An API server in memory, over real HTTP, that answers as Kubernetes does: what the suite in test/api asks, it asks of
 * a real one too. It knows the kinds of `built-in-kinds.ts` and every CustomResourceDefinition it is given.
 *
 * Not here: authentication of its own callers; admission (but for the growth of claims: a new node is not tainted, a
 * claim gets no default class); the schemas of built-in kinds; strategic merge patches; protobuf; what controllers do,
 * such as garbage collection, so that every delete is one in the background. Of the controllers' work only a deleted
 * namespace is emptied.
 */
export interface ApiServer {
  /** Starts to listen, on a free port unless told; resolves to the base URL. */
  listen(port?: number, host?: string): Promise<string>;
  /** Ends every connection, watches too. */
  close(): Promise<void>;
  /** A kubeconfig for this server. Throws before it listens. */
  kubeconfig(): string;
  writeKubeconfig(path: string): Promise<void>;
  readonly troubles: Troubles;
  /** Straight into the store, past HTTP and troubles: creates, or replaces what is there. Throws ApiFailure. */
  load(...objects: readonly KubeObject[]): void;
  /** An object as it is stored; undefined when there is none. */
  stored(plural: string, name: string, namespace?: string): KubeObject | undefined;
}

/** Throws Fault for a definition that cannot be read. */
export function createApiServer(options: ApiServerOptions = {}): ApiServer {
  const { now = Date.now, historyLimit = 10_000, bookmarkMs = 60_000 } = options;
  const store = createStore(historyLimit);
  const registry = createRegistry(builtInKinds(now));
  const api = createApi({
    store,
    registry,
    now,
    written: (kind) => idOf(kind) === DEFINITIONS && syncCustomKinds(store, registry),
  });
  const plan = createTroublePlan(() => store.compact());
  const closing = new AbortController();
  const deps = { api, plan, bookmarkMs, now, closing: closing.signal, onRequest: options.onRequest ?? (() => {}) };
  const server = http.createServer((request, response) => void handle(deps, request, response));
  // Longer than clients keep theirs, so that none meets a connection that is just closing.
  server.keepAliveTimeout = 120_000;
  let url = '';

  for (const name of ['default', 'kube-system', 'kube-public'])
    load(api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const text of options.crds ?? []) for (const object of parseManifest(text, 'crds')) load(api, object);

  const started: ApiServer = {
    troubles: plan.troubles,
    async listen(port = 0, host = '127.0.0.1') {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve());
      });
      const address = server.address() as AddressInfo;
      url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
      return url;
    },
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
    kubeconfig() {
      if (url === '') throw new Error('the API server does not listen yet');
      return kubeconfigFor(url);
    },
    writeKubeconfig: (path) => writeFile(path, started.kubeconfig(), { mode: 0o600 }),
    load: (...objects) => objects.forEach((object) => load(api, object)),
    stored(plural, name, namespace) {
      const kind = registry.kinds().find((one) => one.plural === plural && one.faceOf === undefined);
      return kind && store.collection(idOf(kind)).get(`${namespace ?? ''}/${name}`)?.object;
    },
  };
  return started;
}

function load(api: Api, object: KubeObject): void {
  const kind = api.registry.ofObject(object);
  if (kind === undefined) throw badRequest(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
  const namespace = kind.namespaced ? (object.metadata.namespace ?? 'default') : undefined;
  const target = { kind, namespace, manager: 'load', dryRun: false, fieldValidation: 'Strict' } as const;
  const name = object.metadata.name ?? '';
  const body = structuredClone(object) as unknown as Json;
  const exists = api.store.collection(idOf(kind)).get(`${namespace ?? ''}/${name}`) !== undefined;
  if (exists) api.patch({ ...target, name, subresource: '' }, { type: 'merge', body });
  else api.create(target, body);
}
