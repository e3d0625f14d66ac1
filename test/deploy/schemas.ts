import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';

/** Makes the JSON schemas that kubeconform reads out of what Kubernetes says of itself. */

type Schema = Readonly<Record<string, unknown>>;
interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The file of one kind, as kubeconform is told to look for it. */
export const LOCATION = '{{ .ResourceKind }}{{ .KindSuffix }}.json';
const fileOf = ({ group, version, kind }: Gvk): string =>
  `${[kind, group.split('.', 1)[0], version]
    .filter((word) => word !== '')
    .join('-')
    .toLowerCase()}.json`;

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that are not named are refused, and null stands for an absent field, as in the API server. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (!isObject(schema)) return schema;
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string')
    return { type: ['string', 'integer'] };
  const { description: _, default: __, format: ___, ...rest } = schema;
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => {
      if (key === '$ref' && typeof value === 'string') return [key, value];
      if (key === 'properties' && isObject(value))
        return [key, Object.fromEntries(Object.entries(value).map(([name, of]) => [name, orNull(strict(of))]))];
      return [key, key === 'enum' || key === 'required' ? value : strict(value)];
    }),
  );
  const closed =
    isObject(schema['properties']) &&
    schema['additionalProperties'] === undefined &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true;
  return closed ? { ...inner, additionalProperties: false } : inner;
}

const orNull = (schema: unknown): unknown =>
  isObject(schema) && typeof schema['type'] === 'string' ? { ...schema, type: [schema['type'], 'null'] } : schema;

const REF = '#/definitions/';
/** All that a schema refers to, and what those refer to. */
function reached(from: unknown, definitions: Schema, found = new Map<string, unknown>()): Map<string, unknown> {
  for (const [, name = ''] of JSON.stringify(from).matchAll(/"#\/definitions\/([^"]+)"/g)) {
    if (found.has(name)) continue;
    found.set(name, definitions[name]);
    reached(definitions[name], definitions, found);
  }
  return found;
}

/** A quantity may be a number in a manifest. */
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/** Writes a file for every kind of these groups that the OpenAPI document describes. Returns how many. */
export async function writeSchemas(swagger: string, folder: string, groups: readonly string[]): Promise<number> {
  const document = JSON.parse(await readFile(swagger, 'utf8')) as { definitions: Record<string, Schema> };
  const definitions = strict(document.definitions) as Record<string, Schema>;
  definitions[QUANTITY] = { type: ['string', 'number'] };
  await mkdir(folder, { recursive: true });
  let count = 0;
  for (const [name, schema] of Object.entries(document.definitions)) {
    const gvks = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly Gvk[];
    const [gvk] = gvks;
    if (gvks.length !== 1 || !gvk || !groups.includes(gvk.group)) continue;
    const whole = { $ref: REF + name, definitions: Object.fromEntries(reached({ $ref: REF + name }, definitions)) };
    await writeFile(path.join(folder, fileOf(gvk)), JSON.stringify(whole));
    count += 1;
  }
  return count;
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** The same for every kind that the CRDs of a folder define. */
export async function writeCrdSchemas(crds: string, folder: string): Promise<number> {
  const files = (await readdir(crds)).filter((file) => file.endsWith('.yaml'));
  let count = 0;
  for (const file of files) {
    const { spec } = parse(await readFile(path.join(crds, file), 'utf8')) as Crd;
    for (const { name: version, schema } of spec.versions) {
      const properties = { ...(schema.openAPIV3Schema['properties'] as Schema), metadata: { type: 'object' } };
      const whole = strict({ ...schema.openAPIV3Schema, properties });
      const gvk = { group: spec.group, version, kind: spec.names.kind };
      await writeFile(path.join(folder, fileOf(gvk)), JSON.stringify(whole));
      count += 1;
    }
  }
  return count;
}
