import { Fault } from './fault.ts';
import { valueOf } from './value-of.ts';

/** A pattern that is being read, from `at` on. */
export interface Reader {
  readonly text: string;
  at: number;
}

export const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid', what, { cause });

/** Takes the text from the reader if it comes next. */
export function take(reader: Reader, text: string): boolean {
  if (!reader.text.startsWith(text, reader.at)) return false;
  reader.at += text.length;
  return true;
}

/** Takes what the sticky expression matches next; undefined when it does not. */
export function takeMatch(reader: Reader, sticky: RegExp): RegExpExecArray | undefined {
  sticky.lastIndex = reader.at;
  const match = sticky.exec(reader.text);
  if (match === null) return undefined;
  reader.at = sticky.lastIndex;
  return match;
}

/** Perl's classes as RE2 has them, ASCII only and `\s` without the vertical tab. */
const PERL: Readonly<Record<string, string>> = { d: '0-9', s: '\\t\\n\\f\\r ', w: '0-9A-Za-z_' };

/** The insides of POSIX classes, https://github.com/google/re2/wiki/Syntax. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** A set that is not a single character, as a JavaScript class (flag v): `\d`, `\pL`, `\p{Greek}`. */
export function takeSet(reader: Reader): string | undefined {
  const perl = takeMatch(reader, /\\([dDsSwW])/y)?.[1];
  if (perl !== undefined) return `[${perl === perl.toLowerCase() ? '' : '^'}${PERL[perl.toLowerCase()]}]`;
  const property = takeMatch(reader, /\\([pP])(?:\{(\^?)(\w+)\}|(\w))/y);
  if (property === undefined) return undefined;
  const [whole, letter, caret = '', long, short] = property;
  const inside = propertyOf(long ?? short ?? '', whole);
  return (letter === 'P') === (caret === '^') ? inside : `[^${inside}]`;
}

/** RE2 names categories and scripts alike; JavaScript tells them apart. */
function propertyOf(name: string, whole: string): string {
  const source = /^(Any|[A-Z][a-z]?)$/.test(name) ? `\\p{${name}}` : `\\p{Script=${name}}`;
  try {
    return new RegExp(source, 'v').source;
  } catch (error) {
    throw refuse(`${whole} names no category and no script of Unicode`, error);
  }
}

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/** One character, escaped or not, as its code point. */
export function takeCharacter(reader: Reader): number {
  if (!take(reader, '\\')) {
    const code = reader.text.codePointAt(reader.at) ?? 0;
    reader.at += String.fromCodePoint(code).length;
    return code;
  }
  return takeNumber(reader) ?? takeLetter(reader);
}

/** What follows a backslash in digits: `101`, `x41`, `x{1F600}`. */
function takeNumber(reader: Reader): number | undefined {
  const octal = takeMatch(reader, /0[0-7]{0,2}|[1-7][0-7]{1,2}/y)?.[0];
  if (octal !== undefined) return Number.parseInt(octal, 8);
  const [, long, short] = takeMatch(reader, /x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/y) ?? [];
  const hex = long ?? short;
  return hex === undefined ? undefined : checked(Number.parseInt(hex, 16), hex);
}

/** What follows a backslash and is no number: a control character, or a sign that stands for itself. */
function takeLetter(reader: Reader): number {
  const [letter] = takeMatch(reader, /[\s\S]/y) ?? [];
  if (letter === undefined) throw refuse('a backslash at the end');
  const control = CONTROL[letter];
  if (control !== undefined) return control;
  if (/[1-9]/.test(letter)) throw refuse(`\\${letter} is a backreference, which RE2 does not have`);
  if (/[0-9A-Za-z]|[^\0-\x7F]/.test(letter)) throw refuse(`\\${letter} is no escape of RE2`);
  return letter.codePointAt(0) ?? 0;
}

function checked(code: number, hex: string): number {
  if (code > 0x10_ff_ff) throw refuse(`\\x{${hex}} is no character`);
  return code;
}

/** A character as JavaScript writes it anywhere, in a class or outside. */
export const written = (code: number): string => `\\u{${code.toString(16)}}`;

/** A class in brackets, as a JavaScript class (flag v); undefined when none comes next. */
export function takeClass(reader: Reader): string | undefined {
  const start = reader.at;
  if (!take(reader, '[')) return undefined;
  const negated = take(reader, '^') ? '^' : '';
  let inside = '';
  for (let first = true; first || !take(reader, ']'); first = false) {
    if (reader.at >= reader.text.length) throw refuse(`"${reader.text.slice(start)}" has no closing ]`);
    inside += takePosix(reader) ?? takeSet(reader) ?? takeRange(reader);
  }
  return `[${negated}${inside}]`;
}

function takePosix(reader: Reader): string | undefined {
  const [whole, caret, name = ''] = takeMatch(reader, /\[:(\^?)(\w+):\]/y) ?? [];
  if (whole === undefined) return undefined;
  const inside = valueOf(POSIX, name);
  if (inside === undefined) throw refuse(`${whole} is no class of RE2`);
  return `[${caret}${inside}]`;
}

function takeRange(reader: Reader): string {
  const start = reader.at;
  const from = takeCharacter(reader);
  if (!/-[^\]]/y.test(reader.text.slice(reader.at, reader.at + 2))) return written(from);
  reader.at += 1;
  const to = takeCharacter(reader);
  if (to < from) throw refuse(`the range ${reader.text.slice(start, reader.at)} ends before it begins`);
  return `${written(from)}-${written(to)}`;
}
