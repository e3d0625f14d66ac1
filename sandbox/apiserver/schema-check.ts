import { type Cause, wrong } from './failure.ts';
import { hasFormat } from './formats.ts';
import { isObject, type Json, type JsonObject, same } from './json.ts';
import { itemElement } from './field-paths.ts';
import { fieldSchema, type Schema } from './schema.ts';

/**
 * Everything that is wrong with `value`, in the words of a real server (kube-openapi, pkg/validation). Without the CEL
 * rules.
 */
export function schemaCauses(value: Json, schema: Schema, path = ''): Cause[] {
  if (value === null && schema.nullable === true) return [];
  const mistyped = typeCauses(value, schema, path);
  const causes = [...mistyped, ...enumCauses(value, schema, path)];
  if (mistyped.length > 0) return causes;
  causes.push(...compositionCauses(value, schema, path));
  if (typeof value === 'string') causes.push(...textCauses(value, schema, path));
  else if (typeof value === 'number') causes.push(...numberCauses(value, schema, path));
  else if (Array.isArray(value)) causes.push(...arrayCauses(value, schema, path));
  else if (isObject(value)) causes.push(...objectCauses(value, schema, path));
  return causes;
}

export const under = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function typeCauses(value: Json, schema: Schema, path: string): Cause[] {
  const found = typeName(value);
  const mistyped = (expected: string, name = found) => [
    wrong.type(path, name, `${path} in body must be of type ${expected}: ${JSON.stringify(name)}`),
  ];
  if (schema['x-kubernetes-int-or-string'] === true) {
    return found === 'integer' || found === 'string' ? [] : mistyped('integer,string');
  }
  if (schema.type === undefined || schema.type === found || (schema.type === 'number' && found === 'integer'))
    return [];
  if (schema.type === 'integer' && found === 'number' && schema.format?.startsWith('int'))
    return mistyped(schema.format, 'float64');
  return mistyped(schema.type);
}

const enumCauses = (value: Json, schema: Schema, path: string): Cause[] =>
  schema.enum === undefined || schema.enum.some((one) => same(one, value))
    ? []
    : [wrong.unsupported(path, value, schema.enum)];

function textCauses(text: string, schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  const inBody = (why: string) => wrong.value(path, text, `${path} in body ${why}`);
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema;
  // Counted in code points, as Go counts them.
  const length = Array.from(text).length;
  if (length < minLength) causes.push(inBody(`should be at least ${minLength} chars long`));
  if (length > maxLength) causes.push(wrong.tooLong(path, maxLength));
  if (pattern !== undefined && !expression(pattern).test(text)) causes.push(inBody(`should match '${pattern}'`));
  if (format !== undefined && !hasFormat(text, format)) {
    causes.push(wrong.type(path, text, `${path} in body must be of type ${format}: ${JSON.stringify(text)}`));
  }
  return causes;
}

const expressions = new Map<string, RegExp>();
function expression(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known !== undefined) return known;
  const made = compiled(pattern);
  expressions.set(pattern, made);
  return made;
}

/** Go escapes more than JavaScript allows in its Unicode mode. */
function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

const RANGES: Readonly<Record<string, number>> = { int32: 2 ** 31, int64: 2 ** 63 };

function numberCauses(value: number, schema: Schema, path: string): Cause[] {
  const causes = boundProblems(value, schema).map((why) =>
    wrong.value(path, value, `${path} in body should be ${why}`),
  );
  const { format = '' } = schema;
  const range = RANGES[format];
  if (range !== undefined && (value >= range || value < -range)) {
    causes.push(wrong.value('<nil>', '', `Checked value must be of type integer with format ${format} in ${path}`));
  }
  return causes;
}

function boundProblems(value: number, schema: Schema): string[] {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY, multipleOf } = schema;
  const problems: string[] = [];
  if (schema.exclusiveMinimum === true) {
    if (value <= minimum) problems.push(`greater than ${minimum}`);
  } else if (value < minimum) problems.push(`greater than or equal to ${minimum}`);
  if (schema.exclusiveMaximum === true) {
    if (value >= maximum) problems.push(`less than ${maximum}`);
  } else if (value > maximum) problems.push(`less than or equal to ${maximum}`);
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) problems.push(`a multiple of ${multipleOf}`);
  return problems;
}

function arrayCauses(list: readonly Json[], schema: Schema, path: string): Cause[] {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const causes: Cause[] = [];
  if (list.length < minItems)
    causes.push(wrong.value(path, list.length, `${path} in body should have at least ${minItems} items`));
  if (list.length > maxItems) causes.push(wrong.tooMany(path, list.length, maxItems));
  if (items !== undefined) causes.push(...list.flatMap((item, i) => schemaCauses(item, items, `${path}[${i}]`)));
  return [...causes, ...duplicates(list, schema, path)];
}

/** Items of a set, or of a keyed list, that are there twice. */
function duplicates(list: readonly Json[], schema: Schema, path: string): Cause[] {
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    const element = itemElement(item, schema);
    if (element === undefined || !seen.has(element)) {
      if (element !== undefined) seen.add(element);
      return [];
    }
    return [wrong.duplicate(`${path}[${i}]`, JSON.parse(element.slice(2)))];
  });
}

function objectCauses(object: JsonObject, schema: Schema, path: string): Cause[] {
  const { required = [], minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = schema;
  const count = Object.keys(object).length;
  const causes: Cause[] = [];
  if (count < minProperties)
    causes.push(wrong.value(path, count, `${path} in body should have at least ${minProperties} properties`));
  if (count > maxProperties) causes.push(wrong.tooMany(path, count, maxProperties));
  for (const field of required) {
    if (object[field] === undefined) causes.push(wrong.required(under(path, field)));
  }
  for (const [field, value] of Object.entries(object)) {
    const known = fieldSchema(schema, field);
    if (known !== undefined) causes.push(...schemaCauses(value, known, under(path, field)));
  }
  return causes;
}

function compositionCauses(value: Json, schema: Schema, path: string): Cause[] {
  const must = (why: string) => wrong.value('<nil>', '', `${JSON.stringify(path)} must ${why}`);
  const valid = (one: Schema) => schemaCauses(value, one, path).length === 0;
  const { allOf = [], anyOf, oneOf, not } = schema;
  const causes = allOf.flatMap((one) => schemaCauses(value, one, path));
  if (anyOf !== undefined && !anyOf.some(valid)) causes.push(must('validate at least one schema (anyOf)'));
  if (oneOf !== undefined) {
    const found = oneOf.filter(valid).length;
    const count = found === 0 ? 'none valid' : `${found} valid alternatives`;
    if (found !== 1) causes.push(must(`validate one and only one schema (oneOf). Found ${count}`));
  }
  if (not !== undefined && valid(not)) causes.push(must('not validate the schema (not)'));
  return causes;
}
