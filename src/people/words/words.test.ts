import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { choice, toggle } from '../../daemon/flag-types.ts';
import { ACCESS, INSTALLATION } from './access-flags.ts';
import { helpOf, isNot, judgeArguments, listOf, type CommandTexts } from './command-text.ts';
import { asProtocol, BASH, complete } from './complete.ts';

const COMMANDS = {
  top: {
    doc: 'How much there is.',
    args: [{ name: 'WHAT', words: ['nodes', 'groups'], optional: true }],
    flags: { ...ACCESS, output: choice(['text', 'json'], { doc: 'How.', default: 'text', short: 'o' }) },
  },
  why: {
    doc: 'Why it waits.',
    args: [
      { name: 'KIND', words: ['pod', 'claim'] },
      { name: 'NAME', names: { pod: 'pod' } },
    ],
    about: 'A paragraph.',
    flags: { ...INSTALLATION, all: toggle({ doc: 'All.', default: false }) },
  },
} satisfies CommandTexts;

test('the help of a command is its usage, what it does, and its flags', () => {
  expect(helpOf('why', COMMANDS.why)).toMatch(
    /^Usage: kubectl open-local why pod\|claim NAME \[flags\]\n\nWhy it waits\.\n\nA paragraph\.\n\n {2}--kubeconfig=FILE\n/,
  );
  expect(helpOf('top', COMMANDS.top)).toContain('top [nodes|groups] [flags]');
  expect(helpOf('why', COMMANDS.why)).toContain('  -n NAME, --namespace=NAME\n');
});

test('the list of commands has one line for each', () => {
  expect(listOf('1.0', COMMANDS)).toContain('\n\n  top  How much there is.\n  why  Why it waits.\n');
});

test.each([
  { given: [], problems: ['pod|claim is missing', 'NAME is missing'] },
  { given: ['pod'], problems: ['NAME is missing'] },
  { given: ['pod', 'web'], problems: [] },
  { given: ['pods', 'web'], problems: ['"pods" is not one of its words: did you mean pod?'] },
  { given: ['volume', 'web'], problems: ['"volume" is not one of its words: use pod, claim'] },
  { given: ['pod', 'web', 'more'], problems: ['unexpected argument "more"'] },
])('arguments $given of why', ({ given, problems }) => {
  expect(judgeArguments(COMMANDS.why, given)).toEqual(problems);
});

test('an argument that may be left out may be left out', () => {
  expect(judgeArguments(COMMANDS.top, [])).toEqual([]);
});

test('a mistyped command is told what was meant', () => {
  expect(isNot('tpo', 'a command', ['top', 'why'])).toBe('"tpo" is not a command: did you mean top?');
  expect(isNot('volumes', 'a command', ['top', 'why'])).toBe('"volumes" is not a command: use top, why');
});

const NO_FILES = ':4\n';
test.each([
  { line: [''], told: 'top\nwhy\nhelp\nversion\n:4\n' },
  { line: ['t'], told: 'top\n:4\n' },
  { line: ['help', 'w'], told: 'why\n:4\n' },
  { line: ['top', ''], told: 'nodes\ngroups\n:4\n' },
  { line: ['top', 'nodes', ''], told: NO_FILES },
  { line: ['top', '--c'], told: '--context=\n:6\n' },
  { line: ['why', '--a'], told: '--all\n:4\n' },
  { line: ['top', '-o', 'j'], told: 'json\n:4\n' },
  { line: ['top', '--output=t'], told: '--output=text\n:4\n' },
  { line: ['top', '--kubeconfig', ''], told: ':0\n' },
  { line: ['top', '--kubeconfig=/e'], told: ':0\n' },
  { line: ['why', '-n', 'x', '--all', 'p'], told: 'pod\n:4\n' },
  { line: ['why', 'claim', ''], told: NO_FILES },
  { line: ['nothing', ''], told: NO_FILES },
  { line: ['constructor', ''], told: NO_FILES },
])('$line is completed', ({ line, told }) => {
  expect(asProtocol(complete(COMMANDS, line))).toBe(told);
});

test.each([
  { line: ['why', 'pod', ''], names: { kind: 'pod', start: '', after: 'pod', flags: {} } },
  {
    line: ['why', '-n', 'shop', '--context=c', '--all', 'pod', 'da'],
    names: { kind: 'pod', start: 'da', after: 'pod', flags: { namespace: 'shop', context: 'c' } },
  },
  { line: ['why', 'claim', 'da'], names: undefined },
  { line: ['why', 'pod', 'da', ''], names: undefined },
])('the names that $line asks the cluster for', ({ line, names }) => {
  expect(complete(COMMANDS, line).names).toEqual(names);
});

/** What bash puts at the end of a command line, with a program in the place of ours that says `told`. */
async function inBash(line: string, told: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-bash-'));
  try {
    const program = path.join(folder, 'open-local');
    await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$*" >&3\nprintf '%b' '${told.replaceAll('\n', '\\n')}'\n`);
    await chmod(program, 0o755);
    const words = line.split(/ |(?==)|(?<==)/);
    const script = `${BASH}
COMP_LINE=${JSON.stringify(line)} COMP_POINT=${line.length} COMP_WORDS=(${words.map((each) => `'${each}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_open_local 3>asked; cat asked; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    return (await promisify(execFile)('bash', ['-c', script], { cwd: folder, env })).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.each([
  { line: 'open-local to', told: 'top\n:4\n', puts: '__complete to\ntop\n' },
  { line: 'open-local top ', told: 'nodes\ngroups\n:4\n', puts: '__complete top \nnodes\ngroups\n' },
  { line: 'open-local top --c', told: '--context=\n:6\n', puts: '__complete top --c\n--context=\n' },
  { line: 'open-local top --output=t', told: '--output=text\n:4\n', puts: '__complete top --output=t\ntext\n' },
  { line: 'open-local top --kubeconfig=open', told: ':0\n', puts: '__complete top --kubeconfig=open\nopen-local\n' },
])('bash completes "$line"', async ({ line, told, puts }) => {
  expect(await inBash(line, told)).toBe(puts);
});
