// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { randomUUID } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { MIB } from '../../src/model/bytes.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { probeGiven } from '../../src/mount/filesystem.ts';
import { testOn } from '../machine.ts';

const test = testOn('mkfs of ext4, xfs and btrfs');
const never = new AbortController().signal;
const SIZE = 512 * MIB;

/** A superblock of md's format 0.90, as in the image of a disk that a pod keeps in a file (md_p.h of Linux). */
const ARRAY = { at: SIZE - 64 * 1024, words: [0xa92b4efc, 0, 90, 0] } as const;

test.each(['ext4', 'xfs', 'btrfs'] as const)(
  'a %s in which a file at the end looks like a member of an array is what it was made',
  async (type) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lookalikes-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const device = path.join(folder, 'device');
    const uuid = randomUUID();
    const filesystems = createHostFilesystems(run);
    const file = await open(device, 'w');
    await file.truncate(SIZE);
    await filesystems.format(device, { type, uuid }, never);
    const words = Buffer.alloc(4096);
    for (const [at, word] of ARRAY.words.entries()) words.writeUInt32LE(word, at * 4);
    await file.write(words, 0, words.length, ARRAY.at);
    await file.close();
    expect(await filesystems.probe(device, never)).toMatchObject({ kind: 'other' });
    expect(await probeGiven(device, undefined, filesystems, never)).toMatchObject({ kind: 'other' });
    expect(await probeGiven(device, type, filesystems, never)).toMatchObject({ kind: 'filesystem', type, uuid });
    const another = type === 'ext4' ? 'xfs' : 'ext4';
    expect(await probeGiven(device, another, filesystems, never)).toMatchObject({ kind: 'other' });
  },
);
