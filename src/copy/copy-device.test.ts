import { randomBytes } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun } from '../exec/fake-run.ts';
import { bytes, KIB, MIB } from '../model/bytes.ts';
import { createFakeClock } from '../wait/fake-clock.ts';
import { systemClock } from '../wait/clock.ts';
import { copyDevice, type CopyOptions } from './copy-device.ts';

const never = new AbortController().signal;
const { run } = createFakeRun(() => undefined);

/** A source with this content beside a target full of somebody's old bytes. */
async function files(content: Buffer) {
  const folder = await mkdtemp(path.join(tmpdir(), 'copy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [source, target] = [path.join(folder, 'source'), path.join(folder, 'target')];
  await writeFile(source, content);
  await writeFile(target, Buffer.alloc(content.length + 64 * KIB, 0xaa));
  return { source, target, size: bytes(content.length), from: bytes(0) };
}

const someZeros = (): Buffer => {
  const content = randomBytes(30 * MIB);
  content.fill(0, 4 * MIB, 13 * MIB); // whole chunks of zeros, and the beginning of one
  content.fill(0, 24 * MIB);
  return content;
};

function told() {
  const all: number[] = [];
  const options: CopyOptions = {
    copied: (done) => {
      all.push(done);
      return Promise.resolve();
    },
  };
  return { all, options };
}

test.each([
  ['with ranges of zeros', someZeros()],
  ['zeros alone', Buffer.alloc(9 * MIB)],
  ['no whole number of pages', randomBytes(5 * MIB + 513)],
  ['less than a sector', randomBytes(7)],
])('the target is what the source is, and keeps what is beyond it: %s', async (_, content) => {
  const copy = await files(content);
  const { all, options } = told();
  await copyDevice(copy, options, { run, clock: systemClock }, never);
  const target = await readFile(copy.target);
  expect(target.subarray(0, content.length).equals(content)).toBe(true);
  expect(target.subarray(content.length).every((byte) => byte === 0xaa)).toBe(true);
  expect(all.at(-1)).toBe(content.length);
});

test('a copy that was cut goes on from what was told, and writes nothing before that', async () => {
  const content = someZeros();
  const copy = await files(content);
  const { options } = told();
  await copyDevice({ ...copy, from: bytes(8 * MIB) }, options, { run, clock: systemClock }, never);
  const target = await readFile(copy.target);
  expect(target.subarray(0, 8 * MIB).every((byte) => byte === 0xaa)).toBe(true);
  expect(target.subarray(8 * MIB, content.length).equals(content.subarray(8 * MIB))).toBe(true);
});

test('only what is on the target is told: every told byte is there when it is told', async () => {
  const content = someZeros();
  const copy = await files(content);
  let now = 0;
  const hurrying = { ...systemClock, now: () => (now += 6000) }; // so that every chunk is told
  const seen: boolean[] = [];
  const copied = async (done: number): Promise<void> => {
    const target = await readFile(copy.target);
    seen.push(target.subarray(0, done).equals(content.subarray(0, done)));
  };
  await copyDevice(copy, { copied }, { run, clock: hurrying }, never);
  expect(seen.length).toBeGreaterThan(2);
  expect(seen).not.toContain(false);
});

test('no more than the limit is read in a second', async () => {
  const copy = await files(randomBytes(12 * MIB));
  const { options } = told();
  const clock = createFakeClock();
  const slept: number[] = [];
  const counting = {
    ...clock,
    sleep: (ms: number, signal: AbortSignal) => {
      slept.push(ms);
      const sleeping = clock.sleep(ms, signal);
      void clock.advance(ms);
      return sleeping;
    },
  };
  await copyDevice(copy, { ...options, bytesPerSecond: MIB }, { run, clock: counting }, never);
  expect(slept.reduce((a, b) => a + b, 0)).toBe(8000); // the first 4 MiB at once, and 4 s before each further ones
});

/** A clock that says these times, one after another, and the last of them from then on. */
function saying(...times: readonly number[]) {
  let looks = 0;
  const slept: number[] = [];
  const now = (): number => {
    looks += 1;
    return times[Math.min(looks, times.length) - 1] ?? 0;
  };
  const sleep = async (ms: number): Promise<void> => void slept.push(ms);
  return { ...systemClock, now, sleep, slept };
}

test('a limit that was not used for a while is not caught up', async () => {
  const copy = await files(randomBytes(12 * MIB));
  const clock = saying(0, 0, 0, 100_000); // the first chunk is read at once, and the next ones much later
  await copyDevice(copy, { ...told().options, bytesPerSecond: MIB }, { run, clock }, never);
  expect(clock.slept).toEqual([4000]);
});

test.each([
  ['that is over at once', 4, [4]],
  ['of which the rest is quick', 12, [4, 12]],
])('what takes five seconds is told, and nothing twice: a copy %s', async (_, size, want) => {
  const { all, options } = told();
  const clock = saying(0, 0, 5000); // the time at which it begins to read, and to copy
  await copyDevice(await files(randomBytes(size * MIB)), options, { run, clock }, never);
  expect(all).toEqual(want.map((mib) => mib * MIB));
});

test('however quick it is, 256 MiB are not copied without being told', async () => {
  const copy = await files(Buffer.alloc(0));
  await truncate(copy.source, 264 * MIB);
  const { all, options } = told();
  await copyDevice({ ...copy, size: bytes(264 * MIB) }, options, { run, clock: saying(0) }, never);
  expect(all).toEqual([256 * MIB, 264 * MIB]);
});

test.each([
  ['before the next chunk is written', randomBytes(12 * MIB), 3, 4],
  ['before zeros are written', Buffer.alloc(8 * MIB), 4, 0],
  ['before anything is told', randomBytes(4 * MIB), 3, 4],
])('a copy that is stopped ends %s', async (_, content, look, written) => {
  const copy = await files(content);
  const stopping = new AbortController();
  const { all, options } = told();
  let looks = 0;
  const now = (): number => {
    looks += 1;
    if (looks === look) stopping.abort(new Error('stopping'));
    return 0;
  };
  const copying = copyDevice(copy, options, { run, clock: { ...systemClock, now } }, stopping.signal);
  await expect(copying).rejects.toThrow('stopping');
  const target = await readFile(copy.target);
  expect(target.findIndex((byte, at) => at >= written * MIB && byte !== 0xaa)).toBe(-1);
  expect(all).toEqual([]);
});

test('a source that ends early is refused, and nothing beyond it is told', async () => {
  const copy = await files(randomBytes(9 * MIB));
  await truncate(copy.source, 5 * MIB);
  const { all, options } = told();
  await expect(copyDevice(copy, options, { run, clock: systemClock }, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining(`${copy.source}, the source of a copy, cannot be read`) as string,
  });
  expect(all).toEqual([]);
});

test('a source that went bad after its last byte was read is refused, and nothing of it is told', async () => {
  const copy = await files(randomBytes(4 * MIB));
  const { all, options } = told();
  let looks = 0;
  const now = (): number => {
    looks += 1;
    if (looks === 3) truncateSync(copy.source); // all is read and written, and nothing synced
    return 0;
  };
  await expect(copyDevice(copy, options, { run, clock: { ...systemClock, now } }, never)).rejects.toMatchObject({
    kind: 'precondition',
  });
  expect(all).toEqual([]);
});

test('what is not there is named, and whose fault it is', async () => {
  const copy = await files(randomBytes(100));
  const { options } = told();
  const deps = { run, clock: systemClock };
  await expect(copyDevice({ ...copy, source: '/gone' }, options, deps, never)).rejects.toMatchObject({
    kind: 'precondition',
  });
  await expect(copyDevice({ ...copy, target: '/gone' }, options, deps, never)).rejects.toMatchObject({
    kind: 'unavailable',
  });
});

test('an abort ends the copy with its reason', async () => {
  const copy = await files(randomBytes(30 * MIB));
  const stopping = new AbortController();
  const clock = createFakeClock();
  const { all, options } = told();
  const copying = copyDevice(copy, { ...options, bytesPerSecond: 1 }, { run, clock }, stopping.signal);
  await clock.untilAsleep();
  stopping.abort(new Error('stopping'));
  await expect(copying).rejects.toThrow('stopping');
  expect(all).toEqual([]);
});
