// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { FILESYSTEMS, smallestFilesystem } from '../../src/model/filesystem-type.ts';
import { optionDifference, parseMountOptions, splitOptions, wordsFor } from '../../src/model/mount-options.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';

const test = testOn('root', 'loop devices', 'mkfs of ext4, xfs and btrfs');
const never = new AbortController().signal;
const command = (...argv: string[]) => run(argv, { timeoutMs: 30_000 }, never);
const filesystems = createHostFilesystems(run);

/** What the kernel says of a mount: its own options and those of its filesystem. */
async function optionsAt(target: string): Promise<readonly string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const fields = lines.find((line) => line.split(' ')[4] === target)?.split(' ') ?? [];
  return [...splitOptions(fields[5] ?? ''), ...splitOptions(fields.at(-1) ?? '')];
}

const VALUES = {
  ext2: ['resuid=1', 'resgid=1'],
  ext3: ['commit=30'],
  ext4: [
    'commit=30',
    'stripe=4',
    'inode_readahead_blks=8',
    'max_batch_time=1',
    'max_dir_size_kb=64',
    'journal_ioprio=3',
  ],
  xfs: ['allocsize=64k', 'logbufs=4', 'logbsize=64k'],
  btrfs: ['commit=60', 'compress=zstd:3', 'compress-force=lzo', 'max_inline=1k', 'metadata_ratio=4', 'thread_pool=2'],
};
/** A kernel may lack them. */
const UNSUPPORTED = /quota|qnoenforce/;

test.each(FILESYSTEMS)(
  'a kernel mounts %s with every option that may be given, and tells which it has',
  async (type) => {
    await using disks = await createLoopDisks(bytes(smallestFilesystem(type) + 32 * MIB));
    const [device = ''] = disks.devices;
    const target = await mkdtemp(path.join(tmpdir(), 'open-local-options-'));
    const uuid = randomUUID();
    await filesystems.format(device, { type, uuid }, never);
    const alive =
      { xfs: `/sys/fs/xfs/${path.basename(device)}`, btrfs: `/sys/fs/btrfs/${uuid}` }[type as string] ??
      `/sys/fs/ext4/${path.basename(device)}`;
    const wrong: unknown[] = [];
    for (const option of [...wordsFor(type), ...VALUES[type]].filter((each) => !UNSUPPORTED.test(each))) {
      const wanted = parseMountOptions([option], type);
      const given = [...wanted.options, wanted.readOnly ? 'ro' : 'rw'].join(',');
      try {
        await command('mount', '-t', type, '-o', given, device, target);
      } catch (error) {
        wrong.push([option, (error as Error).message]);
        continue;
      }
      const difference = optionDifference(await optionsAt(target), wanted, type);
      if (difference) wrong.push([option, difference, await optionsAt(target)]);
      await command('umount', target);
      // A program that was started meanwhile may have the mount for a moment yet: the next one would share its options.
      await expect.poll(() => existsSync(alive)).toBe(false);
    }
    await rm(target, { recursive: true });
    expect(wrong).toEqual([]);
  },
);
