import { isDeepStrictEqual } from 'node:util';
import { valuesAt } from './field-path.ts';

/** Selection of objects of one kind, narrowed by name, by labels, or by the value at a path. */
export interface Selection {
  readonly kind: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly having?: { readonly path: string; readonly is: unknown };
}

/** Condition on the values found at `path` in the selected objects. */
export type Matcher =
  | { readonly test: 'count'; readonly want: number }
  | { readonly test: 'distinct'; readonly want: number }
  | { readonly test: 'each'; readonly want: unknown }
  | { readonly test: 'tally'; readonly want: Readonly<Record<string, number>> }
  | { readonly test: 'matching'; readonly want: string }
  | { readonly test: 'sameAs'; readonly want: string };

export interface Expectation {
  /** One sentence for the report. */
  readonly says: string;
  readonly of: Selection;
  readonly path: string;
  readonly matcher: Matcher;
}

/** Judgement of an expectation, with the values it was judged by. */
export interface Finding {
  readonly says: string;
  readonly ok: boolean;
  /** Wanted condition in words. */
  readonly wanted: string;
  readonly found: readonly unknown[];
}

interface Labelled {
  readonly metadata: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
}

/** Tells whether the object is selected; its kind is not compared. */
export function isSelected(object: Labelled, { name, labels = {}, having }: Selection): boolean {
  const { metadata } = object;
  if (name !== undefined && metadata.name !== name) return false;
  if (!Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value)) return false;
  return having === undefined || valuesAt(object, having.path).some((value) => isDeepStrictEqual(value, having.is));
}

/** Judges one expectation by the objects of its kind. */
export function judge({ says, of, path, matcher }: Expectation, objects: readonly Labelled[]): Finding {
  const chosen = objects.filter((object) => isSelected(object, of));
  const found = chosen.flatMap((object) => valuesAt(object, path));
  const ok =
    matcher.test === 'sameAs'
      ? found.length > 0 &&
        chosen.every((object) => isDeepStrictEqual(valuesAt(object, path), valuesAt(object, matcher.want)))
      : holds(matcher, found);
  return { says, ok, wanted: inWords(path, matcher), found };
}

function holds(matcher: Exclude<Matcher, { test: 'sameAs' }>, found: readonly unknown[]): boolean {
  switch (matcher.test) {
    case 'count':
      return found.length === matcher.want;
    case 'distinct':
      return new Set(found.map((value) => JSON.stringify(value))).size === matcher.want;
    case 'each':
      return found.length > 0 && found.every((value) => isDeepStrictEqual(value, matcher.want));
    case 'tally':
      return isDeepStrictEqual(tally(found), matcher.want);
    case 'matching':
    default:
      return found.some((value) => new RegExp(matcher.want, 'u').test(String(value)));
  }
}

function tally(values: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

function inWords(path: string, { test, want }: Matcher): string {
  const value = typeof want === 'string' ? want : JSON.stringify(want);
  const words = {
    count: `${value} values`,
    distinct: `${value} different values`,
    each: `${value} everywhere`,
    tally: value,
    matching: `one that matches ${value}`,
    sameAs: `the same as at ${value}`,
  };
  return `${path}: ${words[test]}`;
}
