import { isObject } from './json.ts';

/**
 * What the columns of a table read: `.a.b`, `.a['b.c']`, `.a[0]`, `.a[*].b` and `.a[?(@.b=="c")].d`, of the values in
 * question the first. https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
export function readPath(value: unknown, path: string): unknown {
  let found: unknown[] = [value];
  for (const step of stepsOf(path)) found = found.flatMap((one) => take(one, step));
  return found[0];
}

type Step =
  | { readonly kind: 'field' | 'index'; readonly name: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: string; readonly equals: string };

const STEP =
  /\.((?:\\.|[^.[\]\\])+)|\[(\d+)\]|\[(\*)\]|\[['"]([^'"]+)['"]\]|\[\?\(@([^=]+?)\s*==\s*["']([^"']*)["']\)\]/gy;

function stepsOf(path: string): Step[] {
  return [...path.matchAll(STEP)].map(([, field, index, all, quoted, filter, equals = '']): Step => {
    if (index !== undefined) return { kind: 'index', name: index };
    if (all !== undefined) return { kind: 'all' };
    if (filter !== undefined) return { kind: 'filter', path: filter, equals };
    return { kind: 'field', name: quoted ?? (field ?? '').replaceAll('\\', '') };
  });
}

function take(value: unknown, step: Step): unknown[] {
  if (step.kind === 'field') return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
  if (!Array.isArray(value)) return [];
  if (step.kind === 'index') return value.slice(Number(step.name), Number(step.name) + 1);
  if (step.kind === 'filter') return value.filter((one) => String(readPath(one, step.path)) === step.equals);
  return value;
}
