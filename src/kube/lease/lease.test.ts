import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { KubeClient } from '../client.ts';
import { ApiError } from '../errors.ts';
import { createFakeClock, type FakeClock } from '../../wait/fake-clock.ts';
import { runLeader, type LeaderOptions } from './lease.ts';
import { isFree, microTime, type Lease, type LeaseSpec } from './lease-record.ts';

type LeaseClient = Pick<KubeClient, 'get' | 'create' | 'update'>;

const api = (code: number, reason: string): ApiError => new ApiError({ code, reason, message: reason });

/** The one Lease of a server, with real conflicts. */
function createLeaseServer() {
  let lease: Lease | undefined;
  let version = 0;
  const put = (next: Lease): Lease => {
    version += 1;
    lease = { ...structuredClone(next), metadata: { ...next.metadata, resourceVersion: String(version) } };
    return structuredClone(lease);
  };
  const client: LeaseClient = {
    get: (async () => {
      if (!lease) throw api(404, 'NotFound');
      return structuredClone(lease);
    }) as LeaseClient['get'],
    create: (async (_: unknown, object: Lease) => {
      if (lease) throw api(409, 'AlreadyExists');
      return put(object);
    }) as LeaseClient['create'],
    update: (async (_: unknown, object: Lease) => {
      if (!lease) throw api(404, 'NotFound');
      if (object.metadata.resourceVersion !== lease.metadata.resourceVersion) throw api(409, 'Conflict');
      return put(object);
    }) as LeaseClient['update'],
  };
  return {
    client,
    spec: () => lease?.spec,
    annotations: () => lease?.metadata.annotations,
    write: (change: (lease: Lease) => Lease) => void put(change(lease ?? { metadata: {} })),
    remove: () => {
      lease = undefined;
    },
  };
}

/** A client that can be cut off: its calls then fail, or are never answered; or each takes so many ms to the server. */
function createCable(client: LeaseClient, clock: FakeClock) {
  let state: 'up' | 'failing' | 'silent' | 'deaf' | number = 'up';
  const through =
    (verb: keyof LeaseClient) =>
    async (...args: unknown[]) => {
      if (state === 'failing') throw api(0, 'Unreachable');
      if (state === 'silent') return new Promise(() => {});
      if (typeof state === 'number') await clock.sleep(state, new AbortController().signal);
      const answer: unknown = await (client[verb] as (...args: unknown[]) => unknown)(...args);
      // Deaf: the write happens, its answer is lost.
      if (state === 'deaf' && verb === 'update') throw api(0, 'Timeout');
      return answer;
    };
  return {
    client: { get: through('get'), create: through('create'), update: through('update') } as LeaseClient,
    set: (next: typeof state) => {
      state = next;
    },
  };
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface Contender {
  readonly clock: FakeClock;
  readonly stop: AbortController;
  readonly state: () => string;
  /** Why the work was told to stop. */
  readonly told: () => unknown;
  readonly ended: Promise<unknown>;
  readonly set: ReturnType<typeof createCable>['set'];
  /** Ends the work that began when elected. */
  readonly finish: (error?: Error) => void;
}

/** A contender with a clock of its own; its state is waiting, leading, told (to stop), or how it ended. */
function contend(
  server: ReturnType<typeof createLeaseServer>,
  identity: string,
  more: Partial<LeaderOptions> = {},
): Contender {
  const clock = createFakeClock(Date.UTC(2026, 0, identity.length));
  const cable = createCable(server.client, clock);
  const stop = new AbortController();
  const work = Promise.withResolvers<void>();
  let state = 'waiting';
  let told: unknown;
  const options: LeaderOptions = {
    client: cable.client,
    namespace: 'kube-system',
    name: 'operator',
    identity,
    onElected: (signal) => {
      state = 'leading';
      const onAbort = (): void => {
        state = 'told';
        told = signal.reason;
      };
      signal.addEventListener('abort', onAbort, { once: true });
      return work.promise;
    },
    log: quiet,
    clock,
    random: () => 0,
    ...more,
  };
  const ended = runLeader(options, stop.signal).then(
    () => (state = 'stopped'),
    (error: Error) => (state = error.message),
  );
  return {
    clock,
    stop,
    state: () => state,
    told: () => told,
    ended,
    set: cable.set,
    finish: (error) => (error ? work.reject(error) : work.resolve()),
  };
}

/** Lets time pass for all, a second at a time: that is how clocks of several machines run side by side. */
async function pass(seconds: number, ...contenders: Contender[]): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    for (const { clock } of contenders) await clock.advance(1000);
  }
}

test('the first of two leads and renews; the second waits', async () => {
  const server = createLeaseServer();
  const [a, b] = [contend(server, 'a'), contend(server, 'b')];
  await pass(60, a, b);
  expect([a.state(), b.state()]).toEqual(['leading', 'waiting']);
  expect(server.spec()).toEqual({
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-01T00:00:00.000000Z',
    renewTime: '2026-01-01T00:01:00.000000Z',
    leaseTransitions: 0,
  });
});

test('each renewal tells what the leader has to tell, and keeps what others wrote', async () => {
  const server = createLeaseServer();
  let told: Record<string, string> = {};
  const a = contend(server, 'a', { annotations: () => told });
  await pass(10, a);
  expect(server.annotations()).toBeUndefined();
  server.write((lease) => ({ ...lease, metadata: { ...lease.metadata, annotations: { theirs: 'x' } } }));
  told = { called: 'then' };
  await pass(10, a);
  expect(server.annotations()).toEqual({ theirs: 'x', called: 'then' });
  expect(a.state()).toBe('leading');
});

test('a clean stop: the work is told, ends, and only then the other one begins, without waiting for an expiry', async () => {
  const server = createLeaseServer();
  const [a, b] = [contend(server, 'a'), contend(server, 'b')];
  await pass(5, a, b);
  a.stop.abort(new Error('SIGTERM'));
  await pass(30, a, b);
  expect([a.state(), b.state()]).toEqual(['told', 'waiting']);
  a.finish(new Error('unexpected'));
  await a.ended;
  expect(a.state()).toBe('unexpected');
  expect(server.spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  await pass(2, b);
  expect(b.state()).toBe('leading');
  expect(server.spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('work that rejects with the reason of the stop is a clean stop; work that just ends gives the Lease back', async () => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  await pass(1, a);
  const reason = new Error('SIGTERM');
  a.stop.abort(reason);
  a.finish(reason);
  expect(await a.ended).toBe('stopped');

  const b = contend(server, 'b');
  await pass(3, b);
  expect(b.state()).toBe('leading');
  b.finish();
  expect(await b.ended).toBe('stopped');
  expect(server.spec()).toMatchObject({ holderIdentity: '' });
});

test('a dead holder is replaced after its whole duration, counted from when we saw it, not before', async () => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  await pass(3, a);
  // From here on a's clock stands still: the process is frozen.
  const b = contend(server, 'b');
  await pass(14, b);
  expect(b.state()).toBe('waiting');
  await pass(4, b);
  expect(b.state()).toBe('leading');
  // It wakes up, and stops before it writes anything.
  await pass(1, a);
  await pass(2, a);
  expect(a.state()).toBe('the Lease kube-system/operator went to b');
  expect(b.state()).toBe('leading');
});

test.each([
  { name: 'an hour ahead', offsetMs: 3_600_000 },
  { name: 'an hour behind', offsetMs: -3_600_000 },
])('a calendar that is $name changes nothing', async ({ offsetMs }) => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  const clock = createFakeClock(Date.UTC(2026, 0, 1) + offsetMs);
  const b = { ...contend(server, 'b', { clock }), clock };
  await pass(40, a, b);
  expect([a.state(), b.state()]).toEqual(['leading', 'waiting']);
  await pass(20, b);
  expect(b.state()).toBe('leading');
});

test.each(['failing', 'silent'] as const)(
  'a leader whose calls are %s gives up before another can begin',
  async (fault) => {
    const server = createLeaseServer();
    const [a, b] = [contend(server, 'a'), contend(server, 'b')];
    await pass(4, a, b);
    a.set(fault);
    await pass(9, a, b);
    expect([a.state(), b.state()]).toEqual(['leading', 'waiting']);
    await pass(2, a, b);
    expect(a.state()).toMatch(/^could not renew the Lease operator for 10000 ms: (Unreachable|no answer)/);
    expect(b.state()).toBe('waiting');
    await pass(10, b);
    expect(b.state()).toBe('leading');
  },
);

test.each([
  { seconds: 3, why: 'still leads' },
  { seconds: 6, why: 'is told, though its renewals arrive after it has given them up' },
  { seconds: 16, why: 'is told before the Lease is over' },
])('a leader whose renewals take $seconds s $why; never do two lead', async ({ seconds }) => {
  const server = createLeaseServer();
  const [a, b] = [contend(server, 'a'), contend(server, 'b')];
  await pass(4, a, b);
  a.set(seconds * 1000);
  const states: string[] = [];
  for (let second = 0; second < 60; second += 1) {
    await pass(1, a, b);
    await setImmediate();
    states.push(`${a.state() === 'leading' ? 'a' : ''}${b.state() === 'leading' ? 'b' : ''}`);
  }
  expect(states).not.toContain('ab');
  expect(states.at(-1)).toBe(seconds === 3 ? 'a' : 'b');
  // It stops within its 10 s, and nobody leads for the rest of the Lease's 15 s.
  expect(states.filter((state) => state === '').length).toBeGreaterThanOrEqual(seconds === 3 ? 0 : 4);
});

test('a short loss of the connection, and a write whose answer was lost, do not end the term', async () => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  await pass(2, a);
  for (const fault of ['failing', 'deaf', 'silent'] as const) {
    a.set(fault);
    await pass(6, a);
    a.set('up');
    await pass(6, a);
  }
  expect(a.state()).toBe('leading');
});

test('a label that somebody else writes on the Lease stays, and so does the leader', async () => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  await pass(3, a);
  server.write((lease) => ({ ...lease, metadata: { ...lease.metadata, labels: { team: 'x' } } }));
  await pass(3, a);
  expect(a.state()).toBe('leading');
  const lease = await server.client.get<Lease>({} as never, { name: '' }, a.stop.signal);
  expect(lease.metadata.labels).toEqual({ team: 'x' });
});

test.each([
  {
    name: 'given to another',
    act: (server: ReturnType<typeof createLeaseServer>) =>
      server.write((lease) => ({ ...lease, spec: { holderIdentity: 'z' } })),
    want: 'z',
  },
  { name: 'deleted', act: (server: ReturnType<typeof createLeaseServer>) => server.remove(), want: 'nobody' },
])('a Lease that is $name ends the term at once', async ({ act, want }) => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  await pass(3, a);
  act(server);
  await pass(2, a);
  expect(a.state()).toBe(`the Lease kube-system/operator went to ${want}`);
  expect(a.told()).toMatchObject({ kind: 'aborted', message: a.state() });
});

test('who starts while the server is down, or stops while waiting', async () => {
  const server = createLeaseServer();
  const a = contend(server, 'a');
  a.set('failing');
  const b = contend(server, 'b');
  b.set('failing');
  await pass(10, a, b);
  b.stop.abort(new Error('SIGTERM'));
  expect(await b.ended).toBe('stopped');
  a.set('up');
  await pass(2, a);
  expect(a.state()).toBe('leading');
});

test('the same identity again (a container that was restarted) need not wait', async () => {
  const server = createLeaseServer();
  await pass(1, contend(server, 'a'));
  const again = contend(server, 'a');
  await pass(1, again);
  expect(again.state()).toBe('leading');
  expect(server.spec()).toMatchObject({ leaseTransitions: 0 });
});

test('times that do not fit each other', async () => {
  const server = createLeaseServer();
  const bad = contend(server, 'a', { renewDeadlineMs: 15_000 });
  expect(await bad.ended).toBe(
    'leader election needs retry (2000 ms) < renew deadline (15000 ms) < lease duration (15000 ms)',
  );
});

test('a Lease without a duration lasts as long as ours would', () => {
  const claim = { identity: 'b', leaseDurationMs: 15_000 };
  const spec: LeaseSpec = { holderIdentity: 'a' };
  expect(isFree({ spec, firstSeenAt: 0 }, claim, 14_999)).toBe(false);
  expect(isFree({ spec, firstSeenAt: 0 }, claim, 15_000)).toBe(true);
  expect(microTime(new Date(1))).toBe('1970-01-01T00:00:00.001000Z');
});

test('a Lease that somebody gave years, and whose owner is gone, is taken after ten times our duration', () => {
  const claim = { identity: 'b', leaseDurationMs: 15_000 };
  const spec: LeaseSpec = { holderIdentity: 'a', leaseDurationSeconds: 999_999_999, renewTime: '2099-01-01T00:00:00Z' };
  expect(isFree({ spec, firstSeenAt: 0 }, claim, 149_999)).toBe(false);
  expect(isFree({ spec, firstSeenAt: 0 }, claim, 150_000)).toBe(true);
});

test('many contenders, stops and cuts at random: never two at a time', async () => {
  // A small generator, so that a failure can be repeated.
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const server = createLeaseServer();
  const all = ['a', 'bb', 'ccc'].map((identity) => contend(server, identity, { random }));
  let terms = 0;
  for (let round = 0; round < 300; round += 1) {
    const one = Math.floor(random() * all.length);
    const contender = all[one] as Contender;
    if (random() < 0.3)
      contender.set((['up', 'up', 'failing', 'silent', 6000] as const)[Math.floor(random() * 5)] ?? 'up');
    await pass(1, ...all);
    await setImmediate();
    // Who was told to stop has lost; its work is over as far as we can tell.
    all.forEach((contender, at) => {
      if (!['waiting', 'leading'].includes(contender.state())) {
        terms += 1;
        all[at] = contend(server, `${'x'.repeat(at)}${round}`, { random });
      }
    });
    expect(all.filter((contender) => contender.state() === 'leading').length).toBeLessThan(2);
  }
  expect(terms).toBeGreaterThan(3);
});
