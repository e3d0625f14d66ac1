import type { NameFilter } from './objects.ts';
import { Fault, textOf } from './fault.ts';
import { translateRe2 } from './re2.ts';

/**
 * A pattern of listConfig as a test of whole names: it holds when its first match in the name is the whole name, as in
 * open-local. Throws Fault `invalid` that quotes the pattern when it is no expression of RE2.
 */
export function parseNamePattern(pattern: string): (name: string) => boolean {
  try {
    const regexp = translateRe2(pattern);
    return (name) => regexp.exec(name)?.[0] === name;
  } catch (error) {
    throw new Fault('invalid', `"${pattern}" is not a regular expression of RE2: ${textOf(error)}`, { cause: error });
  }
}

/** What of a list is managed. */
export interface ParsedFilter {
  /** Some include pattern holds for one of the item's names, and no exclude pattern for any of them. */
  readonly holds: (name: string, aliases?: readonly string[]) => boolean;
  /** The patterns, as they were written, that hold for none of the names. */
  readonly unused: (names: readonly string[]) => readonly string[];
}

/** Reads the patterns of a list. Throws Fault as parseNamePattern. */
export function parseNameFilter({ include = [], exclude = [] }: NameFilter): ParsedFilter {
  const included = include.map(parseNamePattern);
  const excluded = exclude.map(parseNamePattern);
  return {
    holds: (name, aliases = []) => {
      const names = [name, ...aliases];
      return !excluded.some((matches) => names.some(matches)) && included.some((matches) => names.some(matches));
    },
    unused: (names) => {
      const isUnused = (_: string, at: number): boolean => !names.some([...included, ...excluded][at] ?? (() => true));
      return [...include, ...exclude].filter(isUnused);
    },
  };
}
