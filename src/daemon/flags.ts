import { parseArgs } from 'node:util';
import { closest } from '../model/closest.ts';
import { textOf } from '../model/fault.ts';
import { present } from '../model/present.ts';

/**
 * One flag of a command: its documentation, and how its text becomes a value. The names are the keys of the record a
 * command declares; `parseFlags` turns the record and a command line into values, `describeFlags` into the help text.
 */
export interface Flag<T> {
  readonly doc: string;
  /** What stands for the value in the help text: `FILE`, `HOST:PORT`. */
  readonly placeholder: string;
  readonly toggle: boolean;
  readonly aliases: readonly string[];
  /** One letter: `n` for `-n VALUE`. */
  readonly short?: string;
  /** It is accepted and has no meaning here: what to do in its place, for people. */
  readonly bygone?: string;
  /** The environment variable that sets it when the command line does not. */
  readonly env: string | undefined;
  readonly fallback: { readonly value: T; readonly shown: string } | 'required';
  /** Throws an Error whose message says what is wrong with the text. */
  readonly parse: (text: string) => T;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/**
 * A command line that cannot be used, with every problem it has. The caller ends with exit code 2 and one line for
 * each.
 */
export class BadFlags extends Error {
  override readonly name = 'BadFlags';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Whether the command line asks for the help text instead of the command. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags win over the environment, a later one over an earlier one. Throws BadFlags with all problems at once. */
export const parseFlags = <const F extends Flags>(flags: F, args: readonly string[], env: Environment): FlagValues<F> =>
  parseCommandLine(flags, args, env, unexpected).values;

const unexpected = (words: readonly string[]): readonly string[] =>
  words.map((word) => `unexpected argument "${word}": flags begin with --`);

/**
 * As parseFlags, of a command that has arguments besides its flags, before, between and after them. `judge` says what
 * is wrong with the arguments.
 */
export function parseCommandLine<const F extends Flags>(
  flags: F,
  args: readonly string[],
  env: Environment,
  judge: (words: readonly string[]) => readonly string[],
): { readonly values: FlagValues<F>; readonly words: readonly string[] } {
  const { given, words, problems } = readArguments(flags, args);
  problems.push(...judge(words));
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const fromEnv = given.has(name) || flag.env === undefined ? undefined : env[flag.env] || undefined;
    try {
      values[name] = fromEnv === undefined ? valueOf(flag, given.get(name)) : flag.parse(fromEnv);
    } catch (error) {
      problems.push(`${fromEnv === undefined ? `--${name}` : flag.env}: ${textOf(error)}`);
    }
  }
  if (problems.length > 0) throw new BadFlags(problems);
  return { values: values as FlagValues<F>, words };
}

/** What a command line says that has no meaning here: a sentence for each, naming the flag. */
export function bygoneIn(flags: Flags, args: readonly string[]): readonly string[] {
  const { given } = readArguments(flags, args);
  return [...given.keys()].flatMap((name) => {
    const { bygone } = flags[name] ?? {};
    return bygone === undefined ? [] : [`--${name} has no meaning here: ${bygone}`];
  });
}

function valueOf<T>(flag: Flag<T>, given: Given | undefined): T {
  if (given !== undefined && 'problem' in given) throw new Error(given.problem);
  if (given !== undefined) return flag.parse(given.text);
  if (flag.fallback !== 'required') return flag.fallback.value;
  throw new Error(flag.env === undefined ? 'is required' : `is required (or ${flag.env} in the environment)`);
}

/** What a command line says of one flag. */
type Given = { readonly text: string } | { readonly problem: string };

interface Arguments {
  readonly given: Map<string, Given>;
  readonly words: string[];
  readonly problems: string[];
}

function readArguments(flags: Flags, args: readonly string[]): Arguments {
  const read: Arguments = { given: new Map(), words: [], problems: [] };
  for (const token of tokensOf(flags, args)) {
    if (token.kind === 'positional') read.words.push(token.value);
    if (token.kind !== 'option') continue;
    const name = nameOf(token.name, flags);
    const flag = name === undefined ? undefined : flags[name];
    if (name === undefined || flag === undefined) read.problems.push(unknown(token, flags));
    else read.given.set(name, flag.toggle ? givenToggle(token) : givenText(token, flag));
  }
  return read;
}

function unknown({ name, rawName }: { readonly name: string; readonly rawName: string }, flags: Flags): string {
  const meant = closest(name, Object.keys(flags));
  return `unknown flag ${rawName}: ${meant === undefined ? 'see --help' : `did you mean --${meant}?`}`;
}

interface Option {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function givenToggle({ rawName, value }: Option): Given {
  if (!rawName.startsWith('--no-')) return { text: value ?? 'true' };
  return value === undefined ? { text: 'false' } : { problem: `${rawName} takes no value` };
}

/** `--a --b` is a forgotten value, not the value `--b`. */
function givenText({ rawName, value, inlineValue }: Option, { placeholder }: Flag<unknown>): Given {
  const forgotten = value === undefined || (inlineValue !== true && value.startsWith('--'));
  return forgotten ? { problem: `needs a value: ${rawName}=${placeholder}` } : { text: value };
}

/** The flag a word stands for: its own name, an alias, or the negation of a toggle. */
function nameOf(word: string, flags: Flags): string | undefined {
  const find = (wanted: string, toggleOnly: boolean): string | undefined =>
    Object.keys(flags).find((name) => {
      const flag = flags[name];
      return flag && (name === wanted || flag.aliases.includes(wanted)) && (flag.toggle || !toggleOnly);
    });
  return find(word, false) ?? (word.startsWith('no-') ? find(word.slice('no-'.length), true) : undefined);
}

function tokensOf(flags: Flags, args: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [name, { aliases, short, toggle }] of Object.entries(flags)) {
    const type = toggle ? 'boolean' : 'string';
    for (const word of aliases) options[word] = { type };
    options[name] = { type, ...present({ short }) };
  }
  return parseArgs({ args: args.map(withDashes), options, strict: false, tokens: true, allowPositionals: true }).tokens;
}

/**
 * `--init_config=x` means `--init-config=x`, as in open-local; the value keeps its underscores. `-n=x` means `-n x`, as
 * in kubectl.
 */
const withDashes = (arg: string): string =>
  arg.startsWith('--') ? arg.replace(/^--[^=]*/, (name) => name.replaceAll('_', '-')) : arg.replace(/^(-\w)=/, '$1');

/** One paragraph per flag: how it is written, its default, what it means. */
export function describeFlags(flags: Flags): string {
  const known = Object.entries(flags).filter(([, { bygone }]) => bygone === undefined);
  const entries = known.map(([name, flag]) => {
    const short = flag.short === undefined ? [] : [`-${flag.short} ${flag.placeholder}`];
    const words = [...short, ...[name, ...flag.aliases].map((word) => spelling(word, flag))].join(', ');
    const origin = flag.env === undefined ? '' : ` (or ${flag.env})`;
    const fallback = flag.fallback === 'required' ? 'required' : `default: ${flag.fallback.shown}`;
    return `  ${words}${origin}\n      ${flag.doc} [${fallback}]`;
  });
  return [...entries, '  --help, -h\n      Print this text.'].join('\n');
}

const spelling = (word: string, flag: Flag<unknown>): string =>
  flag.toggle ? `--[no-]${word}` : `--${word}=${flag.placeholder}`;
