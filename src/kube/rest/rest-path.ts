import type { ObjectKey } from '../client.ts';
import type { Resource } from '../resource.ts';

/**
 * The path of a resource, or of one object of it; throws TypeError when a namespaced object comes without its
 * namespace.
 */
export function restPath(resource: Resource, key: Partial<ObjectKey>, subresource?: string): string {
  const { group, version, plural, namespaced } = resource;
  if (namespaced && key.name !== undefined && !key.namespace) {
    throw new TypeError(`${resource.kind} ${key.name} needs a namespace`);
  }
  const parts = group === '' ? ['api', version] : ['apis', group, version];
  if (namespaced && key.namespace) parts.push('namespaces', key.namespace);
  parts.push(plural);
  if (key.name !== undefined) parts.push(key.name);
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** `?a=b&…` of what is present, or nothing. */
export function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}
