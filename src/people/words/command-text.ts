import { describeFlags, type Flags } from '../../daemon/flags.ts';
import { closest } from '../../model/closest.ts';

/** All that is said of a command: its help, the list of commands and the completion are made of it. */
export interface CommandText {
  /** One line in the list of commands. */
  readonly doc: string;
  readonly args: readonly Argument[];
  /** What else the help says, in paragraphs. */
  readonly about?: string;
  readonly flags: Flags;
}

/** One argument that is no flag. Those that may be left out come last. */
export interface Argument {
  /** What stands for it in the help: `NODE`. */
  readonly name: string;
  /** The only ones that it can be. */
  readonly words?: readonly string[];
  readonly optional?: boolean;
  /** Whose name it is, for Tab; where that depends on the argument before it, by its words. */
  readonly names?: NameKind | Readonly<Record<string, NameKind>>;
}

/** What the cluster has names of. `place`: a group, disk or mount point of the node that the argument before names. */
export type NameKind = 'node' | 'pod' | 'claim' | 'volume' | 'place';

export type CommandTexts = Readonly<Record<string, CommandText>>;

/** How people call the programs; kubectl finds the plug-in by the name of its file, `kubectl-open_local`. */
export const PROGRAM = 'kubectl open-local';

/** The help of one command. */
export function helpOf(name: string, { doc, args, about, flags }: CommandText): string {
  const usage = [PROGRAM, name, ...args.map(spelling), '[flags]'].join(' ');
  const paragraphs = [`Usage: ${usage}`, doc, ...(about === undefined ? [] : [about]), describeFlags(flags)];
  return `${paragraphs.join('\n\n')}\n`;
}

function spelling({ name, words, optional }: Argument): string {
  const shown = words === undefined ? name : words.join('|');
  return optional ? `[${shown}]` : shown;
}

/** What a cluster runs, and the sandbox: the programs of `open-local` beside the commands for people. */
export const PROGRAMS = {
  agent: 'Volume groups, volumes and the CSI node service of one node.',
  operator: 'Scheduler extender, CSI controller and reconcilers; one per cluster, or two of which one leads.',
  sandbox: 'The whole job on simulated nodes, without a cluster.',
} as const;

/** The list of commands. */
export function listOf(version: string, commands: CommandTexts): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length));
  const line = (name: string, doc: string): string => `  ${name.padEnd(width)}  ${doc}`;
  const lines = Object.entries(commands).map(([name, { doc }]) => line(name, doc));
  const programs = Object.entries(PROGRAMS).map(([name, doc]) => line(name, doc));
  return `${PROGRAM} ${version}: local disks as ordinary Kubernetes storage

Usage: ${PROGRAM} COMMAND [flags]; ${PROGRAM} help COMMAND tells the flags

${lines.join('\n')}

Programs, started as open-local NAME; open-local NAME --help tells their flags:

${programs.join('\n')}
`;
}

/** What is wrong with the arguments of a command, in sentences. */
export function judgeArguments({ args }: Pick<CommandText, 'args'>, given: readonly string[]): readonly string[] {
  const missing = args.slice(given.length).filter(({ optional }) => optional !== true);
  const problems = given.slice(0, args.length).flatMap((word, at) => {
    const { words } = args[at] ?? {};
    return words === undefined || words.includes(word) ? [] : [isNot(word, 'one of its words', words)];
  });
  return [
    ...problems,
    ...missing.map((each) => `${spelling(each)} is missing`),
    ...given.slice(args.length).map((word) => `unexpected argument "${word}"`),
  ];
}

/** That a word is none of those that are known, which one was meant, or which there are. */
export function isNot(word: string, what: string, words: readonly string[]): string {
  const meant = closest(word, words);
  return `"${word}" is not ${what}: ${meant === undefined ? `use ${words.join(', ')}` : `did you mean ${meant}?`}`;
}
