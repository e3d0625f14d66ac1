import { bind } from './binding.ts';
import { evict } from './eviction.ts';
import { type ListQuery, listPage, type Page } from './lists.ts';
import { notFound } from './failure.ts';
import type { Json, Stored } from './json.ts';
import { idOf, type Kind } from './kind.ts';
import { sweepNamespaces } from './namespaces.ts';
import type { Registry } from './registry.ts';
import type { DeleteOptions } from './options.ts';
import { remove, type Removed } from './removal.ts';
import { type Selection } from './selection.ts';
import type { Store } from './store.ts';
import type { PatchBody, Target, Written } from './target.ts';
import { keyOf, type Version } from './version.ts';
import { bodyObject } from './write-checks.ts';
import { create, patch, update } from './writes.ts';
import { apply } from './server-side-apply.ts';
import type { WriteDeps } from './replace.ts';

interface Place {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** The API without HTTP. Everything throws ApiFailure as a real server answers. */
export interface Api {
  readonly store: Store;
  readonly registry: Registry;
  get(place: Place): Version;
  list(kind: Kind, selection: Selection, query: ListQuery): Page;
  create(target: Omit<Target, 'name' | 'subresource'>, body: Json): Written;
  update(target: Target, body: Json): Written;
  patch(target: Target, body: PatchBody): Written;
  remove(place: Place, request: DeleteOptions): Removed;
  /** Removes what is selected; returns it as it was. */
  removeAll(kind: Kind, selection: Selection, request: DeleteOptions): Page;
  bind(place: Place, body: Json, dryRun: boolean): void;
  /** Deletes a pod unless a budget forbids it. */
  evict(place: Place, body: Json, dryRun: boolean): void;
}

/** Kinds are those that are stored: faces are for the caller to turn. */
export function createApi(
  deps: WriteDeps & { readonly registry: Registry; readonly written: (kind: Kind) => void },
): Api {
  const { store, registry } = deps;
  /** What follows from a write, before the next request is looked at. */
  function settled<T>(kind: Kind, result: T): T {
    deps.written(kind);
    sweepNamespaces(deps);
    return result;
  }

  const api: Api = {
    store,
    registry,
    get({ kind, namespace, name }) {
      const version = store.collection(idOf(kind)).get(keyOf(namespace, name));
      if (version === undefined) throw notFound(kind, name);
      return version;
    },
    list: (kind, selection, query) => listPage(store.collection(idOf(kind)), selection, query, store.revision()),
    create: (target, body) => settled(target.kind, create(deps, target, bodyObject(body))),
    update: (target, body) => settled(target.kind, update(deps, target, bodyObject(body))),
    patch: (target, body) =>
      settled(target.kind, body.type === 'apply' ? apply(deps, target, body) : patch(deps, target, body)),
    remove: ({ kind, ...key }, request) => settled(kind, remove(deps, kind, key, request)),
    removeAll(kind, selection, request) {
      const page = api.list(kind, selection, { limit: 0, continue: '', resourceVersion: '', resourceVersionMatch: '' });
      for (const { object } of page.versions) remove(deps, kind, keyIn(object), request);
      return settled(kind, page);
    },
    bind: ({ kind, ...key }, body, dryRun) => settled(kind, bind(deps, { kind, ...key }, bodyObject(body), dryRun)),
    evict: ({ kind, ...key }, body, dryRun) => settled(kind, evict(deps, { kind, ...key }, bodyObject(body), dryRun)),
  };
  return api;
}

const keyIn = ({ metadata }: Stored): { namespace: string | undefined; name: string } => ({
  namespace: metadata.namespace,
  name: metadata.name ?? '',
});
