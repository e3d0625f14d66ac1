import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun } from '../exec/fake-run.ts';
import { run, type Run, type RunOptions } from '../exec/run.ts';
import { bytes, MIB } from '../model/bytes.ts';
import { createHostCopier, createSimulatedCopier } from './copier.ts';
import type { Copy } from './copy-device.ts';
import type { CopyOrder } from './copy-order.ts';

const never = new AbortController().signal;
const nothing = (): Promise<void> => Promise.resolve();
const program = [process.execPath, path.join(import.meta.dirname, '../main-copy.ts')];
const endWithinMs = 300;
const copier = createHostCopier({ run, program, endWithinMs });

async function files(size: number) {
  const folder = await mkdtemp(path.join(tmpdir(), 'copier-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [source, target] = [path.join(folder, 'source'), path.join(folder, 'target')];
  await writeFile(source, randomBytes(size));
  await writeFile(target, Buffer.alloc(size, 0xaa));
  return { source, target, size: bytes(size), from: bytes(0) };
}

/** It can never be opened, as a disk that does not answer. */
async function silent(file: string): Promise<string> {
  await promisify(execFile)('mkfifo', [`${file}-silent`]);
  return `${file}-silent`;
}

async function withSilentSource() {
  const copy = await files(MIB);
  return { ...copy, source: await silent(copy.source) };
}

/** Its source is opened first, so that it is seen to have begun. */
async function withSilentTarget() {
  const copy = await files(MIB);
  return { ...copy, target: await silent(copy.target) };
}

/** What a process has open. */
async function openIn(pid: number): Promise<readonly (string | undefined)[]> {
  const folder = `/proc/${pid}/fd`;
  const fds = await readdir(folder).catch(() => []);
  return Promise.all(fds.map((fd) => readlink(path.join(folder, fd)).catch(() => undefined)));
}

/** The programs that were started with this argument. */
async function startedWith(argument: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.flatMap((pid, at) => (lines[at]?.split('\0').includes(argument) ? [Number(pid)] : []));
}

/** A program that writes these lines at once, and goes on until `ends`. */
const saying = (lines: readonly object[], ends: Promise<unknown> = Promise.resolve()) =>
  createFakeRun(async (_, { onOutput }) => {
    for (const line of lines) onOutput?.(`${JSON.stringify(line)}\n`);
    await ends;
    return '';
  });
const ORDER = { source: '/dev/a', target: '/dev/b', size: bytes(9 * MIB), from: bytes(4 * MIB) };
const TOLD = [{ copied: 5 * MIB }, { copied: 7 * MIB }, { copied: 9 * MIB }];

test('a program copies from where an earlier one was, and tells how far it is', async () => {
  const copy = await files(9 * MIB);
  const told: number[] = [];
  const copied = async (done: number): Promise<void> => void told.push(done);
  await copier.copy({ ...copy, from: bytes(4 * MIB) }, copied, never);
  const [source, target] = [await readFile(copy.source), await readFile(copy.target)];
  expect(target.subarray(4 * MIB).equals(source.subarray(4 * MIB))).toBe(true);
  expect(target.subarray(0, 4 * MIB).every((byte) => byte === 0xaa)).toBe(true);
  expect(told).toEqual([9 * MIB]);
});

test('what the program cannot read or write is told in its words', async () => {
  const copy = await files(MIB);
  await expect(copier.copy({ ...copy, source: '/gone' }, nothing, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining('/gone, the source of a copy, cannot be read: ENOENT') as string,
  });
  await expect(copier.copy({ ...copy, target: '/gone' }, nothing, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('/gone cannot be written') as string,
  });
});

test('a program that is not there, or ends otherwise, is told as well', async () => {
  const copy = await files(MIB);
  for (const broken of [['/none/node'], [process.execPath, '--eval', 'process.exit(3)']])
    await expect(createHostCopier({ run, program: broken }).copy(copy, nothing, never)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/ENOENT|exited with 3/) as string,
    });
});

/** A program that writes this in place of a copy, and ends as if all were well. */
const writing = (text: string) => [process.execPath, '--eval', `process.stdout.write(${JSON.stringify(text)})`, '--'];

test.each([
  [
    'a word of another program',
    'Warning: disk\n',
    'the program of a copy wrote what is no line of its own: Warning: disk',
  ],
  ['JSON that is no line of a copy', 'null\n', 'the program of a copy wrote what is no line of its own: null'],
  ['a number that is none', '{"copied":"all"}\n', 'is no line of its own: {"copied":"all"}'],
  ['nothing', '', /source onto .*target ended after 4194304 of 9437184 bytes$/],
  ['a part of what it was to copy', '{"copied":8388608}\n', 'ended after 8388608 of 9437184 bytes'],
  ['a line that was cut', '{"copied":9437184}', 'ended after 4194304 of 9437184 bytes'],
])('a program that ends well and wrote %s has copied nothing', async (_, text, message) => {
  const copy = { ...(await files(9 * MIB)), from: bytes(4 * MIB) };
  const told = createHostCopier({ run, program: writing(text) }).copy(copy, nothing, never);
  await expect(told).rejects.toThrow(message);
  await expect(told).rejects.toMatchObject({ kind: 'unavailable' });
});

test('a program that tells a failure has failed, however it ends', async () => {
  const program = writing('{"copied":1048576}\n{"kind":"precondition","message":"is bad"}\n');
  await expect(createHostCopier({ run, program }).copy(await files(MIB), nothing, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: 'is bad',
  });
});

test('nothing is left to tell of a copy that was whole before', async () => {
  const told: number[] = [];
  const copied = async (done: number): Promise<void> => void told.push(done);
  await copier.copy({ ...(await files(8 * MIB)), from: bytes(8 * MIB) }, copied, never);
  expect(told).toEqual([]);
});

/** The program of a copy that was told this order and has begun, as the agent starts it. */
async function begun(order: CopyOrder) {
  const [file = '', ...args] = program;
  const started = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(() => void started.kill('SIGKILL'));
  const ended = once(started, 'exit');
  started.stdin.write(`${JSON.stringify(order)}\n`);
  return { started, ended, links: () => openIn(started.pid ?? 0) };
}

test('a copy ends once the agent is gone, and lets go of its target', async () => {
  const copy = await files(9 * MIB);
  const { started, ended, links } = await begun({ ...copy, bytesPerSecond: 1, endWithinMs: 60_000 });
  await expect.poll(links, { timeout: 20_000 }).toContain(copy.target);
  started.stdin.destroy();
  expect(await ended).toEqual([1, null]);
});

test.each(['SIGTERM', 'the end of the agent'])('%s ends also a copy whose disk does not answer', async (what) => {
  const copy = await withSilentTarget();
  const { started, ended, links } = await begun({ ...copy, endWithinMs: 50 });
  await expect.poll(links, { timeout: 20_000 }).toContain(copy.source);
  if (what === 'SIGTERM') started.kill('SIGTERM');
  else started.stdin.destroy();
  expect(await ended).toEqual([null, 'SIGKILL']);
});

test.each([
  ['a program that goes on', new Promise(() => {})],
  ['one that had copied all', Promise.resolve()],
])('a failure to tell how far it is ends the copy with it: %s', async (_, ends) => {
  const failing = () => Promise.reject(new Error('the API server is away'));
  const { run: fake } = saying(TOLD, ends);
  await expect(createHostCopier({ run: fake }).copy(ORDER, failing, never)).rejects.toThrow('the API server is away');
});

test('how far it is is told one after another, and the copy ends when all is', async () => {
  const told: string[] = [];
  const copied = async (done: number): Promise<void> => {
    told.push(`${done / MIB} begun`);
    await nextTurn();
    told.push(`${done / MIB} told`);
  };
  await createHostCopier(saying(TOLD)).copy(ORDER, copied, never);
  expect(told).toEqual([5, 7, 9].flatMap((done) => [`${done} begun`, `${done} told`]));
});

test('the program has its order on a lifeline, and both know how long it may take to end', async () => {
  const seen: RunOptions[] = [];
  const { run: fake, calls } = createFakeRun((_, options) => {
    seen.push(options);
    options.onOutput?.('{"copied":9437184}\n');
    return '';
  });
  await createHostCopier({ run: fake, bytesPerSecond: 12 * MIB }).copy(ORDER, nothing, never);
  await createHostCopier({ run: fake, endWithinMs: 5 }).copy(ORDER, nothing, never);
  const beside = path.join(path.dirname(process.argv[1] ?? ''), 'copy.cjs');
  expect(calls).toEqual([1, 2].map(() => [process.execPath, beside, '/dev/a', '/dev/b']));
  expect(seen).toMatchObject([
    { timeoutMs: 1_200_000, lifeline: true, endWithinMs: 6000 },
    { timeoutMs: 1_200_000, lifeline: true, endWithinMs: 5 },
  ]);
  expect(seen.map(({ stdin }) => JSON.parse(String(stdin)) as unknown)).toEqual([
    { ...ORDER, bytesPerSecond: 12 * MIB, endWithinMs: 6000 },
    { ...ORDER, endWithinMs: 5 },
  ]);
  for (const { stdin } of seen) expect(stdin).toMatch(/^[^\n]+\n$/);
});

test('a copy lets go of the signal that outlives it', async () => {
  const stopping = new AbortController();
  await createHostCopier(saying(TOLD)).copy(ORDER, nothing, stopping.signal);
  await expect(createHostCopier(saying([])).copy(ORDER, nothing, stopping.signal)).rejects.toThrow('ended after');
  expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
});

test('of what the program should not have written no more is told than shows whose it is', async () => {
  const { run: fake } = createFakeRun((_, { onOutput }) => {
    onOutput?.(`${'x'.repeat(5000)}\n`);
    return '';
  });
  const failure = createHostCopier({ run: fake }).copy(ORDER, nothing, never);
  await expect(failure).rejects.toThrow(/is no line of its own: x{200}$/);
});

test('a simulated copy is whole at once', async () => {
  const told: number[] = [];
  await createSimulatedCopier().copy(ORDER, async (done) => void told.push(done), never);
  expect(told).toEqual([9 * MIB]);
});

test('copies of disks that do not answer keep none of the four threads of Node, and end when they are to', async () => {
  const stopping = new AbortController();
  const silent = await Promise.all(Array.from({ length: 5 }, withSilentTarget));
  const copies = silent.map((copy) => copier.copy(copy, nothing, stopping.signal));
  const ended = Promise.allSettled(copies);
  const hang = async ({ source }: Copy): Promise<boolean> => {
    const [pid = 0] = await startedWith(source);
    return (await openIn(pid)).includes(source);
  };
  for (const copy of silent) await expect.poll(() => hang(copy), { timeout: 20_000 }).toBe(true);
  stopping.abort(new Error('stopping'));
  expect(await ended).toEqual(copies.map(() => ({ status: 'rejected', reason: stopping.signal.reason as unknown })));
  for (const { source } of silent) expect(await startedWith(source)).toEqual([]);
});

test('a copy that does not get on is given up', async () => {
  const impatient: Run = (argv, options, signal) => run(argv, { ...options, timeoutMs: 300 }, signal);
  const copy = await withSilentSource();
  await expect(
    createHostCopier({ run: impatient, program, endWithinMs }).copy(copy, nothing, never),
  ).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/source-silent .*target wrote nothing for 300 ms$/) as string,
  });
});
