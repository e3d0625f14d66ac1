import { Fault } from './fault.ts';
import { valueOf } from './value-of.ts';
import type { LabelSelector } from './objects.ts';

type Labels = Readonly<Record<string, string>>;
type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

interface Operator {
  readonly holds: (value: string | undefined, values: readonly string[]) => boolean;
  readonly takesValues: boolean;
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
const OPERATORS: Readonly<Record<string, Operator>> = {
  In: { takesValues: true, holds: (value, values) => value !== undefined && values.includes(value) },
  NotIn: { takesValues: true, holds: (value, values) => value === undefined || !values.includes(value) },
  Exists: { takesValues: false, holds: (value) => value !== undefined },
  DoesNotExist: { takesValues: false, holds: (value) => value === undefined },
};

/**
 * Whether the labels meet every requirement; an empty selector matches everything. Throws Fault `invalid` for an
 * unknown operator.
 */
export function matches({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => valueOf(labels, key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => operatorOf(operator).holds(valueOf(labels, key), values))
  );
}

function operatorOf(operator: string): Operator {
  const found = valueOf(OPERATORS, operator);
  if (found) return found;
  throw new Fault('invalid', `operator "${operator}" is unknown: use ${Object.keys(OPERATORS).join(', ')}`);
}

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
/** A name of DNS, each part of which begins and ends with a letter or digit. */
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What is wrong with a selector, in sentences that say where; none when nothing is. */
export function selectorProblems({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string[] {
  const labels = Object.entries(matchLabels).flatMap(([key, value]) => [
    ...keyProblems(`matchLabels`, key),
    ...valueProblems(`matchLabels.${key}`, [value]),
  ]);
  return [...labels, ...matchExpressions.flatMap((requirement, at) => requirementProblems(requirement, at))];
}

function requirementProblems({ key, operator, values = [] }: Requirement, at: number): string[] {
  const where = `matchExpressions[${at}]`;
  const known = valueOf(OPERATORS, operator);
  const problems = [...keyProblems(where, key), ...valueProblems(`${where}.values`, values)];
  if (!known) problems.push(`${where}: operator "${operator}" is unknown: use ${Object.keys(OPERATORS).join(', ')}`);
  else if (known.takesValues && values.length === 0) problems.push(`${where}: operator ${operator} needs values`);
  else if (!known.takesValues && values.length > 0) problems.push(`${where}: operator ${operator} takes no values`);
  return problems;
}

function keyProblems(where: string, key: string): string[] {
  const [name = '', ...prefix] = key.split('/').toReversed();
  const isKey = NAME.test(name) && prefix.length <= 1 && prefix.every((part) => PREFIX.test(part));
  return isKey ? [] : [`${where}: "${key}" cannot be the key of a label`];
}

const valueProblems = (where: string, values: readonly string[]): string[] =>
  values
    .filter((value) => value !== '' && !NAME.test(value))
    .map((value) => `${where}: "${value}" cannot be the value of a label`);
