import { type Fields, SEPARATOR } from './field-paths.ts';
import { same } from './json.ts';
import { difference, equal, union } from './sets.ts';

/** Who wrote which fields, and how: an entry of managedFields. */
export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  /** `status` when written there; empty otherwise. Another subresource is another owner. */
  readonly subresource: string;
  readonly fields: ReadonlySet<string>;
}

export type Owners = readonly Owner[];
export type Writer = Omit<Owner, 'fields'>;

export const isWriter = (owner: Owner, writer: Writer): boolean =>
  owner.manager === writer.manager && owner.operation === writer.operation && owner.subresource === writer.subresource;

/** Which fields differ: those that are new or have another value, and those that are gone. */
export function compareFields(before: Fields, after: Fields): { changed: Set<string>; removed: Set<string> } {
  const changed = new Set<string>();
  for (const [path, value] of after) {
    if (!before.has(path) || !same(before.get(path), value)) changed.add(path);
  }
  return { changed, removed: new Set([...before.keys()].filter((path) => !after.has(path))) };
}

/** A plain write takes what it changed from everyone, and nobody owns what it removed. */
export function afterUpdate(owners: Owners, writer: Writer, before: Fields, after: Fields): Owners {
  const { changed, removed } = compareFields(before, after);
  if (changed.size === 0 && removed.size === 0) return owners;
  const own = owners.find((owner) => isWriter(owner, writer))?.fields ?? new Set<string>();
  const others = owners
    .filter((owner) => !isWriter(owner, writer))
    .map((owner) => ({ ...owner, fields: difference(difference(owner.fields, changed), removed) }));
  return withOwner(others, { ...writer, fields: difference(union(own, changed), removed) });
}

/** After an apply its writer owns exactly what it applied; `taken` was forced from the others. */
export function afterApply(
  owners: Owners,
  writer: Writer,
  applied: ReadonlySet<string>,
  taken: ReadonlySet<string>,
): Owners {
  const others = owners
    .filter((owner) => !isWriter(owner, writer))
    .map((owner) => ({ ...owner, fields: difference(owner.fields, taken) }));
  return withOwner(others, { ...writer, fields: applied });
}

const withOwner = (others: Owners, owner: Owner): Owners => [...others, owner].filter(({ fields }) => fields.size > 0);

/** Whether two records say the same, in whatever order. */
export const sameOwners = (a: Owners, b: Owners): boolean =>
  a.length === b.length &&
  a.every((owner) => b.some((other) => isWriter(other, owner) && equal(owner.fields, other.fields)));

/** For a message: `.spec.size`, `.status.conditions[type="Ready"].reason`. */
export function readable(path: string): string {
  return path
    .split(SEPARATOR)
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith('f:')) return `.${text}`;
      if (element.startsWith('v:')) return `[=${text}]`;
      const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
