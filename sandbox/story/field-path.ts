import { Fault } from '../../src/model/fault.ts';

type Step =
  | { readonly take: 'field'; readonly name: string }
  | { readonly take: 'index'; readonly index: number }
  | { readonly take: 'all' }
  | { readonly take: 'where'; readonly name: string; readonly value: string };

const STEP = /\.?([\w-]+)|\[(\d+)\]|\[\*\]|\["([^"]+)"\]|\[(\w+)=([^\]]*)\]/y;

/**
 * Finds every value at a path such as `status.conditions[type=Ready].status`, `spec.items[*].name`, `list[0]` or
 * `labels["a.b/c"]`; none when something on the way is missing. Throws Fault `invalid` for a path it cannot read.
 */
export function valuesAt(object: unknown, path: string): unknown[] {
  return stepsOf(path)
    .reduce((values, step) => values.flatMap((value) => take(value, step)), [object])
    .filter((value) => value !== undefined && value !== null);
}

function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(path);
    if (!match) throw new Fault('invalid', `path "${path}" is not understood from "${path.slice(at)}" on`);
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf([text, plain, index, quoted, name, value]: RegExpExecArray): Step {
  if (index !== undefined) return { take: 'index', index: Number(index) };
  if (text === '[*]') return { take: 'all' };
  if (name !== undefined && value !== undefined) return { take: 'where', name, value };
  return { take: 'field', name: quoted ?? plain ?? '' };
}

function take(value: unknown, step: Step): unknown[] {
  if (step.take === 'field') return isRecord(value) ? [value[step.name]] : [];
  if (!Array.isArray(value)) return [];
  const items: readonly unknown[] = value;
  if (step.take === 'index') return [items[step.index]];
  if (step.take === 'all') return [...items];
  return items.filter((item) => isRecord(item) && String(item[step.name]) === step.value);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
