import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/model/objects.ts';
import { Fault } from '../../src/model/fault.ts';

/**
 * The objects of a manifest: YAML documents, of which a List is taken apart. Throws Fault `invalid` naming `source` and
 * the line of what is not YAML, or the document that is no object of the API.
 */
export function parseManifest(text: string, source: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document, index) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Fault('invalid', `${source}: ${error.message}`);
    return objectsIn(document.toJS() as unknown, `${source}, document ${index + 1}`);
  });
}

function objectsIn(value: unknown, where: string): KubeObject[] {
  if (value === null || value === undefined) return [];
  const object = value as Partial<KubeObject> & { readonly items?: unknown };
  if (typeof value !== 'object' || !object.apiVersion || !object.kind) {
    throw new Fault('invalid', `${where} is no object of the API: it needs apiVersion and kind`);
  }
  if (object.kind.endsWith('List') && Array.isArray(object.items)) {
    return object.items.flatMap((item: unknown, index) => objectsIn(item, `${where}, item ${index + 1}`));
  }
  if (!object.metadata?.name && !object.metadata?.generateName) {
    throw new Fault('invalid', `${where}: ${object.kind} needs metadata.name`);
  }
  return [object as KubeObject];
}
