import { valueOf } from '../../src/model/value-of.ts';
import { badRequest } from './failure.ts';
import { keyProblem, labelValueProblem } from './names.ts';

type Labels = Readonly<Record<string, string>> | undefined;
export type LabelTest = (labels: Labels) => boolean;

const OPERATION = /^\s*([^\s=!,()<>]+)\s*(==|=|!=|<|>|\s+in\s+|\s+notin\s+|\s+in(?=\()|\s+notin(?=\())\s*(.*?)\s*$/s;

/**
 * A label selector in its URL form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. Throws 400 for one it cannot read.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
 */
export function labelSelector(text: string): LabelTest {
  const tests = requirements(text).map((one) => requirement(one, text));
  return (labels) => tests.every((test) => test(labels));
}

/** Splits at commas outside of parentheses. */
function requirements(text: string): string[] {
  if (text.trim() === '') return [];
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

const INCLUDING: readonly string[] = ['in', '=', '=='];

function requirement(text: string, whole: string): LabelTest {
  const bad = (why: string) =>
    badRequest(`unable to parse requirement: ${why} in label selector ${JSON.stringify(whole)}`);
  const match = OPERATION.exec(text);
  if (match === null) return existence(text.trim(), bad);

  const [, key = '', operator = '', operand = ''] = match;
  if (keyProblem(key) !== '') throw bad(`invalid label key ${JSON.stringify(key)}: ${keyProblem(key)}`);
  const values = operator.trim().endsWith('in') ? setOf(operand, bad) : [operand];
  for (const value of values) {
    if (labelValueProblem(value) !== '')
      throw bad(`invalid label value ${JSON.stringify(value)}: ${labelValueProblem(value)}`);
  }
  if (operator === '<' || operator === '>') return comparison(key, operator, operand, bad);
  const wanted = new Set(values);
  const isAmong = (labels: Labels): boolean => {
    const value = valueOf(labels ?? {}, key);
    return value !== undefined && wanted.has(value);
  };
  return INCLUDING.includes(operator.trim()) ? isAmong : (labels) => !isAmong(labels);
}

const INTEGER = /^[+-]?\d+$/;

/** Of whole numbers; a label that is none is neither more nor less. */
function comparison(key: string, operator: '<' | '>', operand: string, bad: (why: string) => Error): LabelTest {
  if (!INTEGER.test(operand)) throw bad(`for 'Gt', 'Lt' operators, the value must be an integer`);
  const bound = BigInt(operand);
  return (labels) => {
    const value = valueOf(labels ?? {}, key);
    if (value === undefined || !INTEGER.test(value)) return false;
    return operator === '<' ? BigInt(value) < bound : BigInt(value) > bound;
  };
}

function existence(text: string, bad: (why: string) => Error): LabelTest {
  const absent = text.startsWith('!');
  const key = absent ? text.slice(1).trim() : text;
  if (keyProblem(key) !== '') throw bad(`invalid label key ${JSON.stringify(key)}: ${keyProblem(key)}`);
  return (labels) => (valueOf(labels ?? {}, key) === undefined) === absent;
}

function setOf(text: string, bad: (why: string) => Error): string[] {
  if (!/^\(.*\)$/s.test(text)) throw bad(`found ${JSON.stringify(text)}, expected: '(' … ')'`);
  return text
    .slice(1, -1)
    .split(',')
    .map((value) => value.trim());
}

export type FieldTest = (object: unknown) => boolean;

/**
 * A field selector, `a.b=c,d!=e`, over the fields a kind can be selected by. `read` gives such a field of an object;
 * `known` says which there are. Throws 400 for any other.
 */
export function fieldSelector(
  text: string,
  known: (field: string) => boolean,
  read: (object: unknown, field: string) => string,
): FieldTest {
  const tests = text
    .split(',')
    .filter((part) => part !== '')
    .map((part): FieldTest => {
      const match = /^([^=!]*)(==|=|!=)(.*)$/s.exec(part);
      if (match === null)
        throw badRequest(`invalid selector: ${JSON.stringify(text)}; can't understand ${JSON.stringify(part)}`);
      const [, field = '', operator = '', value = ''] = match;
      if (/[=\\]/.test(value)) throw badRequest('invalid field selector: unescaped character in value');
      if (!known(field)) throw badRequest(`field label not supported: ${field}`);
      return (object) => (read(object, field) === value) === (operator !== '!=');
    });
  return (object) => tests.every((test) => test(object));
}
