import { Environment } from '@marcbachmann/cel-js';
import { type Cause, wrong } from './failure.ts';
import { itemElement } from './field-paths.ts';
import { isObject, type Json } from './json.ts';
import { fieldSchema, type Schema, type ValidationRule } from './schema.ts';
import { under } from './schema-check.ts';

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });
type Program = (variables: Record<string, unknown>) => unknown;
const programs = new Map<string, Program>();

function program(text: string): Program {
  let found = programs.get(text);
  if (found === undefined) {
    found = environment.parse(text) as Program;
    programs.set(text, found);
  }
  return found;
}

/** Says why an expression cannot be compiled; empty when it can. */
export function expressionProblem(text: string): string {
  try {
    program(text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** A value with what it was before; `old` is undefined where there was none, or where the two cannot be matched. */
interface Place {
  readonly value: Json;
  readonly old: Json | undefined;
  readonly schema: Schema;
  readonly path: string;
}

/**
 * What the rules of `x-kubernetes-validations`, here and below, say against `value`. A rule that uses oldSelf is asked
 * only where there is an old value.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export function ruleCauses(place: Place): Cause[] {
  const { value, schema } = place;
  if (value === null) return [];
  const causes = (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => ruleCause(rule, place));
  return [...causes, ...childrenOf(place).flatMap((child) => ruleCauses(child))];
}

function childrenOf({ value, old, schema, path }: Place): Place[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    const before = new Map((Array.isArray(old) ? old : []).map((item) => [itemElement(item, schema), item]));
    const matched = (item: Json) =>
      schema['x-kubernetes-list-type'] === 'map' ? before.get(itemElement(item, schema)) : undefined;
    return value.map((item, i) => ({ value: item, old: matched(item), schema: items, path: `${path}[${i}]` }));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([field, child]): Place[] => {
    const known = fieldSchema(schema, field);
    if (known === undefined) return [];
    const named = schema.properties?.[field] !== undefined;
    return [
      {
        value: child,
        old: isObject(old) ? old[field] : undefined,
        schema: known,
        path: named ? under(path, field) : `${path}[${field}]`,
      },
    ];
  });
}

function ruleCause(rule: ValidationRule, place: Place): Cause[] {
  const { value, old, schema, path } = place;
  const transition = /\boldSelf\b/.test(rule.rule.replaceAll(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, ''));
  if (transition && (old === undefined || old === null) && rule.optionalOldSelf !== true) return [];
  const variables = {
    self: celValue(value, schema),
    ...(old === undefined || old === null ? {} : { oldSelf: celValue(old, schema) }),
  };
  try {
    if (program(rule.rule)(variables) === true) return [];
  } catch (error) {
    return [
      wrong.value(
        path,
        null,
        `${(error as Error).message.split('\n')[0]} evaluating rule: ${rule.message ?? rule.rule}`,
      ),
    ];
  }
  return [causeOf(rule, place, messageOf(rule, variables))];
}

function messageOf(rule: ValidationRule, variables: Record<string, unknown>): string {
  if (rule.messageExpression !== undefined) {
    try {
      const text = program(rule.messageExpression)(variables);
      if (typeof text === 'string' && text.trim() !== '' && !text.includes('\n')) return text;
    } catch {
      // As in Kubernetes, a message that cannot be made is not the user's trouble: the plain one is used.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

function causeOf(rule: ValidationRule, { path }: Place, message: string): Cause {
  const field = `${path}${rule.fieldPath ?? ''}`;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return wrong.forbidden(field, message);
    case 'FieldValueRequired':
      return wrong.required(field, message);
    case 'FieldValueDuplicate':
      return { field, reason: 'FieldValueDuplicate', message: `Duplicate value: ${message}` };
    case undefined:
    default:
      return { field, reason: 'FieldValueInvalid', message: `Invalid value: ${message}` };
  }
}

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** How a rule must write the name of a field. */
const escaped = (name: string): string =>
  RESERVED.has(name)
    ? `__${name}__`
    : name
        .replaceAll('__', '__underscores__')
        .replaceAll('.', '__dot__')
        .replaceAll('-', '__dash__')
        .replaceAll('/', '__slash__');

/** JSON as CEL sees it: whole numbers are ints where the schema says so, or says nothing. */
function celValue(value: Json, schema: Schema | undefined): unknown {
  if (typeof value === 'number') return schema?.type === 'number' || !Number.isInteger(value) ? value : BigInt(value);
  if (typeof value === 'string') return schema?.format === 'date-time' ? new Date(value) : value;
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema?.items));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, child]) => {
      const name = schema?.properties?.[field] === undefined ? field : escaped(field);
      return [name, celValue(child, fieldSchema(schema, field))];
    }),
  );
}
