// What an agent costs on a real kernel, beside what the bare commands cost there, and how well limits of IO hold. Under
// software emulation times are many times those of a machine: compare them with each other only. Numbers of volumes:
// the arguments, in rising order; absent: 0, 100 and 500.
import { goalLine, say, table, writeResult, type Goal } from '../../bench/report.ts';
import type { IoLimits } from '../../src/model/storage-class.ts';
import { startAgentNode, type AgentNode } from './agent/agent-node.ts';
import { costOf, readAgent, type Cost } from './agent/cost.ts';
import { makeManyVolumes } from './agent/make-many-volumes.ts';
import { podCgroups, type Io } from './agent/pod-cgroups.ts';
import { createProgress } from './machine/progress.ts';
import { block, blockTargetOf, MIB, mounted, targetOf, volumesOn, type VolumesOn } from './agent/volumes-on.ts';

const KIB = 1024;
const ROUNDS = 5;
const QUIET_SECONDS = 60;
/** So many volumes are asked for at once. */
const TOGETHER = 100;
const TOGETHER_ROUNDS = 2;
/** Seconds for which each limit is measured. */
const MEASURED_SECONDS = 6;
const given = process.argv.slice(2).map(Number);
const counts = given.length > 0 ? given : [0, 100, 500];
const signal = AbortSignal.timeout(3_000_000);
const progress = createProgress(import.meta.filename);

await using node = await startAgentNode(signal);
const on = volumesOn(node, signal);
await node.startAgent(signal);
await node.ask({}, signal);

const costs: (Cost & { readonly volumes: number })[] = [];
if (counts[0] === 0) costs.push({ volumes: 0, ...(await costOf(node, QUIET_SECONDS, signal)) });
await on.makeGroup('data', ['data']);
const limits = await measureLimits(on);
const operations = await measureOperations(node, on);
const mounts = await measureMounts(node, on);
const together = await measureTogether(node, on);
for (const volumes of counts.filter((count) => count > 0)) {
  await makeManyVolumes(node, volumes, signal);
  await costOf(node, 5, signal); // by then the agent has handled their appearance
  costs.push({ volumes, ...(await costOf(node, QUIET_SECONDS, signal)) });
  progress(`${volumes} volumes: ${JSON.stringify(costs.at(-1))}`);
}
await report();

interface Measured {
  readonly what: string;
  readonly target: number;
  readonly measured: number;
}

/** Through a raw block volume, by direct IO of one process. */
async function measureLimits(on: VolumesOn): Promise<readonly Measured[]> {
  const cgroups = podCgroups('v2', on);
  await on.create('limited', 512, { limits: { readBps: MIB } });
  await on.stage('limited', block);
  await cgroups.make('pod');
  const file = blockTargetOf('limited', 'pod');
  await on.publish('limited', block, file);
  const device = await on.bash("stat -L -c '%Hr:%Lr' /dev/data/limited");
  const measured: Measured[] = [];
  const measure = async (limit: IoLimits, said: string, io: Pick<Io, 'does' | 'blockBytes' | 'blocks'>) => {
    await on.change('limited', {
      limits: { readBps: null, writeBps: null, readIops: null, writeIops: null, ...limit },
    });
    await on.bash(
      `until grep -q "^${device} .*${said}" /sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/*/io.max; do sleep 0.1; done`,
    );
    return cgroups.measure({ pod: 'pod', file, ...io });
  };
  for (const does of ['write', 'read'] as const) {
    const [letter, bps, iops] =
      does === 'read' ? (['r', 'readBps', 'readIops'] as const) : (['w', 'writeBps', 'writeIops'] as const);
    for (const mib of [1, 10, 50]) {
      const blockBytes = mib === 1 ? 64 * KIB : 256 * KIB;
      const io = { does, blockBytes, blocks: (mib * MIB * MEASURED_SECONDS) / blockBytes };
      const rate = await measure({ [bps]: mib * MIB }, `${letter}bps=${mib * MIB} `, io);
      measured.push({ what: `MiB/s ${does}`, target: mib, measured: rate / MIB });
      progress(JSON.stringify(measured.at(-1)));
    }
    for (const target of [100, 1000]) {
      const io = { does, blockBytes: 4 * KIB, blocks: target * MEASURED_SECONDS };
      const rate = await measure({ [iops]: target }, `${letter}iops=${target}`, io);
      measured.push({ what: `IO/s ${does}`, target, measured: rate / io.blockBytes });
      progress(JSON.stringify(measured.at(-1)));
    }
  }
  await on.unpublish('limited', file);
  await on.delete('limited');
  await on.untilGone('limited');
  return measured;
}

/** Measures the cost of one action with its consequences, such as the report of the node. */
async function measureOperations({ vm }: AgentNode, on: VolumesOn) {
  const EXT4 = mounted('ext4');
  const target = targetOf('v');
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    create: () => on.create('v', 64, { fsType: 'ext4' }),
    'stage, with mkfs': () => on.stage('v', EXT4),
    publish: () => on.publish('v', EXT4, target),
    grow: async () => {
      await on.change('v', { sizeBytes: 128 * MIB });
      await on.until('v', ({ status }) => (status?.sizeBytes ?? 0) >= 128 * MIB);
    },
    'unpublish and unstage': async () => {
      await on.unpublish('v', target);
      await on.unstage('v');
    },
    remove: async () => {
      await on.delete('v');
      await on.untilGone('v');
    },
  };
  const rows: { readonly operation: string; readonly ms: number; readonly lvmCommands: number }[] = [];
  for (const [operation, step] of Object.entries(steps)) {
    const before = await readAgent(vm, signal);
    const start = performance.now();
    await step();
    const ms = Math.round(performance.now() - start);
    await vm.must('sleep 4', signal); // the inspection of the node that follows
    rows.push({ operation, ms, lvmCommands: (await readAgent(vm, signal)).commands - before.commands });
    progress(JSON.stringify(rows.at(-1)));
  }
  return rows;
}

/** Publishing and unpublishing a volume that has its filesystem, and the same mounts made by hand. Medians, in ms. */
async function measureMounts({ vm }: AgentNode, on: VolumesOn) {
  const EXT4 = mounted('ext4');
  const target = targetOf('m');
  await on.create('m', 64, { fsType: 'ext4' });
  const published: number[] = [];
  const unpublished: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    await vm.must('mkdir -p /mnt/a /mnt/b', signal);
    published.push(await timed(async () => on.stage('m', EXT4).then(() => on.publish('m', EXT4, target))));
    unpublished.push(await timed(async () => on.unpublish('m', target).then(() => on.unstage('m'))));
  }
  const bare = await vm.must(
    `for i in $(seq ${ROUNDS}); do a=$EPOCHREALTIME; mount /dev/data/m /mnt/a; mount --bind /mnt/a /mnt/b
     b=$EPOCHREALTIME; umount /mnt/b; umount /mnt/a; c=$EPOCHREALTIME
     awk "BEGIN { print ($b - $a) * 1000, ($c - $b) * 1000 }"; done`,
    signal,
  );
  await on.delete('m');
  await on.untilGone('m');
  const rows = bare
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  return {
    publishMs: median(published.slice(1)), // the first one formats
    unpublishMs: median(unpublished.slice(1)),
    bareMountMs: median(rows.map(([ms = 0]) => ms)),
    bareUnmountMs: median(rows.map(([, ms = 0]) => ms)),
  };
}

/** As many volumes as are asked for at once, and as many by lvcreate while no agent runs. Medians, in ms. */
async function measureTogether(node: AgentNode, on: VolumesOn) {
  const bare: number[] = [];
  await node.stopAgent(signal);
  for (let round = 0; round < TOGETHER_ROUNDS; round += 1) {
    const ms = await on.bash(
      `a=$EPOCHREALTIME; for i in $(seq ${TOGETHER}); do lvcreate -qq -y -W y -Z y -L 4m -n h-$i data; done
       b=$EPOCHREALTIME; awk "BEGIN { print ($b - $a) * 1000 }"; lvremove -qq -y -S 'lv_name=~^h-' data`,
      600_000,
    );
    bare.push(Number(ms));
    progress(`${TOGETHER} by lvcreate: ${ms} ms`);
  }
  await node.startAgent(signal);
  const names = Array.from({ length: TOGETHER }, (_, at) => `t-${at}`);
  const ours: number[] = [];
  for (let round = 0; round < TOGETHER_ROUNDS; round += 1) {
    const start = performance.now();
    await Promise.all(names.map((name) => on.create(name, 4)));
    ours.push(performance.now() - start);
    progress(`${TOGETHER} asked for at once: ${Math.round(ours.at(-1)!)} ms`);
    for (const name of names) await on.delete(name);
    for (const name of names) await on.untilGone(name);
  }
  return { volumes: TOGETHER, oursMs: median(ours), lvcreateMs: median(bare) };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

async function report(): Promise<void> {
  const off = ({ target, measured }: Measured): number => Math.abs(measured / target - 1);
  const worst = limits.toSorted((a, b) => off(b) - off(a))[0];
  const at100 = costs.find(({ volumes }) => volumes === 100);
  const goals: Goal[] = [
    {
      goal: 'limits hold within 3 %',
      measured: worst ? `worst ${worst.what} ${worst.target}: ${(off(worst) * 100).toFixed(1)} % off` : '',
      met: limits.every((row) => off(row) <= 0.03),
    },
    {
      goal: `${TOGETHER} volumes at once in at most 1.5 × the time of lvcreate alone`,
      measured: `${(together.oursMs / together.lvcreateMs).toFixed(2)} ×`,
      met: together.oursMs <= 1.5 * together.lvcreateMs,
    },
    ...(at100
      ? [
          {
            goal: 'at 100 volumes and no change: one LVM command a minute, 72 MB',
            measured: `${at100.lvmCommands}, ${at100.residentMib} MB`,
            met: at100.lvmCommands <= 1 && at100.residentMib <= 72,
          },
        ]
      : []),
  ];
  say(
    table(
      ['limit', 'target', 'measured'],
      limits.map((row) => [row.what, row.target, row.measured.toFixed(2)]),
    ),
  );
  say(
    `\n${table(
      ['operation', 'ms', 'LVM commands'],
      operations.map((row) => [row.operation, row.ms, row.lvmCommands]),
    )}`,
  );
  say(`\n${table(Object.keys(mounts), [Object.values(mounts)])}`);
  say(`\n${table(Object.keys(together), [Object.values(together)])}`);
  const costRows = costs.map((row) => [row.volumes, row.residentMib, row.peakMib, row.cpuPercent, row.lvmCommands]);
  say(`\n${table(['volumes', 'RSS MB', 'peak MB', 'CPU %', 'LVM commands/min'], costRows)}\n`);
  for (const goal of goals) say(goalLine(goal));
  await writeResult('node', {
    emulated: process.env['KVM'] !== '1',
    limits,
    operations,
    mounts,
    together,
    costs,
    goals,
  });
}
