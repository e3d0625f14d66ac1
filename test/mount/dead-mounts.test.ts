// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { createLimits } from '../../src/agent/limits/limits.ts';
import { createLoopsOver } from '../../src/disk/loop-backing.ts';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run, type Run } from '../../src/exec/run.ts';
import { unlessHung } from '../../src/exec/unless-hung.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { silentLog } from '../../src/model/log.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { mountAt } from '../../src/mount/mountinfo.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { testOn } from '../machine.ts';
import { mountDead } from './dead-mount.ts';

const test = testOn('root', 'fuse');
const never = new AbortController().signal;
const mounts = createHostMounts(run);
/** Programs are given little time, since they will not end by themselves. */
const impatient: Run = (argv, options, signal) => run(argv, { ...options, timeoutMs: 200 }, signal);
const filesystems = createHostFilesystems(impatient);

async function deadMount() {
  await using stack = new AsyncDisposableStack();
  const dead = stack.use(await mountDead());
  const { target } = dead;
  const entry = mountAt(await mounts.list(never), target);
  if (!entry) throw new Error(`nothing is mounted at ${target}`);
  const kept = stack.move();
  return { ...dead, entry, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test('a mount that does not answer is told so, and stops nothing else of this program', async () => {
  await using dead = await deadMount();
  const enough = new AbortController();
  const patient = createHostFilesystems(run);
  const asked = Array.from({ length: 8 }, () =>
    patient.stats(dead.target, enough.signal).catch((error: unknown) => error),
  );
  expect(await readFile('/proc/self/stat', 'utf8')).toContain(`${process.pid} `); // waits for ever behind them
  enough.abort(new Error('enough'));
  expect(await Promise.all(asked)).toEqual(asked.map(() => enough.signal.reason as Error));
  await expect(filesystems.stats(dead.target, never)).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(filesystems.entries(dead.entry, never)).rejects.toMatchObject({ kind: 'unavailable' });
  const it = { target: dead.target, identity: await filesystems.identify(dead.entry, never) };
  await expect(filesystems.clear(it, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('disks that do not answer are unreadable, and stop nothing else of this program', async () => {
  await using dead = await deadMount();
  const disk = { path: path.join(dead.target, 'disk'), size: bytes(MIB) };
  const enough = new AbortController();
  const disks = createHostDisks(run, 'zero');
  const looks = Array.from({ length: 8 }, () => disks.probe(disk, enough.signal).catch((error: unknown) => error));
  expect(await readFile('/proc/self/stat', 'utf8')).toContain(`${process.pid} `); // waits for ever behind them
  enough.abort(new Error('enough'));
  expect(await Promise.all(looks)).toEqual(looks.map(() => enough.signal.reason as Error));
  expect(await createHostDisks(impatient, 'zero').probe(disk, never)).toMatchObject({
    unreadable: expect.stringContaining('did not end') as string,
  });
});

test('a program that cannot be killed is not started again until it has ended', async () => {
  await using dead = await deadMount();
  const sparing = unlessHung(run);
  const look = () => sparing(['stat', '--', dead.target], { timeoutMs: 500 }, never);
  const first = look();
  dead.take();
  await expect(first).rejects.toThrow('did not end within 500 ms');
  await expect(look()).rejects.toThrow('was not started');
  dead.end();
  await expect.poll(() => look().catch(String)).toContain('exited with 1');
});

test("whether a mount is a volume's is known without a look at it", async () => {
  await using dead = await deadMount();
  const shown = await Promise.all(
    ['/dev/null', '/dev/g/v1', '/mnt/open-local/a', dead.target].map((source) =>
      mounts.shows(dead.entry, source, never),
    ),
  );
  expect(shown).toEqual([false, false, false, true]);
});

test("a pod's mount of somebody else's that does not answer keeps no limits from others", async () => {
  await using dead = await deadMount();
  const asked: string[] = [];
  const volumes = {
    metadata: { name: 'v1' },
    spec: { limits: { readBps: 1_000_000 } },
    status: { devicePath: '/dev/x' },
  };
  const target = '/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~csi/pv/mount';
  const limits = createLimits({
    throttles: {
      version: () => Promise.resolve(2),
      apply: ({ podUid }) => Promise.resolve((asked.push(podUid), 'kept')),
      foldersOf: () => Promise.resolve([]),
    },
    mounts: { list: () => Promise.resolve([{ ...dead.entry, target, source: dead.target }]) },
    volumes: new Map([['v1', volumes as never]]),
    record: () => {},
    log: silentLog,
    onSet: () => {},
  });
  await limits.enforce(never);
  expect(asked).toEqual([]);
});

test('a loop device over a file on a mount that does not answer is looked at without that file', async () => {
  await using dead = await deadMount();
  const block = await mkdtemp(path.join(tmpdir(), 'open-local-block-'));
  try {
    await mkdir(path.join(block, 'loop0/loop'), { recursive: true });
    await writeFile(path.join(block, 'loop0/loop/backing_file'), `${dead.target}/disk.img\n`);
    const loopsOver = await createLoopsOver(block, ['loop0'], run, never);
    expect(await loopsOver('/dev/null')).toEqual([]);
  } finally {
    await rm(block, { recursive: true });
  }
});
