import path from 'node:path';
import { createHostCopier } from '../src/copy/copier.ts';
import { run } from '../src/exec/run.ts';
import { bytes, MIB } from '../src/model/bytes.ts';
import { createLoopDisks } from '../test/lvm/loop-disks.ts';
import { goalLine, ms, ratio, say, table, writeResult } from './report.ts';
import { percentile } from './statistics.ts';

/**
 * `node bench/copy.ts [MIB]` (as root): the agent's copier beside dd with direct IO, from one loop device to another,
 * in turns. Random content: zeros are not copied. The start of the copier's program is told apart: each copy has it
 * once, and the bundle's takes less.
 */

const SIZE_MIB = Number(process.argv[2] ?? 1024);
const ROUNDS = 5;
const signal = AbortSignal.timeout(1_800_000);

await using disks = await createLoopDisks(SIZE_MIB * MIB, SIZE_MIB * MIB);
const [source = '', target = ''] = disks.devices;
await disks.command('dd', 'if=/dev/urandom', `of=${source}`, 'bs=4M', `count=${SIZE_MIB / 4}`, 'oflag=direct');
const copy = { source, target, size: bytes(SIZE_MIB * MIB), from: bytes(0) };
const told = async (): Promise<void> => {};
const program = [process.execPath, path.join(import.meta.dirname, '../src/main-copy.ts')];
const copier = createHostCopier({ run, program });
const dd = ['dd', `if=${source}`, `of=${target}`, 'bs=4M', 'iflag=direct', 'oflag=direct', 'conv=fsync', 'status=none'];
const page = { ...copy, size: bytes(4096) };
const times: Record<'ours' | 'dd' | 'start', number[]> = { ours: [], dd: [], start: [] };
for (let round = 0; round < ROUNDS; round += 1) {
  times.ours.push(await timed(() => copier.copy(copy, told, signal)));
  times.start.push(await timed(() => copier.copy(page, told, signal)));
  times.dd.push(await timed(() => run(dd, { timeoutMs: 600_000 }, signal)));
}
const start = percentile(times.start, 0.5);
const median = { ours: percentile(times.ours, 0.5) - start, dd: percentile(times.dd, 0.5) };
const rows = Object.entries(times).map(([who, each]) => [who, ms(percentile(each, 0.5)), ms(Math.max(...each))]);
say(table(['who', 'median ms', 'longest'], rows));
const goal = {
  goal: `a copy of ${SIZE_MIB} MiB, once it has started, takes at most 1.1 × dd`,
  measured: ratio(median.ours / median.dd),
  met: median.ours <= 1.1 * median.dd,
};
say(goalLine(goal));
await writeResult('copy', { sizeMib: SIZE_MIB, times, goals: [goal] });

async function timed(task: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}
