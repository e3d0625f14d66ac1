// What snapshots and copies cost on a real kernel, beside lvcreate and dd by hand, in turns on one machine. Under
// software emulation times are many times those of a machine: compare them with each other only.
import { goalLine, ms, ratio, say, table, writeResult } from '../../bench/report.ts';
import { percentile } from '../../bench/statistics.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { startAgentNode } from './agent/agent-node.ts';
import { createProgress } from './machine/progress.ts';
import { MIB, volumesOn } from './agent/volumes-on.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const SIZE_MIB = 1536;
const STORE_MIB = 128;
const WRITTEN_MIB = 64;
const signal = AbortSignal.timeout(3_000_000);
const progress = createProgress(import.meta.filename);

await using node = await startAgentNode(signal);
const on = volumesOn(node, signal);
await node.startAgent(signal, 'agent', ['--copy-bandwidth=none']);
await on.makeGroup('data', ['data1', 'data2', 'data3']);
await on.create('source', SIZE_MIB);
await on.bash(`dd if=/dev/urandom of=/dev/data/source bs=1M count=${SIZE_MIB} oflag=direct status=none`, 600_000);
progress('the source is written');

const times = new Map<string, number[]>();
const note = (what: string, value: number): void => void times.set(what, [...(times.get(what) ?? []), value]);
for (let round = 0; round < ROUNDS; round += 1) {
  await measureSnapshot();
  await measureCopy();
  await measureWrites();
  progress(`round ${round + 1} of ${ROUNDS} is done`);
}
await report();

/** Runs a script and gives the ms that it took by the machine's own clock. */
async function timedOnNode(script: string): Promise<number> {
  const text = await on.bash(`set -e; a=$EPOCHREALTIME\n${script}\nb=$EPOCHREALTIME; echo "$a $b"`, 600_000);
  const [a = 0, b = 0] = (text.split('\n').at(-1) ?? '').split(' ').map(Number);
  return (b - a) * 1000;
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}

function takeSnapshot(name: string): Promise<unknown> {
  const copyOnWrite = { thresholdPercent: 50, stepBytes: 64 * MIB };
  return on.create(name, STORE_MIB, { role: 'Snapshot', source: { volume: 'source' }, restore: 'Copy', copyOnWrite });
}

async function remove(name: string): Promise<void> {
  await on.delete(name);
  await on.untilGone(name);
}

function lvmSnapshot(name: string): string {
  return `lvcreate -qq --snapshot --extents ${STORE_MIB / 4} --name ${name} data/source`;
}

/** From the order to Ready, with the API server, the agent's looks and its report; by hand only lvcreate. */
async function measureSnapshot(): Promise<void> {
  note('snapshot: ours', await timed(() => takeSnapshot('snap')));
  note('snapshot: lvcreate', await timedOnNode(lvmSnapshot('bare')));
  await on.bash('lvremove -qq --yes data/bare');
}

/**
 * The same snapshot onto a new volume: from the word that copying begins until all is told; dd with a sync at its end.
 */
async function measureCopy(): Promise<void> {
  const begins = untilCopying('copy');
  const ordered = performance.now();
  await on.order('copy', SIZE_MIB, { source: { snapshot: 'snap' } });
  const began = await begins;
  await on.until('copy', ({ status }) => status?.copiedBytes === SIZE_MIB * MIB);
  note('copy: ours', performance.now() - began);
  await on.until('copy', ({ status }) => status?.phase === 'Ready');
  note('copy: ours, from the order to Ready', performance.now() - ordered);
  await on.bash(`lvcreate -qq --wipesignatures n --extents ${SIZE_MIB / 4} --name by-hand data`);
  await on.bash('sync; echo 3 > /proc/sys/vm/drop_caches');
  const dd = 'dd if=/dev/data/snap of=/dev/data/by-hand bs=4M iflag=direct oflag=direct conv=fsync status=none';
  note('copy: dd', await timedOnNode(dd));
  await on.bash('cmp /dev/data/copy /dev/data/by-hand; lvremove -qq --yes data/by-hand', 600_000);
  await remove('copy');
}

/** The moment at which a volume is said to be copied. */
async function untilCopying(name: string): Promise<number> {
  const { resourceVersion } = await node.client.list(LOCAL_VOLUMES, {}, signal);
  for await (const event of node.client.watch(LOCAL_VOLUMES, { resourceVersion }, signal))
    if (event.type !== 'BOOKMARK' && event.object.metadata.name === name && event.object.status?.reason === 'Copying')
      return performance.now();
  throw new Error('the watch ended');
}

/** What one writes to a volume of which there is a snapshot: every chunk is copied before. */
async function measureWrites(): Promise<void> {
  const write = (seek: number): string =>
    `dd if=/dev/zero of=/dev/data/source bs=1M count=${WRITTEN_MIB} seek=${seek} oflag=direct conv=fsync status=none`;
  note('write beside a snapshot of ours', await timedOnNode(write(0)));
  await remove('snap');
  await on.bash(lvmSnapshot('bare'));
  note('write beside a snapshot by lvcreate', await timedOnNode(write(0)));
  await on.bash('lvremove -qq --yes data/bare');
  note('write without a snapshot', await timedOnNode(write(0)));
}

async function report(): Promise<void> {
  const rows = [...times].map(([what, each]) => ({ what, median: percentile(each, 0.5), longest: Math.max(...each) }));
  say(
    table(
      ['what', 'median ms', 'longest'],
      rows.map(({ what, median, longest }) => [what, ms(median), ms(longest)]),
    ),
  );
  const medianOf = (what: string): number => rows.find((row) => row.what === what)?.median ?? Number.NaN;
  const write = medianOf('write beside a snapshot of ours') / medianOf('write beside a snapshot by lvcreate');
  // What a copy costs beside dd is measured by bench/copy.ts: here the emulated processor is slower than the disks.
  const goals = [
    { goal: 'a write beside a snapshot as by lvcreate, within 10 %', measured: ratio(write), met: write <= 1.1 },
  ];
  say(goals.map(goalLine).join('\n'));
  await writeResult('snapshots', { rounds: ROUNDS, sizeMib: SIZE_MIB, writtenMib: WRITTEN_MIB, rows, goals });
}
