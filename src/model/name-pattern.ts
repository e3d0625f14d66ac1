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

/**
 * Whether a name is managed: some include pattern holds, and no exclude pattern does. Throws Fault as parseNamePattern.
 */
export function parseNameFilter({ include = [], exclude = [] }: NameFilter): (name: string) => boolean {
  const included = include.map(parseNamePattern);
  const excluded = exclude.map(parseNamePattern);
  return (name) => included.some((holds) => holds(name)) && !excluded.some((holds) => holds(name));
}
