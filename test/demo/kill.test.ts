import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster } from '../../src/sandbox/cluster.ts';
import { parseSandboxConfig } from '../../src/sandbox/config.ts';
import { runSandbox } from '../../src/sandbox/run.ts';
import { buildProgram, type Program } from './program.ts';

const KILLS = 10;
const STEPS = 9;
/** A kill comes so many ms after its step began, at most: while the step's work goes on. */
const LATEST_MS = 500;
/** SEED=… repeats a run. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
}, 60_000);
afterAll(() => program[Symbol.asyncDispose]());

/** Numbers in [0, 1) that depend on nothing but the seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Kill {
  readonly step: number;
  readonly afterMs: number;
  /** 0 is the operator, others are agents. */
  readonly victim: number;
}

function planKills(): Kill[] {
  const random = randomFrom(seed);
  const kills = Array.from({ length: KILLS }, () => ({
    step: Math.floor(random() * STEPS),
    afterMs: Math.floor(random() * LATEST_MS),
    // The operator twice as often as an agent.
    victim: Math.max(0, Math.floor(random() * 6) - 1),
  }));
  return kills.toSorted((a, b) => a.step - b.step || a.afterMs - b.afterMs);
}

test('the demo ends the same when operator and agents are killed at ten random moments', async () => {
  const kills = planKills();
  const done: string[] = [];
  const beside = async (cluster: Cluster, step: number, signal: AbortSignal): Promise<void> => {
    let waited = 0;
    for (const { afterMs, victim } of kills.filter((kill) => kill.step === step)) {
      // A random moment is not an event: this is the one place where time itself is the input.
      await delay(afterMs - waited, undefined, { signal });
      waited = afterMs;
      const child = [cluster.operator, ...cluster.machines.map(({ agent }) => agent)][victim];
      await child?.kill();
      await child?.start();
      done.push(`step ${step + 1}, ${afterMs} ms: ${child?.name}`);
    }
  };
  const config = parseSandboxConfig(['--json', `--log-dir=${program.logs}`], {});
  const report = await runSandbox(
    config,
    { root: program.root, write: () => {}, beside },
    AbortSignal.timeout(280_000),
  );
  const told = { seed, done };
  expect({ ...told, error: report.error }).toEqual({ ...told, error: undefined });
  expect({ ...told, failed: report.steps.flatMap(({ findings }) => findings.filter(({ ok }) => !ok)) }).toEqual({
    ...told,
    failed: [],
  });
  expect(done).toHaveLength(KILLS);
  expect(report.ok).toBe(true);
  const [before, after] = [report.steps[1]?.state.groups, report.steps.at(-1)?.state.groups];
  expect({ ...told, groups: after }).toEqual({ ...told, groups: before });
}, 300_000);
