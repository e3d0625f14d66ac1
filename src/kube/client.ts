import type { KubeObject } from '../model/objects.ts';
import type { Message } from './protobuf/schema.ts';
import type { Resource } from './resource.ts';

/** Names one object; `namespace` only for namespaced kinds. */
export interface ObjectKey {
  readonly name: string;
  readonly namespace?: string | undefined;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects per page. */
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Present while there are more pages. */
  readonly continue?: string;
}

/** What a page tells at its end. */
export type PageEnd = Omit<ListPage<never>, 'items'>;

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** How objects are read of which only a part is kept. */
export interface Reading<T> {
  /**
   * The server is asked for protobuf, of which these fields are read and no others. Where it answers in JSON all the
   * same, objects are whole. Absent: JSON.
   */
  readonly schema?: Message<T> | undefined;
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  /** Ends the watch when not even a bookmark came for so long. */
  readonly silenceMs?: number;
  /** The server is asked to end the watch after so long, so that watches spread over its replicas again. */
  readonly timeoutSeconds?: number;
}

/** `merge` is RFC 7396, `json` RFC 6902, `apply` server-side apply (needs a field manager). */
export type Patch =
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'apply'; readonly body: unknown; readonly fieldManager: string; readonly force?: boolean };

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** What becomes of the objects that name it as their owner; absent: they are deleted after it. */
  readonly propagationPolicy?: 'Orphan' | 'Foreground' | 'Background';
}

/**
 * The API server, as far as we need it. Every call takes a signal and has a deadline of its own; a failed one throws
 * ApiError (errors.ts), whose `code` is the HTTP status and whose `reason` is the Status object's. Verbs:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal: AbortSignal): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options: ListOptions, signal: AbortSignal): Promise<ListPage<T>>;
  /** Tells of each object of a page as soon as it is read; those told before a failure have been told. */
  listEach<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions & Reading<T>,
    tell: (object: T) => void,
    signal: AbortSignal,
  ): Promise<PageEnd>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, signal: AbortSignal): Promise<T>;
  /**
   * Replaces; the object's resourceVersion, when present, must still be current. `status` writes the status subresource
   * only.
   */
  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    signal: AbortSignal,
    subresource?: 'status',
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    signal: AbortSignal,
    subresource?: 'status',
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    signal: AbortSignal,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Creates under a subresource path, for example a pod's `binding`. */
  createSub<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    subresource: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<void>;
  /** The last lines of a container's log, which its kubelet has. */
  podLog(
    key: ObjectKey,
    options: { readonly container: string; readonly tailLines: number },
    signal: AbortSignal,
  ): Promise<string>;
  /** Ends quietly when the server closes it; throws ApiError 410 when the version is too old. */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions & Reading<T>,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** Closes kept-alive connections. */
  close(): void;
}
