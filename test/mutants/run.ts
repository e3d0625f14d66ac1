import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { textTable } from '../../sandbox/story/text-table.ts';
import { createRandom } from '../../src/extender/fast/compare-wires-fixture.ts';
import { copyCheckout } from './checkout.ts';
import { installStryker, plantFaults, type Mutant } from './plant.ts';
import {
  folderOf,
  isEquivalent,
  isFound,
  linesOf,
  rangeOf,
  sameFault,
  sampleOf,
  scoresOf,
  type Equivalent,
  type Planted,
  type Verdict,
} from './score.ts';

/**
 * `node test/mutants/run.ts [--wide] [--sample=PARTS] [--seed=N] [FOLDER or FILE …]`: plants every fault that Stryker
 * knows in the product's code there, one at a time in a copy of the checkout, and tells which of them the tests of its
 * folder do not find; with `--wide`, which of these no test of rings 1 to 3 that imports the file finds, however far.
 * With `--sample`, in so many parts of files alone, chosen at random: what folders are like that are too large to run.
 */
const root = path.join(import.meta.dirname, '../..');
/** Tests of a folder that stand elsewhere. */
const BESIDE: Readonly<Record<string, readonly string[]>> = { 'src/capacity': ['test/races/**/*.test.ts'] };
/** Those that take long: they are asked about what the others leave. */
const LONG: Readonly<Record<string, readonly string[]>> = {
  'src/capacity': ['test/fuzz/**/*.test.ts'],
  'src/lvm': ['test/lvm/**/*.test.ts'],
};
const EVERYTHING = ['src/**/*.test.ts', 'sandbox/**/*.test.ts', 'test/**/*.test.ts'];

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

/** Files of the product: no tests, fakes for tests, or generated code. */
async function productFiles(place: string): Promise<string[]> {
  if (place.endsWith('.ts')) return [place];
  const names = await readdir(path.join(root, place), { recursive: true });
  return names
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|(^|\/)(gen\/|fake-|for-tests)|-fixture\.ts$/.test(name))
    .map((name) => path.join(place, name))
    .toSorted();
}

async function withLines(mutants: readonly Mutant[]): Promise<Planted[]> {
  const texts = new Map<string, string>();
  for (const { file } of mutants) texts.set(file, texts.get(file) ?? (await readFile(path.join(root, file), 'utf8')));
  return mutants.map((mutant) => ({ ...mutant, ...linesOf(texts.get(mutant.file) ?? '', mutant) }));
}

const known = JSON.parse(await readFile(path.join(import.meta.dirname, 'equivalent.json'), 'utf8')) as Equivalent[];
const options = { wide: { type: 'boolean' }, sample: { type: 'string' }, seed: { type: 'string' } } as const;
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const places = positionals.length > 0 ? positionals : ['src/capacity'];
const files = (await Promise.all(places.map(productFiles))).flat();
const where = values.sample === undefined ? files : await sampled(Number(values.sample));
const folders = [...new Set(files.map(folderOf))];
const near = folders.flatMap((folder) => [`${folder}/**/*.test.ts`, ...(BESIDE[folder] ?? [])]);
const long = folders.flatMap((folder) => LONG[folder] ?? []);
await installStryker();
await using checkout = await copyCheckout(root);
const planted = await withLines(await plantFaults({ root: checkout.root, where, tests: near }));
const judged = planted.filter((each) => !isEquivalent(each, known));
const left = judged.filter((each) => !isFound(each));
say(`${planted.length} faults; the tests of ${places.join(', ')} leave ${left.length}`);
const leftByLong = await leftBy(long, left);
if (long.length > 0) say(`${long.join(', ')} leave ${leftByLong.length} of these`);
const survivors = values.wide ? await leftBy(EVERYTHING, leftByLong) : leftByLong;
for (const { file, location, mutatorName, before, after } of survivors)
  say(`${file}:${location.start.line} ${mutatorName}\n  - ${before}\n  + ${after}`);

const verdicts = planted.map((each): Verdict => ({ planted: each, outcome: outcomeOf(each) }));
const header = ['folder', 'planted', 'found', 'equivalent', '% found'];
const rows = scoresOf(verdicts).map((score) => [
  score.folder,
  score.planted,
  score.found,
  score.equivalent,
  score.percent,
]);
for (const line of textTable(header, rows)) say(line);

/** So many parts of the files, by the seed that was given, or by one of today that is told. */
async function sampled(count: number): Promise<readonly string[]> {
  const seed = Number(values.seed ?? Math.floor(Date.now() / 1000));
  say(`${count} parts of ${files.length} files, chosen by SEED=${seed}`);
  const texts = await Promise.all(files.map((file) => readFile(path.join(root, file), 'utf8')));
  const lengths = files.map((file, at) => ({ file, lines: texts[at]!.split('\n').length }));
  return sampleOf(lengths, count, createRandom(seed));
}

/** Which of them other tests do not find either. */
async function leftBy(tests: readonly string[], which: readonly Planted[]): Promise<readonly Planted[]> {
  if (tests.length === 0 || which.length === 0) return which;
  const again = await plantFaults({ root: checkout.root, where: which.map(rangeOf), tests });
  return which.filter((each) => !again.some((other) => isFound(other) && sameFault(each, other)));
}

function outcomeOf(each: Planted): Verdict['outcome'] {
  if (isEquivalent(each, known)) return 'equivalent';
  return survivors.includes(each) ? 'survived' : 'found';
}
