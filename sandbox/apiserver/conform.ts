import { ruleCauses } from './cel.ts';
import { type Cause, wrong } from './failure.ts';
import type { JsonObject, Stored } from './json.ts';
import type { Kind } from './kind.ts';
import { schemaCauses } from './schema-check.ts';
import { defaulted, pruned } from './schema-shape.ts';

export interface Conformed {
  /** With its defaults and without unknown fields. */
  readonly object: Stored;
  readonly causes: readonly Cause[];
  /** Paths of the fields that were dropped. */
  readonly unknown: readonly string[];
}

/** Makes `object` what its kind allows, and says what is wrong with the rest. */
export function conform(kind: Kind, object: Stored, old: Stored | undefined): Conformed {
  if (kind.custom) return conformCustom(kind, object, old);
  kind.rules.defaults?.(object);
  const causes = kind.rules.validate?.(object) ?? [];
  const changes = old === undefined ? [] : (kind.rules.validateUpdate?.(object, old) ?? []);
  return { object, causes: [...causes, ...changes], unknown: [] };
}

/** Wrong in so basic a way that rules cannot be asked about it. */
const BLOCKING = new Set([
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueTooLong',
  'FieldValueTooMany',
]);

const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function conformCustom(kind: Kind, sent: Stored, old: Stored | undefined): Conformed {
  const { schema } = kind;
  const unknown: string[] = [];
  const object = defaulted(pruned(sent as unknown as JsonObject, schema, unknown), schema) as JsonObject;
  const causes = schemaCauses(object, schema);
  if (causes.some(({ reason }) => BLOCKING.has(reason))) causes.push(wrong.value('<nil>', null, NOT_CHECKED));
  else causes.push(...ruleCauses({ value: object, old: old as JsonObject | undefined, schema, path: '' }));
  return { object: object as unknown as Stored, causes, unknown };
}
