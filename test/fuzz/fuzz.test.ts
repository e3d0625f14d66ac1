import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Ledger } from '../../src/capacity/ledger.ts';
import { ACTIONS } from './actions.ts';
import { BREAKAGES, breakLedger } from './breakages.ts';
import { historyOf, live, type Counts } from './history.ts';

/**
 * Number of histories and a fixed seed, so that a failure comes from a change of the code. `make fuzz` tries other
 * seeds.
 */
const HISTORIES = 3000;
const SEED = 1;
const BATCHES = 6;

test.each(Array.from({ length: BATCHES }, (_, i) => SEED + (i * HISTORIES) / BATCHES))(
  'the ledger agrees with the model in 500 histories from seed %d',
  { timeout: 240_000 },
  (seed) => {
    const counts: Counts = new Map();
    for (let i = 0; i < HISTORIES / BATCHES; i += 1) {
      const failure = live(historyOf(seed + i), Ledger, counts);
      expect(failure, `make fuzz N=1 SEED=${seed + i} shrinks it`).toBeUndefined();
    }
    expect(ACTIONS.filter(({ name }) => !counts.has(name))).toEqual([]);
  },
);

test.each([
  { nodes: 70, histories: 12 },
  { nodes: 200, histories: 4 },
])('and in $histories histories of $nodes nodes', { timeout: 240_000 }, ({ nodes, histories }) => {
  for (let seed = 1; seed <= histories; seed += 1)
    expect(live({ ...historyOf(seed), nodes }, Ledger), `seed ${seed}`).toBeUndefined();
});

test('a seed is one history, on every machine', () => {
  const first: Counts = new Map();
  const second: Counts = new Map();
  live(historyOf(7), Ledger, first);
  live(historyOf(7), Ledger, second);
  expect([...second]).toEqual([...first]);
  expect(historyOf(7).steps.slice(0, 3)).toEqual([266108690, 4195786334, 3002305430]);
});

/** Runs the fuzz as a program of its own, so that the broken ledger is really the one that is loaded. */
const fuzz = (...words: string[]) =>
  spawnSync(process.execPath, [path.join(import.meta.dirname, 'run.ts'), ...words], {
    encoding: 'utf8',
    timeout: 200_000,
  });

test.each(BREAKAGES.map((breakage) => [breakage.name, breakage] as const))(
  'a broken ledger is found: %s',
  { timeout: 240_000 },
  (_, breakage) => {
    using broken = breakLedger(breakage);
    const { status, stdout, stderr } = fuzz('2000', '1', '--ledger', broken.ledger);
    expect(stderr).not.toContain('Error');
    expect(status).toBe(1);
    expect(stdout).toMatch(breakage.found);
    expect(stdout).toMatch(/repeat it with: make fuzz N=1 SEED=\d+/);
  },
);

test('the program says what it tried and how to try it again', () => {
  const { status, stdout } = fuzz('5', '42');
  expect(stdout).toContain('5 histories from seed 42');
  expect(status).toBe(0);
});

test.each([[['none']], [['5', 'x']], [['0']]])('%j is no number of histories and seed', (words) => {
  const { status, stderr } = fuzz(...words);
  expect(status).toBe(2);
  expect(stderr).toContain('usage');
});
