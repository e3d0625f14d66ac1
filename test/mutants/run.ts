import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { textTable } from '../../sandbox/story/text-table.ts';
import { copyCheckout } from './checkout.ts';
import { mutationsOf, applied } from './mutate.ts';
import { runRelated, type Outcome } from './related-tests.ts';
import {
  folderOf,
  isEquivalent,
  linesOf,
  sample,
  scoresOf,
  type Equivalent,
  type Planted,
  type Verdict,
} from './score.ts';

/**
 * `node test/mutants/run.ts [FOLDER] [N] [SEED] [MINUTES]`: plants N faults in the product's code below FOLDER, one at
 * a time in a copy of the checkout, and tells which of them rings 1 to 3 do not find. Ends after MINUTES with what was
 * tried by then.
 */
const [folder = 'src', count = '40', seed = '1', minutes = '30'] = process.argv.slice(2);
const root = path.join(import.meta.dirname, '../..');
/** Limit of one run of related tests: a fault that makes them hang is found. */
const LIMIT_MS = 240_000;

const say = (line: string): unknown => process.stdout.write(`${line}\n`);
const until = performance.now() + Number(minutes) * 60_000;

/** Files of the product: no tests, fakes for tests, or generated code. */
async function productFiles(): Promise<string[]> {
  const names = await readdir(path.join(root, folder), { recursive: true });
  return names
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|(^|\/)(gen\/|fake-|for-tests)/.test(name))
    .map((name) => path.join(folder, name))
    .toSorted();
}

async function plantedIn(file: string): Promise<Planted[]> {
  const text = await readFile(path.join(root, file), 'utf8');
  return mutationsOf(text).map((mutation) => ({ ...mutation, file, ...linesOf(text, mutation) }));
}

/** Tests of the file's own folder first: they find most, and quickly. */
async function outcomeOf(checkout: string, planted: Planted): Promise<Outcome> {
  const near = await runRelated({ root: checkout, of: { folder: folderOf(planted.file) }, limitMs: LIMIT_MS });
  if (near.outcome !== 'passed') return near.outcome;
  return (await runRelated({ root: checkout, of: { files: [planted.file] }, limitMs: LIMIT_MS })).outcome;
}

async function judge(checkout: string, planted: Planted, known: readonly Equivalent[]): Promise<Verdict> {
  if (isEquivalent(planted, known)) return { planted, outcome: 'equivalent' };
  const file = path.join(checkout, planted.file);
  const text = await readFile(file, 'utf8');
  try {
    await writeFile(file, applied(text, planted));
    const outcome = await outcomeOf(checkout, planted);
    return { planted, outcome: outcome === 'passed' ? 'survived' : 'found' };
  } finally {
    await writeFile(file, text);
  }
}

const known = JSON.parse(await readFile(path.join(import.meta.dirname, 'equivalent.json'), 'utf8')) as Equivalent[];
const possible = (await Promise.all((await productFiles()).map(plantedIn))).flat();
const chosen = sample(possible, Number(count), Number(seed));
say(`${chosen.length} of ${possible.length} possible faults in ${folder}, seed ${seed}`);
await using checkout = await copyCheckout(root);
const files = [...new Set(chosen.map(({ file }) => file))];
const sound = await runRelated({ root: checkout.root, of: { files }, limitMs: 4 * LIMIT_MS });
if (sound.outcome !== 'passed') {
  sound.failures.forEach(say);
  throw new Error(`without any fault the tests of these files ${sound.outcome}: nothing can be told`);
}
const verdicts: Verdict[] = [];
for (const planted of chosen) {
  if (performance.now() > until) break;
  const verdict = await judge(checkout.root, planted, known);
  verdicts.push(verdict);
  const { file, line, kind, before, after } = planted;
  say(`${verdict.outcome.padEnd(10)} ${file}:${line} ${kind}`);
  if (verdict.outcome === 'survived') say(`  - ${before}\n  + ${after}`);
}
if (verdicts.length < chosen.length)
  say(`${minutes} minutes are over: ${verdicts.length} of ${chosen.length} were tried`);
const header = ['folder', 'planted', 'found', 'equivalent', '% found'];
const rows = scoresOf(verdicts).map((score) => [
  score.folder,
  score.planted,
  score.found,
  score.equivalent,
  score.percent,
]);
for (const line of textTable(header, rows)) say(line);
