import { at, type Stored } from './json.ts';
import type { Kind } from './kind.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import type { Version } from './version.ts';

/** Which objects of a kind a list, a watch or a deletecollection is about. */
export interface Selection {
  /** Of the key: one namespace, or all. */
  readonly prefix: string;
  /** Whether it chooses by more than the namespace. */
  readonly narrow: boolean;
  matches(version: Version): boolean;
}

const META_FIELDS = ['metadata.name', 'metadata.namespace'];

/** Throws 400 for a selector that cannot be read, or that names a field the kind cannot be selected by. */
export function selectionOf(
  kind: Kind,
  query: { readonly namespace: string | undefined; readonly labels: string; readonly fields: string },
): Selection {
  const labels = labelSelector(query.labels);
  const fields = fieldSelector(
    query.fields,
    (field) => META_FIELDS.includes(field) || kind.selectable.includes(field),
    (object, field) => text(at(object, field === 'source' ? ['source', 'component'] : field.split('.'))),
  );
  const face = kind.faceOf?.fromStored ?? ((object: Stored) => object);
  const prefix = query.namespace === undefined ? '' : `${query.namespace}/`;
  return {
    prefix,
    narrow: query.labels !== '' || query.fields !== '',
    matches: ({ key, object }) =>
      key.startsWith(prefix) && labels(object.metadata.labels) && (query.fields === '' || fields(face(object))),
  };
}

/** As a field selector compares it: what is not there is empty, or false for a switch. */
const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
