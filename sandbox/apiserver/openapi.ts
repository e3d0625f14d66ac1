import { apiVersionOf, type Kind } from './kind.ts';
import type { Registry } from './registry.ts';

/**
 * What is served under /openapi/v3, as far as kubectl asks: whether fields can be validated by the server, and the
 * schemas of custom kinds for `kubectl explain`. Undefined for any other path.
 */
export function openApi(registry: Registry, path: string): object | undefined {
  if (path === '/openapi/v3') return { paths: Object.fromEntries(versions(registry).map((one) => [one, pathOf(one)])) };
  const [, version] = /^\/openapi\/v3\/(.+)$/.exec(path) ?? [];
  if (version === undefined) return undefined;
  const kinds = registry.kinds().filter((kind) => versionPath(kind) === version);
  return kinds.length === 0 ? undefined : documentOf(version, kinds);
}

const versionPath = (kind: Kind): string => `${kind.group === '' ? 'api' : 'apis'}/${apiVersionOf(kind)}`;
const versions = (registry: Registry): string[] => [...new Set(registry.kinds().map((kind) => versionPath(kind)))];
const pathOf = (version: string): object => ({ serverRelativeURL: `/openapi/v3/${version}` });

/** Of built-in kinds only that they are there is known. */
const schemaOf = (kind: Kind): object => ({
  ...(kind.custom ? kind.schema : {}),
  'x-kubernetes-group-version-kind': [type(kind)],
});

const type = ({ group, version, kind }: Kind): object => ({ group, version, kind });

function documentOf(version: string, kinds: readonly Kind[]): object {
  const fieldValidation = { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } };
  const patch = (kind: Kind) => ({
    patch: {
      parameters: [fieldValidation],
      responses: { 200: { description: 'OK' } },
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': type(kind),
    },
  });
  const own = (kind: Kind) => `/${version}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}/{name}`;
  return {
    openapi: '3.0.0',
    info: { title: 'open-local', version: 'unversioned' },
    paths: Object.fromEntries(kinds.map((kind) => [own(kind), patch(kind)])),
    components: {
      schemas: Object.fromEntries(
        kinds.map((kind) => [`${version.replaceAll('/', '.')}.${kind.kind}`, schemaOf(kind)]),
      ),
    },
  };
}
