import { present } from '../../src/model/present.ts';
import type { Column, Kind, KindRules } from './kind.ts';
import type { Schema } from './schema.ts';

/** One row of the tables of built-in kinds; what is absent is as with most kinds. */
export interface Entry {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly clusterWide?: boolean;
  readonly status?: boolean;
  readonly generation?: boolean;
  readonly unconditionalUpdate?: boolean;
  readonly createOnUpdate?: boolean;
  readonly returnsDeleted?: boolean;
  readonly selectable?: readonly string[];
  readonly columns?: readonly Column[];
  readonly schema?: Schema;
  readonly rules?: KindRules;
  readonly answer?: Kind['answer'];
  readonly faceOf?: Kind['faceOf'];
  readonly scale?: Kind['scale'];
}

export const column = (name: string, jsonPath: string, type = 'string', priority = 0): Column => ({
  name,
  type,
  jsonPath,
  priority,
});

export const AGE = column('Age', '.metadata.creationTimestamp', 'date');

/** A row's kind in version v1 of the group. */
export const kindOf = (group: string, entry: Entry): Kind => ({
  group,
  version: 'v1',
  kind: entry.kind,
  plural: entry.plural,
  singular: entry.kind.toLowerCase(),
  listKind: `${entry.kind}List`,
  shortNames: entry.shortNames ?? [],
  namespaced: entry.clusterWide !== true,
  custom: false,
  status: entry.status ?? false,
  generation: entry.generation ?? false,
  unconditionalUpdate: entry.unconditionalUpdate ?? true,
  createOnUpdate: entry.createOnUpdate ?? false,
  returnsDeleted: entry.returnsDeleted ?? false,
  selectable: entry.selectable ?? [],
  columns: entry.columns ?? [AGE],
  schema: entry.schema ?? {},
  rules: entry.rules ?? {},
  ...present({ faceOf: entry.faceOf, answer: entry.answer, scale: entry.scale }),
});
