import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as csi from '../../src/csi/gen/csi.ts';
import { nameOfCode, Code } from '../../src/csi/status.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { startWorld, type World } from '../kill-points/world.ts';
import { anyCall, type AnyCall } from './requests.ts';

const never = new AbortController().signal;
/** What is left in the world after a failure makes every smaller case fail too. */
const ON_ONE_WORLD = { numRuns: 30, endOnFailure: true };
let world: World;
let room: bigint;
beforeAll(async () => {
  world = await startWorld({ onEffect: () => undefined });
  room = await roomOf();
});
afterAll(() => world[Symbol.asyncDispose]());

const roomOf = async (): Promise<bigint> => {
  const request = csi.GetCapacityRequest.fromPartial({ parameters: { volumeType: 'LVM' } });
  return (await world.csi.controller.getCapacity(request, never)).availableCapacity;
};

interface Answer {
  readonly code: string;
  readonly reply?: unknown;
  readonly details?: string;
}

async function ask({ method, request }: AnyCall, signal = never): Promise<Answer> {
  const methods = { ...world.csi.controller, ...world.csi.groups };
  const call = methods[method] as unknown as (request: object, signal: AbortSignal) => Promise<unknown>;
  try {
    return { code: 'OK', reply: await call(request, signal) };
  } catch (error) {
    const { code, details = '' } = error as { readonly code?: Code; readonly details?: string };
    return { code: code === undefined ? String(error) : nameOfCode(code), details };
  }
}

/** Until it is settled: ABORTED asks for the same call again, unless something else is to be done first. */
async function askOut(call: AnyCall): Promise<Answer> {
  for (let tries = 0; tries < 50; tries += 1) {
    const answer = await ask(call);
    if (answer.code !== 'ABORTED' || isTokenRefused(answer) || isKept(answer)) return answer;
  }
  throw new Error(`${call.method} is still ABORTED`);
}

/** The code that the specification has for tokens of paging that were never given. */
const isTokenRefused = ({ details = '' }: Answer): boolean => details.includes('starting_token');

/** A volume of the name was deleted, and a snapshot still needs its data. */
const isKept = ({ details = '' }: Answer): boolean => details.endsWith('or delete what needs it');

/** Codes that say what is wrong with the request, or with the cluster; any other says that the driver is at a loss. */
const HONEST = new Set([
  ...['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION'],
  ...['OUT_OF_RANGE', 'RESOURCE_EXHAUSTED', 'ABORTED', 'UNIMPLEMENTED'],
]);

function assertHonest(call: AnyCall, { code, details }: Answer): void {
  if (!HONEST.has(code)) throw new Error(`${call.method}: ${code}: ${details}`);
}

async function askTwice(call: AnyCall): Promise<void> {
  const [first, second] = await pairOf(call);
  for (const answer of [first, second]) assertHonest(call, answer);
  if (!isDeepStrictEqual(first, second))
    throw new Error(`${call.method} answers ${show(first)}, and the same call again ${show(second)}`);
}

async function pairOf(call: AnyCall): Promise<readonly [Answer, Answer]> {
  if (call.again === 'beside') return Promise.all([askOut(call), askOut(call)]);
  if (call.again === 'given up') {
    const caller = new AbortController();
    const first = ask(call, caller.signal);
    setImmediate(() => caller.abort());
    await first;
  }
  return [await askOut(call), await askOut(call)];
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));

/** Deletes what the calls made, as its owners would. */
async function deleteAll(): Promise<void> {
  const { items } = await world.client.list(LOCAL_VOLUMES, {}, never);
  for (const { metadata, spec } of items.toSorted((a, b) => a.spec.role.localeCompare(b.spec.role))) {
    const id = metadata.name ?? '';
    const call = deletionOf(id, spec);
    expect(await askOut({ ...call, again: 'after' })).toMatchObject({ code: 'OK' });
  }
}

function deletionOf(id: string, { role, groupSnapshot }: LocalVolume['spec']): Pick<AnyCall, 'method' | 'request'> {
  const secrets = {};
  if (role !== 'Snapshot') return { method: 'deleteVolume', request: { volumeId: id, secrets } };
  if (groupSnapshot === undefined) return { method: 'deleteSnapshot', request: { snapshotId: id, secrets } };
  const request = { groupSnapshotId: groupSnapshot, snapshotIds: [], secrets };
  return { method: 'deleteVolumeGroupSnapshot', request };
}

test('every controller call, twice in a row or at once, has one honest answer, and leaves nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { minLength: 1, maxLength: 12 }), async (calls) => {
      try {
        for (const call of calls) await askTwice(call);
      } finally {
        await deleteAll();
        await rm(world.targets, { recursive: true, force: true });
      }
      expect(await world.inventory()).toEqual({
        objects: [],
        volumes: [],
        mounts: [],
        mappings: [],
        filesystems: [],
        files: [],
      });
      await expect.poll(roomOf).toBe(room);
    }),
    ON_ONE_WORLD,
  );
}, 120_000);

test('calls of all kinds at once have honest answers, and leave nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { minLength: 2, maxLength: 12 }), async (calls) => {
      try {
        const answers = await Promise.all(calls.map((call) => ask(call)));
        for (const [index, call] of calls.entries()) assertHonest(call, answers[index] ?? { code: 'none' });
      } finally {
        await deleteAll();
      }
      expect(await world.inventory()).toEqual({
        objects: [],
        volumes: [],
        mounts: [],
        mappings: [],
        filesystems: [],
        files: [],
      });
      await expect.poll(roomOf).toBe(room);
    }),
    ON_ONE_WORLD,
  );
}, 120_000);
