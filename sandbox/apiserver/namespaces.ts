import { idOf } from './kind.ts';
import type { Registry } from './registry.ts';
import { remove, type RemovalDeps } from './removal.ts';

const NAMESPACES = 'namespaces.';

/**
 * Does what the namespace controller does in a real cluster: a namespace being deleted is emptied, and goes once
 * nothing is left in it.
 */
export function sweepNamespaces(deps: SweepDeps): void {
  for (const { key, object } of deps.store.collection(NAMESPACES).list('')) {
    const { metadata } = object;
    if (metadata.deletionTimestamp === undefined) continue;
    const left = emptied(deps, metadata.name ?? '');
    if (left === 0 && (metadata.finalizers ?? []).length === 0) deps.store.remove(NAMESPACES, key);
  }
}

type SweepDeps = RemovalDeps & { readonly registry: Registry };

/** Deletes what is in the namespace; returns how many objects something still holds. */
function emptied(deps: SweepDeps, namespace: string): number {
  const kinds = deps.registry.kinds().filter((kind) => kind.namespaced && kind.faceOf === undefined);
  const removed = kinds.flatMap((kind) =>
    deps.store
      .collection(idOf(kind))
      .list(`${namespace}/`)
      .map(({ object }) => remove(deps, kind, { namespace, name: object.metadata.name ?? '' }, { dryRun: false })),
  );
  return removed.filter(({ gone }) => !gone).length;
}
