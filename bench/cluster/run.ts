import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { builtBinaries } from '../../test/control-plane/cluster/cluster.ts';
import { buildProgram } from '../../test/control-plane/cluster/program.ts';
import { benchClaims } from './claims.ts';
import { benchScheduling, type SchedulingRow } from './scheduling.ts';
import { casesOf, claimsGoals, claimsTables, schedulingGoals, schedulingTable } from './tables.ts';
import { goalLine, say, writeResult } from '../report.ts';

/**
 * `node bench/cluster/run.ts [--quick] [--only=scheduling|claims]`: what open-local costs a real control plane. As
 * root, like `make test-cluster`.
 */

const quick = process.argv.includes('--quick');
const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);
const plan = quick
  ? {
      scheduling: { nodes: [1000], pods: 300, warmUp: 100, rounds: { 0: 1, 1: 1 }, budgetMs: 180_000 },
      claims: { burst: 200, paced: 40 },
    }
  : {
      scheduling: { nodes: [1000, 5000], pods: 1000, warmUp: 200, rounds: { 0: 3, 1: 1 }, budgetMs: 480_000 },
      claims: { burst: 1000, paced: 100 },
    };
// Simulated disks are files that are synced at each change; on a real disk that would take most of the time of a
// volume.
if (existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm';
await builtBinaries();
await using program = await buildProgram();
const parts = {
  scheduling: async () => {
    say('Pods per second through kube-scheduler');
    const resultOf = (rows: readonly SchedulingRow[]) => {
      const cases = casesOf(rows);
      return { cases, rows, goals: schedulingGoals(cases) };
    };
    // Results so far are written at once: a run takes minutes, and the rest may fail.
    const rows = await benchScheduling(program.file, plan.scheduling, (soFar) => keep('scheduling', resultOf(soFar)));
    const result = resultOf(rows);
    say(schedulingTable(result.cases));
    return result;
  },
  claims: async () => {
    say('From claim created to Bound');
    const result = await benchClaims(program.file, plan.claims);
    say(claimsTables(result));
    return { ...result, goals: claimsGoals(result) };
  },
};
const results = await resultsSoFar();
for (const [name, part] of Object.entries(parts)) {
  if (only !== undefined && only !== name) continue;
  const result = await part();
  say(`${result.goals.map(goalLine).join('\n')}\n`);
  await keep(name, result);
}

async function keep(name: string, result: object): Promise<void> {
  results[name] = { date: new Date().toISOString(), ...result };
  await writeResult('cluster', { quick, ...results });
}

/** Results of the part that is not run, from the last time. */
async function resultsSoFar(): Promise<Record<string, object>> {
  const file = path.join(import.meta.dirname, '../results/cluster.json');
  if (only === undefined || !existsSync(file)) return {};
  const { scheduling, claims } = JSON.parse(await readFile(file, 'utf8')) as Record<string, object>;
  return { ...(scheduling && { scheduling }), ...(claims && { claims }) };
}
