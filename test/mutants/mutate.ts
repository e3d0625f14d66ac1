import { parseAst } from 'vitest/node';

/** One planted fault: the text from `start` to `end` is replaced. */
export interface Mutation {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** Line of `start`, from 1. */
  readonly line: number;
}

interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const SWAPS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
};
const METHODS: Readonly<Record<string, string>> = { some: 'every', every: 'some', min: 'max', max: 'min' };

/**
 * Makes every fault that can be planted in a TypeScript text, in the order of the text. Throws when it does not parse.
 */
export function mutationsOf(text: string): Mutation[] {
  const found: Omit<Mutation, 'line'>[] = [];
  walk(parseAst(text, { lang: 'ts' }) as unknown as AstNode, (node) => found.push(...faultsAt(node, text)));
  return found
    .filter((mutation) => parses(applied(text, mutation)))
    .map((mutation) => ({ ...mutation, line: text.slice(0, mutation.start).split('\n').length }))
    .toSorted((a, b) => a.start - b.start);
}

/** The text with the fault in it. */
export const applied = (text: string, { start, end, replacement }: Omit<Mutation, 'line'>): string =>
  text.slice(0, start) + replacement + text.slice(end);

function parses(text: string): boolean {
  try {
    parseAst(text, { lang: 'ts' });
    return true;
  } catch {
    return false;
  }
}

const isNode = (value: unknown): value is AstNode =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** Visits every node that runs: types, imports and re-exports do not. */
function walk(node: AstNode, visit: (node: AstNode) => void): void {
  if (node.type.startsWith('Import') && node.type !== 'ImportExpression') return;
  const isWrapper = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'].includes(node.type);
  if (node.type.startsWith('TS') && !isWrapper) return;
  visit(node);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) walk(child, visit);
}

type Fault = Omit<Mutation, 'line'>;
type Planter = (node: AstNode, text: string) => readonly Fault[];

const replace = (kind: string, node: AstNode, replacement: string): Fault => ({
  kind,
  start: node.start,
  end: node.end,
  replacement,
});
const sourceOf = (value: unknown, text: string): string => (isNode(value) ? text.slice(value.start, value.end) : '');

/** Replaces the operator between two operands. */
function swapped(node: AstNode, text: string): readonly Fault[] {
  const { left, right, operator } = node as unknown as { left: AstNode; right: AstNode; operator: string };
  const other = SWAPS[operator];
  if (other === undefined || (operator === '+' && [left, right].some((side) => isText(side)))) return [];
  const start = text.indexOf(operator, left.end);
  return [{ kind: `${operator} becomes ${other}`, start, end: start + operator.length, replacement: other }];
}

const isText = ({ type, value }: AstNode): boolean =>
  type === 'TemplateLiteral' || (type === 'Literal' && typeof value === 'string');

const negated: Planter = ({ test }, text) =>
  isNode(test) ? [replace('condition is negated', test, `!(${sourceOf(test, text)})`)] : [];

const returnsNothing: Planter = ({ argument }) =>
  isNode(argument) && sourceIsNot(argument, 'undefined') ? [replace('nothing is returned', argument, 'undefined')] : [];
const sourceIsNot = ({ type, name }: AstNode, word: string): boolean => type !== 'Identifier' || name !== word;

const PLANTERS: Readonly<Record<string, Planter>> = {
  BinaryExpression: swapped,
  AssignmentExpression: swapped,
  LogicalExpression: (node, text) =>
    node['operator'] === '??'
      ? [replace('default is dropped', node, `(${sourceOf(node['left'], text)})`)]
      : swapped(node, text),
  IfStatement: negated,
  ConditionalExpression: negated,
  WhileStatement: (node) => (isNode(node['test']) ? [replace('loop never runs', node['test'], 'false')] : []),
  UnaryExpression: (node, text) =>
    node['operator'] === '!' ? [replace('negation is dropped', node, sourceOf(node['argument'], text))] : [],
  ExpressionStatement: (node) => (node['directive'] ? [] : [replace('statement is removed', node, ';')]),
  AwaitExpression: (node, text) => [replace('await is removed', node, sourceOf(node['argument'], text))],
  ReturnStatement: returnsNothing,
  ArrowFunctionExpression: ({ body, expression }) =>
    expression === true && isNode(body) && sourceIsNot(body, 'undefined')
      ? [replace('nothing is returned', body, 'undefined')]
      : [],
  Literal: (node) => {
    if (typeof node['value'] === 'boolean') return [replace('boolean is flipped', node, String(!node['value']))];
    return typeof node['value'] === 'number' ? [replace('number is off by one', node, `${node['value'] + 1}`)] : [];
  },
  ArrayExpression: (node, text) => {
    const elements = (node['elements'] as unknown[]).filter(isNode);
    if (elements.length === 0) return [];
    const kept = elements.slice(1).map((element) => sourceOf(element, text));
    return [replace('first element is dropped', node, `[${kept.join(', ')}]`)];
  },
  MemberExpression: ({ property }) => {
    if (!isNode(property)) return [];
    const other = METHODS[String(property['name'])];
    return other === undefined ? [] : [replace(`${String(property['name'])} becomes ${other}`, property, other)];
  },
};

const faultsAt: Planter = (node, text) => PLANTERS[node.type]?.(node, text) ?? [];
