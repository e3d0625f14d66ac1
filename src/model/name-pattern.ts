import type { NameFilter } from './objects.ts';
import { Fault, textOf } from './fault.ts';

/** Go's RE2 writes flags for the whole pattern in front, `(?i)sd`; JavaScript takes them apart from it. */
const LEADING_FLAGS = /^\(\?([ims]+)\)/;

/**
 * A pattern of listConfig as a test of whole names: it holds when its first match in the name is the whole name, as in
 * open-local. Throws Fault `invalid` that quotes the pattern when it is not a regular expression.
 */
export function parseNamePattern(pattern: string): (name: string) => boolean {
  const [leading = '', flags = ''] = LEADING_FLAGS.exec(pattern) ?? [];
  try {
    const regexp = new RegExp(pattern.slice(leading.length), flags);
    return (name) => regexp.exec(name)?.[0] === name;
  } catch (error) {
    throw new Fault('invalid', `"${pattern}" is not a regular expression: ${textOf(error)}`, { cause: error });
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
