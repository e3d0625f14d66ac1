import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster } from '../../sandbox/cluster/cluster.ts';
import { parseSandboxConfig } from '../../sandbox/config.ts';
import { runSandbox } from '../../sandbox/run.ts';
import type { SandboxReport } from '../../sandbox/story/sandbox-report.ts';
import { buildProgram, type Program } from '../rig/program.ts';
import { whenAborted } from '../../src/wait/abort.ts';

const KILLS = 10;
/** Seed of the run; SEED=… repeats one. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
}, 60_000);
afterAll(() => program[Symbol.asyncDispose]());

/** Makes a source of numbers in [0, 1) that depend only on the seed: mulberry32. */
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
  /**
   * Changes of objects after which the kill comes: counted in changes, so that it falls into the work and not into a
   * pause.
   */
  readonly change: number;
  /** Victim: 0 is the operator, others are agents. */
  readonly victim: number;
}

function planKills(changes: number): Kill[] {
  const random = randomFrom(seed);
  const kills = Array.from({ length: KILLS }, () => ({
    change: Math.floor(random() * changes),
    // The operator is killed twice as often as an agent.
    victim: Math.max(0, Math.floor(random() * 6) - 1),
  }));
  return kills.toSorted((a, b) => a.change - b.change);
}

/** Counts the changes that the cluster's stores see. */
function countChanges({ stores }: Cluster): { count(): number; reach(n: number, signal: AbortSignal): Promise<void> } {
  let count = 0;
  let wake = Promise.withResolvers<void>();
  const onChange = (): void => {
    count += 1;
    wake.resolve();
    wake = Promise.withResolvers();
  };
  for (const store of Object.values(stores)) store.subscribe(onChange);
  return {
    count: () => count,
    reach: async (n, signal) => {
      const over = whenAborted(signal);
      for (;;) {
        if (count >= n || signal.aborted) return;
        await Promise.race([wake.promise, over]);
      }
    },
  };
}

const playDemo = (beside: (cluster: Cluster, signal: AbortSignal) => Promise<void>): Promise<SandboxReport> =>
  runSandbox(
    parseSandboxConfig(['--json', `--log-dir=${program.logs}`], {}),
    { root: program.root, write: () => {}, beside },
    AbortSignal.timeout(280_000),
  );

/** Outcome of a run: the parts that must be the same however often something was killed. */
const endingOf = ({ ok, error, steps }: SandboxReport): object => ({
  ok,
  error,
  failed: steps.flatMap(({ findings }) => findings.filter((finding) => !finding.ok)),
  last: steps.at(-1)?.title,
  state: steps.at(-1)?.state,
});

test(`the demo ends the same when operator and agents are killed at ten random moments (SEED=${seed})`, async () => {
  let changes = 0;
  const undisturbed = await playDemo(async (cluster, signal) => {
    const counter = countChanges(cluster);
    await counter.reach(Infinity, signal);
    changes = counter.count();
  });
  expect(undisturbed.ok).toBe(true);

  const killed: string[] = [];
  const disturbed = await playDemo(async (cluster, signal) => {
    const counter = countChanges(cluster);
    const children = [cluster.operator, ...cluster.machines.map(({ agent }) => agent)];
    for (const { change, victim } of planKills(changes)) {
      await counter.reach(change, signal);
      const child = children[victim];
      await child?.kill();
      await child?.start();
      killed.push(`${child?.name} at change ${counter.count()}`);
    }
  });
  expect({ killed, ...endingOf(disturbed) }).toEqual({ killed, ...endingOf(undisturbed) });
  expect(killed).toHaveLength(KILLS);
}, 300_000);
