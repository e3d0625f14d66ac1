import { refuse, take, takeCharacter, takeClass, takeMatch, takeSet, written, type Reader } from './re2-class.ts';

/** The flags that are on: `i` letters of any case, `m` lines, `s` a dot is any character, `U` the shortest match. */
type Flags = Readonly<Record<'i' | 'm' | 's' | 'U', boolean>>;

const NONE: Flags = { i: false, m: false, s: false, U: false };

/**
 * A pattern of RE2, as Go reads it (https://pkg.go.dev/regexp/syntax), as a JavaScript expression that finds the same
 * matches. Both prefer the leftmost match, and of several there the one that comes first. Throws Fault `invalid` that
 * names what RE2 does not have, such as a lookahead or a backreference, and what is malformed.
 */
export function translateRe2(pattern: string): RegExp {
  const reader: Reader = { text: pattern, at: 0 };
  const { source } = takeAlternatives(reader, NONE);
  if (reader.at < pattern.length) throw refuse('a ) without its (');
  return new RegExp(source, 'v');
}

interface Taken {
  readonly source: string;
  /** Flags stay changed until the end of their group. */
  readonly flags: Flags;
}

/** Everything up to the end of the group or of the pattern. */
function takeAlternatives(reader: Reader, outer: Flags): Taken {
  let flags = outer;
  let source = '';
  while (reader.at < reader.text.length && reader.text[reader.at] !== ')') {
    if (take(reader, '|')) {
      source += '|';
      continue;
    }
    const changed = takeFlags(reader, flags);
    if (changed) {
      flags = changed;
      continue;
    }
    const atom = takeAtom(reader, flags);
    source += atom + takeRepetition(reader, flags);
  }
  return { source, flags };
}

/** `(?i)`, `(?s-m)`: for the rest of the group. */
function takeFlags(reader: Reader, flags: Flags): Flags | undefined {
  const match = takeMatch(reader, /\(\?([imsU]*)(?:-([imsU]+))?\)/y);
  return match && changedFlags(flags, match[1], match[2], match[0]);
}

function changedFlags(flags: Flags, on = '', off = '', whole = ''): Flags {
  if (on === '' && off === '') throw refuse(`${whole} changes no flag`);
  return { ...flags, ...flagsOf(on, true), ...flagsOf(off, false) };
}

const flagsOf = (letters: string, value: boolean): Partial<Flags> =>
  Object.fromEntries(Array.from(letters, (letter) => [letter, value]));

function takeAtom(reader: Reader, flags: Flags): string {
  return (
    takeGroup(reader, flags) ??
    takeQuoted(reader, flags) ??
    takeAssertion(reader, flags) ??
    folded(takeClass(reader) ?? takeSet(reader) ?? takeSingle(reader, flags), flags)
  );
}

const folded = (source: string, { i }: Flags): string => (i ? `(?i:${source})` : source);

/** Nobody asks for what a group matched, so none captures. */
function takeGroup(reader: Reader, flags: Flags): string | undefined {
  const start = reader.at;
  if (!take(reader, '(')) return undefined;
  const inner = take(reader, '?') ? flagsOfGroup(reader, flags, start) : flags;
  const { source } = takeAlternatives(reader, inner);
  if (!take(reader, ')')) throw refuse(`"${reader.text.slice(start)}" has no closing )`);
  return `(?:${source})`;
}

function flagsOfGroup(reader: Reader, flags: Flags, start: number): Flags {
  if (takeMatch(reader, /P?<\w+>/y)) return flags;
  const match = takeMatch(reader, /([imsU]*)(?:-([imsU]+))?:/y);
  if (match?.[0] === ':') return flags;
  if (match) return changedFlags(flags, match[1], match[2]);
  throw refuse(`${reader.text.slice(start, start + 3)} begins a group that RE2 does not have`);
}

/** `\Q…\E`: everything between them literally, to the end of the pattern where there is no `\E`. */
function takeQuoted(reader: Reader, flags: Flags): string | undefined {
  const [whole, text = ''] = takeMatch(reader, /\\Q([\s\S]*?)(?:\\E|$)/y) ?? [];
  if (whole === undefined) return undefined;
  const characters = Array.from(text, (character) => folded(written(character.codePointAt(0) ?? 0), flags));
  const last = characters.pop();
  return last === undefined ? '(?:)' : `${characters.join('')}${last}`;
}

const BEGIN = '(?<![\\s\\S])';
const END = '(?![\\s\\S])';

/** In braces, since a repetition may follow. */
function takeAssertion(reader: Reader, { m }: Flags): string | undefined {
  if (take(reader, '\\A')) return `(?:${BEGIN})`;
  if (take(reader, '\\z')) return `(?:${END})`;
  if (take(reader, '^')) return m ? '(?:(?<![^\\n]))' : `(?:${BEGIN})`;
  if (take(reader, '$')) return m ? '(?:(?![^\\n]))' : `(?:${END})`;
  const [, letter] = takeMatch(reader, /\\([bB])/y) ?? [];
  return letter === undefined ? undefined : `(?:\\${letter})`;
}

function takeSingle(reader: Reader, { s }: Flags): string {
  if (take(reader, '.')) return s ? '[\\s\\S]' : '[^\\n]';
  const operator = takeMatch(reader, /[*+?]|\{\d+(?:,\d*)?\}/y)?.[0];
  if (operator !== undefined) throw refuse(`${operator} has nothing to repeat`);
  return written(takeCharacter(reader));
}

const MOST_REPEATS = 1000;

function takeRepetition(reader: Reader, { U }: Flags): string {
  const operator = takeMatch(reader, REPETITION)?.[0];
  if (operator === undefined) return '';
  const counts = operator.match(/\d+/g)?.map(Number) ?? [];
  if (counts.some((count) => count > MOST_REPEATS) || (counts[1] ?? Infinity) < (counts[0] ?? 0))
    throw refuse(`${operator} is no repetition of RE2: at most ${MOST_REPEATS}, the smaller number first`);
  const isLazy = take(reader, '?') !== U;
  const again = takeMatch(reader, REPETITION)?.[0];
  if (again !== undefined) throw refuse(`${operator}${again} repeats a repetition`);
  return isLazy ? `${operator}?` : operator;
}

/** A brace that is no repetition stands for itself. */
const REPETITION = /[*+?]|\{\d+(?:,\d*)?\}/y;
