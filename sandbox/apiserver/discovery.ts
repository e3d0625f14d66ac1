import { apiVersionOf, type Kind } from './kind.ts';
import { openApi } from './openapi.ts';
import type { Registry } from './registry.ts';

/**
 * What is served under the paths that tell what is served, and of health: text or JSON; undefined for any other path.
 */
export function discovery(registry: Registry, path: string): object | string | undefined {
  if (/^\/(healthz|livez|readyz)(\/.*)?$/.test(path)) return 'ok';
  if (path === '/version') return VERSION;
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(registry) };
  const [, core, group = '', version] = /^\/(?:api\/(v1)|apis\/([^/]+)(?:\/([^/]+))?)\/?$/.exec(path) ?? [];
  if (core !== undefined) return resources(registry, 'v1');
  if (group === '') return openApi(registry, path);
  if (version !== undefined) return resources(registry, `${group}/${version}`);
  return groups(registry).find(({ name }) => name === group);
}

const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.0+open-local-memory', platform: 'linux/amd64' };

function groups(registry: Registry): { name: string }[] {
  const versions = new Map<string, Set<string>>();
  for (const { group, version } of registry.kinds()) {
    if (group !== '') versions.set(group, (versions.get(group) ?? new Set()).add(version));
  }
  return [...versions].map(([name, ofGroup]) => {
    const served = [...ofGroup].map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions: served, preferredVersion: served[0] };
  });
}

function resources(registry: Registry, groupVersion: string): object | undefined {
  const kinds = [...registry.kinds()].filter((kind) => apiVersionOf(kind) === groupVersion);
  if (kinds.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: kinds.flatMap((kind) => described(kind)),
  };
}

function described(kind: Kind): object[] {
  const own = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
  };
  const sub = (name: string, of: string, verbs: string[]) => ({
    name: `${kind.plural}/${name}`,
    singularName: '',
    namespaced: kind.namespaced,
    kind: of,
    verbs,
  });
  const eviction = { ...sub('eviction', 'Eviction', ['create']), group: 'policy', version: 'v1' };
  const scale = { ...sub('scale', 'Scale', ['get', 'patch', 'update']), group: 'autoscaling', version: 'v1' };
  const token = {
    ...sub('token', 'TokenRequest', ['create']),
    ...{ group: 'authentication.k8s.io', version: 'v1' },
  };
  return [
    own,
    ...(kind.status ? [sub('status', kind.kind, ['get', 'patch', 'update'])] : []),
    ...(kind.scale ? [scale] : []),
    ...(kind.plural === 'serviceaccounts' ? [token] : []),
    ...(kind.plural === 'pods' && !kind.custom ? [sub('binding', 'Binding', ['create']), eviction] : []),
  ];
}
