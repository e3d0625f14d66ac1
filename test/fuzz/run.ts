import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ACTIONS } from './actions.ts';
import { historyOf, live, shrink, type Counts } from './history.ts';
import type { LedgerClass } from './world.ts';

const USAGE = 'usage: run.ts [histories] [seed] [--ledger file]: random histories against the ledger';
const SAY_EVERY_MS = 10_000;

/** Plays the histories of `count` seeds in a row. Returns the exit code. */
async function run(words: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: { ledger: { type: 'string' } },
  });
  const [count = 3000, seed = Date.now() % 2 ** 31] = positionals.map(Number);
  if (![count, seed].every(Number.isSafeInteger) || count < 1) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const file = values.ledger ?? new URL('../../src/capacity/ledger.ts', import.meta.url).pathname;
  const { Ledger } = (await import(pathToFileURL(file).href)) as { Ledger: LedgerClass };
  const counts: Counts = new Map();
  const say = progress();
  for (let i = 0; i < count; i += 1) {
    if (live(historyOf(seed + i), Ledger, counts)) return tellFailure(seed + i, Ledger);
    say(i + 1);
  }
  const events = [...counts.values()].reduce((a, b) => a + b, 0);
  for (const { name } of ACTIONS) print(`${String(counts.get(name) ?? 0).padStart(10)}  ${name}`);
  print(
    `${count} histories from seed ${seed}, ${events} events of ${counts.size} kinds: the ledger and the model agree`,
  );
  return 0;
}

function tellFailure(seed: number, Ledger: LedgerClass): number {
  const failure = live(shrink(historyOf(seed), Ledger), Ledger);
  print(`the history of seed ${seed} fails; repeat it with: make fuzz N=1 SEED=${seed}`);
  for (const line of failure?.story ?? []) print(`  ${line}`);
  print(`${failure?.message}\n${failure?.known}`);
  return 1;
}

function progress(): (done: number) => void {
  const started = performance.now();
  let told = started;
  return (done) => {
    const now = performance.now();
    if (now - told < SAY_EVERY_MS) return;
    told = now;
    process.stderr.write(`${done} histories, ${Math.round((done * 1000) / (now - started))} a second\n`);
  };
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

process.exitCode = await run(process.argv.slice(2));
