import type { Handlers } from '../../kube/follow/audience.ts';
import type { StorageView } from './views.ts';

/** Storages of nodes, and who hears of them. */
export interface Storages {
  get(node: string): StorageView | undefined;
  /** Tells of all present ones at once, then of changes, until the returned function is called. */
  subscribe(handlers: Handlers<StorageView>): () => void;
}

/** Storages as they count: each by `counted`, whose answer for a view may change with other things than the view. */
export function countStorages(storages: Storages, counted: (view: StorageView) => StorageView) {
  const audience = new Set<Handlers<StorageView>>();
  const get: Storages['get'] = (node) => {
    const view = storages.get(node);
    return view && counted(view);
  };
  const subscribe: Storages['subscribe'] = (handlers) => {
    audience.add(handlers);
    const changed: Handlers<StorageView>['changed'] = (view, before) => handlers.changed?.(counted(view), before);
    const stop = storages.subscribe({ ...handlers, changed });
    return () => {
      audience.delete(handlers);
      stop();
    };
  };
  /** Tells that a view may count otherwise than before. */
  const tell = (view: StorageView): void => {
    for (const { changed } of audience) changed?.(counted(view), undefined);
  };
  return { get, subscribe, tell };
}
