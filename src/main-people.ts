import { runCommand } from './command-line.ts';
import { completeNames } from './commands/complete-names.ts';
import { cordonCommand, uncordonCommand } from './commands/cordon.ts';
import { disksCommand } from './commands/disks.ts';
import { doctorCommand } from './commands/doctor.ts';
import type { PeopleCommand } from './commands/people-command.ts';
import { planCommand } from './commands/plan.ts';
import { releaseCommand } from './commands/release.ts';
import { schedulerConfigCommand } from './commands/scheduler-config.ts';
import { supportCommand } from './commands/support.ts';
import { topCommand } from './commands/top.ts';
import { volumesCommand } from './commands/volumes.ts';
import { whyCommand } from './commands/why.ts';
import { isNot, listOf, PROGRAM, PROGRAMS, type CommandText } from './people/words/command-text.ts';
import { asProtocol, BASH, complete } from './people/words/complete.ts';
import { VERSION } from './version.ts';

/** What people run by hand: `kubectl open-local COMMAND`, and `open-local COMMAND` for the same commands. */
const COMMANDS: Readonly<Record<string, PeopleCommand>> = {
  top: topCommand,
  disks: disksCommand,
  volumes: volumesCommand,
  why: whyCommand,
  plan: planCommand,
  cordon: cordonCommand,
  uncordon: uncordonCommand,
  release: releaseCommand,
  doctor: doctorCommand,
  support: supportCommand,
  'scheduler-config': schedulerConfigCommand,
};

/** These need no cluster. */
const OTHERS: Readonly<Record<string, CommandText>> = {
  completion: {
    doc: 'Print what makes the shell complete commands at Tab: source <(open-local completion bash)',
    args: [{ name: 'SHELL', words: ['bash'] }],
    flags: {},
  },
  help: { doc: 'Tell the flags of a command.', args: [{ name: 'COMMAND', optional: true }], flags: {} },
  version: { doc: 'Print the version.', args: [], flags: {} },
};

const TEXTS: Readonly<Record<string, CommandText>> = {
  ...Object.fromEntries(Object.entries(COMMANDS).map(([name, { text }]) => [name, text])),
  ...OTHERS,
};

/** All that can be meant. */
const NAMES = [...Object.keys(TEXTS), ...Object.keys(PROGRAMS)];

const commandOf = (name: string): PeopleCommand | undefined =>
  Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;

async function main([name = 'help', ...args]: readonly string[]): Promise<void> {
  const command = commandOf(name);
  const isProgram = Object.hasOwn(PROGRAMS, name);
  const [of = ''] = args;
  if (command) return runCommand(name, command, args);
  if (name === '__complete') await printWords(args);
  else if (['version', '--version'].includes(name)) process.stdout.write(`open-local ${VERSION}\n`);
  else if (name === 'completion') printCompletion(of);
  else if (['help', '--help', '-h'].includes(name)) printHelp(of);
  else refuse(isProgram ? `start it as open-local ${name}` : isNot(name, 'a command', NAMES));
}

async function printWords(args: readonly string[]): Promise<void> {
  const found = complete(TEXTS, args);
  const words = found.names ? await completeNames(found.names, process.env) : found.words;
  process.stdout.write(asProtocol({ ...found, words }));
}

function printHelp(name: string): void {
  const command = commandOf(name);
  if (command) process.stdout.write(command.help());
  else if (name === '' || Object.hasOwn(OTHERS, name)) process.stdout.write(listOf(VERSION, TEXTS));
  else refuse(isNot(name, 'a command', NAMES));
}

function printCompletion(shell: string): void {
  if (shell === 'bash') process.stdout.write(BASH);
  else refuse(`completion: "${shell}" is not a shell that is known: use bash`);
}

function refuse(problem: string): void {
  process.stderr.write(`${PROGRAM}: ${problem}\n`);
  process.exitCode = 2;
}

// As of `kubectl open-local top | head`, whose reader has ended (EPIPE): what is left has nobody to read it.
process.stdout.on('error', () => process.exit(0));

void main(process.argv.slice(2));
