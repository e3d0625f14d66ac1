import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { endWithParent } from '../../sandbox/cluster/end-with-parent.ts';

/** A fault as Stryker reports it (mutation-testing-report-schema 2): lines and columns count from 1. */
export interface Mutant {
  readonly file: string;
  readonly mutatorName: string;
  readonly replacement: string;
  readonly status:
    | 'Killed'
    | 'Timeout'
    | 'Survived'
    | 'NoCoverage'
    | 'RuntimeError'
    | 'CompileError'
    | 'Ignored'
    | 'Pending';
  readonly location: { readonly start: Position; readonly end: Position };
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Planting {
  /** A copy of the checkout: its files are changed in place. */
  readonly root: string;
  /** Files, or parts of files as `file:line:column-line:column`, in which faults are planted. */
  readonly where: readonly string[];
  /** Globs of the tests that may notice; of these, those that import one of the files run. */
  readonly tests: readonly string[];
}

const HERE = import.meta.dirname;
const OURS = path.join('test', 'mutants');
/** Its packages are where the checkout's are, so that they find vitest, and no tool takes them for the project's. */
const INSTALLED = path.join(HERE, '../../node_modules/.mutants');
const STRYKER = path.join(INSTALLED, 'node_modules/@stryker-mutator');

/**
 * Left out are faults that the compiler refuses (a `?.` less), that change words alone, and that put a string into an
 * empty list.
 */
const LEFT_OUT = ['OptionalChaining', 'StringLiteral', 'ObjectLiteral', 'ArrayDeclaration'];

/** Installs Stryker as the lockfile here says. */
export async function installStryker(): Promise<void> {
  await mkdir(INSTALLED, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    await copyFile(path.join(HERE, name), path.join(INSTALLED, name));
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps'];
  await promisify(execFile)('npm', ['ci', ...flags], { cwd: INSTALLED });
}

/**
 * Plants every fault that Stryker knows there, one at a time, and runs the tests that reach it up to the first that
 * fails. Throws when the tests fail without any fault.
 */
export async function plantFaults({ root, where, tests }: Planting): Promise<Mutant[]> {
  const report = path.join(root, OURS, 'report.json');
  const config = path.join(root, OURS, 'stryker.config.json');
  await mkdir(path.dirname(config), { recursive: true });
  await writeFile(config, JSON.stringify(configuration(where, report)));
  const stryker = path.join(STRYKER, 'core/bin/stryker.js');
  // What it starts ends with it, and it with us.
  const [program = '', ...args] = endWithParent([process.execPath, stryker, 'run', config], process.env['PATH'] ?? '');
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: root,
    env: { ...process.env, MUTANT_TESTS: tests.join(','), CI: '' },
    maxBuffer: 64 * 1024 * 1024,
  });
  const text = await readFile(report, 'utf8').catch(() => {
    throw new Error(`Stryker wrote no report:\n${stdout.slice(-4000)}`);
  });
  const { files } = JSON.parse(text) as { files: Record<string, { mutants: Omit<Mutant, 'file'>[] }> };
  // The report also has what was left out, and so not planted.
  return Object.entries(files).flatMap(([file, { mutants }]) =>
    mutants.filter(({ status }) => status !== 'Ignored').map((mutant) => ({ ...mutant, file })),
  );
}

function configuration(mutate: readonly string[], report: string): object {
  return {
    mutate,
    testRunner: 'vitest',
    plugins: [path.join(STRYKER, 'vitest-runner/dist/src/index.js')],
    vitest: { configFile: `${OURS}/vitest.mutants.config.ts`, related: true, pool: 'forks' },
    coverageAnalysis: 'perTest',
    mutator: { excludedMutations: LEFT_OUT },
    inPlace: true,
    concurrency: 1,
    // TypeScript 7 has no programming interface, which Stryker would read tsconfig.json with.
    tsconfigFile: 'none.json',
    disableTypeChecks: false,
    dryRunTimeoutMinutes: 60,
    timeoutMS: 30_000,
    reporters: ['json'],
    jsonReporter: { fileName: report },
    logLevel: 'error',
    allowConsoleColors: false,
  };
}
