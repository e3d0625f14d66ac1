import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { Definition } from './definition.ts';
import { fieldsOf } from './schema-fields.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../crds');
const FILES = ['nodelocalstorages.yaml', 'nodelocalstorageinitconfigs.yaml', 'localvolumes.yaml'];

/**
 * Every field of the custom resource definitions of this version, by the name of each. A bundle has no files beside it:
 * build.ts puts the fields in the place of this file.
 */
export const DEFINITION_FIELDS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  FILES.map((file) => {
    const { metadata, spec } = parse(readFileSync(path.join(FOLDER, file), 'utf8')) as Definition;
    return [metadata.name ?? '', [...fieldsOf(spec?.versions?.[0]?.schema?.openAPIV3Schema)].toSorted()] as const;
  }),
);
