// The cluster for people: `cli.ts up`, `down`. `hold` is the process that stays behind and owns the cluster.
import { once } from 'node:events';
import { leftRunning, runVerb, say } from '../left-running.ts';
import { builtBinaries } from './cluster/cluster.ts';
import { buildProgram } from './cluster/program.ts';
import { startSystem } from './system/system.ts';

/** As its processes, which end after an hour whatever happens. */
const HOUR_MS = 3_600_000;
const NODES = { prefix: 'node', count: 3, disks: '/dev/sdb:100Gi:ssd' };

const running = leftRunning<{ readonly kubeconfig: string; readonly kubectl: string }>('cluster');

async function up(): Promise<void> {
  if (await running.find()) throw new Error('a cluster is up already: make cluster-down ends it');
  await builtBinaries();
  await running.start(import.meta.filename);
  const state = await running.find();
  say(`The cluster is up for an hour, with ${NODES.count} simulated nodes. make cluster-down ends it.`);
  say(`export KUBECONFIG=${state?.kubeconfig ?? ''}\nalias kubectl=${state?.kubectl ?? ''}`);
}

/** Runs until it is told to end, or the hour is over. */
async function hold(): Promise<void> {
  const ending = AbortSignal.timeout(HOUR_MS);
  const told = Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name, { signal: ending })));
  await using program = await buildProgram();
  const system = await startSystem({ openLocal: program.file, groups: [NODES], replicas: 1 });
  const { cluster } = system;
  const over = told.catch(() => undefined);
  await running.hold({ kubeconfig: cluster.admin, kubectl: cluster.binary('kubectl') }, over);
  await system.stop();
}

async function down(): Promise<void> {
  const state = await running.find();
  if (!state) return void say('no cluster is up');
  process.kill(state.pid, 'SIGTERM');
  say('The cluster is ending.');
}

await runVerb({ up, hold, down });
