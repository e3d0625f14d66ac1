import type { Flag } from '../../daemon/flags.ts';
import type { CommandText, CommandTexts, NameKind } from './command-text.ts';

/** What may stand at the end of a command line. */
export interface Completion {
  readonly words: readonly string[];
  /** The names of files, too. */
  readonly files?: true;
  /** Names that only the cluster knows, which begin so. */
  readonly names?: AskedNames;
  /** More follows in the same word, so no space is put behind it. */
  readonly open?: true;
}

export interface AskedNames {
  readonly kind: NameKind;
  readonly start: string;
  /** The argument before. */
  readonly after: string;
  /** What the line says of the cluster and the namespace, by the flags' names. */
  readonly flags: Readonly<Record<string, string>>;
}

const NOTHING: Completion = { words: [] };

/** How the last of the words, which may be empty, can go on. The words are those after the program's name. */
export function complete(commands: CommandTexts, words: readonly string[]): Completion {
  const [name, ...rest] = words;
  const last = words.at(-1) ?? '';
  const names = [...Object.keys(commands), 'help', 'version'];
  if (rest.length === 0) return { words: beginning(name ?? '', names) };
  if (name === 'help') return rest.length === 1 ? { words: beginning(last, Object.keys(commands)) } : NOTHING;
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command ? completeArgument(command, rest.slice(0, -1), last) : NOTHING;
}

function completeArgument(command: CommandText, before: readonly string[], last: string): Completion {
  const [, inline, start = ''] = /^--([^=]+)=(.*)$/s.exec(last) ?? [];
  if (inline !== undefined) return ofValue(flagOf(command, `--${inline}`), start, `--${inline}=`);
  const open = flagOf(command, before.at(-1) ?? '');
  if (open && !open.toggle) return ofValue(open, last, '');
  if (last.startsWith('-')) return ofFlags(command, last);
  return ofArgument(command, before, last);
}

function ofArgument(command: CommandText, before: readonly string[], last: string): Completion {
  const given = argumentsIn(command, before);
  const { words = [], names } = command.args[given.length] ?? {};
  const after = given.at(-1) ?? '';
  const kind = typeof names === 'string' ? names : names?.[after];
  if (kind === undefined) return { words: beginning(last, words) };
  return { words: [], names: { kind, start: last, after, flags: valuesIn(command, before) } };
}

function ofFlags({ flags }: CommandText, last: string): Completion {
  const spelled = Object.entries(flags).map(([name, { toggle }]) => `--${name}${toggle ? '' : '='}`);
  const words = beginning(last, [...spelled, '--help']);
  return words.some((word) => word.endsWith('=')) ? { words, open: true } : { words };
}

/** Of a flag with a few words, these; of one that takes a file, the names of files. */
function ofValue(flag: Flag<unknown> | undefined, start: string, before: string): Completion {
  const { placeholder = '' } = flag ?? {};
  if (['FILE', 'FOLDER'].includes(placeholder)) return { words: [], files: true };
  const words = placeholder.includes('|') ? beginning(start, placeholder.split('|')) : [];
  return { words: words.map((word) => `${before}${word}`) };
}

function flagOf({ flags }: CommandText, word: string): Flag<unknown> | undefined {
  if (word.includes('=')) return undefined;
  return Object.entries(flags).find(([name, { short }]) => word === `--${name}` || word === `-${short}`)?.[1];
}

/** Those of the words that are arguments: neither flags nor their values. */
function argumentsIn(command: CommandText, words: readonly string[]): readonly string[] {
  return words.filter((word, at) => {
    const before = flagOf(command, words[at - 1] ?? '');
    return !word.startsWith('-') && (before === undefined || before.toggle);
  });
}

/** The values of flags, whether they follow `=` or are the next word. */
function valuesIn({ flags }: CommandText, words: readonly string[]): Readonly<Record<string, string>> {
  const values = words.flatMap((word, at) => {
    const [, spelled = word, inline] = /^(-[^=]+)=(.*)$/s.exec(word) ?? [];
    const [name, flag] =
      Object.entries(flags).find(([key, { short }]) => spelled === `--${key}` || spelled === `-${short}`) ?? [];
    const value = inline ?? (flag?.toggle ? undefined : words[at + 1]);
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(values);
}

const beginning = (start: string, words: readonly string[]): readonly string[] =>
  words.filter((word) => word.startsWith(start));

/**
 * The completion as kubectl reads it from `kubectl_complete-open_local`: a word a line, then a number that says what is
 * done with them: 4 no names of files, 2 no space, 0 neither.
 * https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md
 */
export function asProtocol({ words, files, open }: Completion): string {
  const directive = (files ? 0 : 4) + (open ? 2 : 0);
  return `${[...words, `:${directive}`].join('\n')}\n`;
}

/** For bash: asks the program at every Tab, as kubectl does. For `open-local` and for the plug-in by its own name. */
export const BASH = `# open-local completion for bash: source <(open-local completion bash)
_open_local() {
  local reply directive current=\${COMP_WORDS[COMP_CWORD]}
  local line=\${COMP_LINE:0:COMP_POINT}
  local -a words
  read -ra words <<<"$line"
  [[ $line == *' ' ]] && words+=('')
  current=\${words[-1]}
  reply=$("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null) || return
  directive=\${reply##*:}
  reply=\${reply%:*}
  if ((!(directive & 4))); then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "\${current#*=}")
    return
  fi
  ((directive & 2)) && compopt -o nospace 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -W "$reply" -- "$current")
  # bash breaks words at =: only what follows it is put in.
  [[ $current == *=* && $COMP_WORDBREAKS == *=* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${current%%=*}="}")
}
complete -F _open_local open-local kubectl-open_local
`;
