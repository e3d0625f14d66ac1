import type { KubeObject } from '../../model/objects.ts';

/** A copy without the record of who wrote which field, which no reader of ours needs. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}
