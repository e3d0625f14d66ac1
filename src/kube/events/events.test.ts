import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { KubeClient } from '../client.ts';
import { ApiError } from '../errors.ts';
import { createEventRecorder, type EventRecorderOptions } from './events.ts';
import type { EventObject, Occurrence } from './event-object.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';

const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'team', name: 'data', uid: 'u1' };
const occurrence: Occurrence = { subject: claim, type: 'Warning', reason: 'NoRoom', message: 'no node has room' };
const refused = (code: number, reason = 'x'): ApiError =>
  new ApiError({ code, reason, message: `refused with ${code}` });

/** A recorder before a server that keeps Events; `faults` are what the next writes meet. */
function createRig(options: Partial<EventRecorderOptions> = {}) {
  const clock = createFakeClock();
  const events = new Map<string, EventObject>();
  const faults: Error[] = [];
  const warnings: object[] = [];
  let gate: Promise<void> | undefined;
  let writes = 0;
  const before = async (signal: AbortSignal): Promise<void> => {
    writes += 1;
    const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(refused(0))));
    await Promise.race([gate, stopped]);
    const fault = faults.shift();
    if (fault) throw fault;
  };
  const client = {
    create: async (_: unknown, event: EventObject, signal: AbortSignal) => {
      await before(signal);
      if (events.has(event.metadata.name ?? '')) throw refused(409);
      events.set(event.metadata.name ?? '', event);
      return event;
    },
    patch: async (_: unknown, { name }: { name: string }, { body }: { body: object }, signal: AbortSignal) => {
      await before(signal);
      const event = events.get(name);
      if (!event) throw refused(404, 'NotFound');
      const next = { ...event, ...body };
      events.set(name, next);
      return next;
    },
  } as unknown as Pick<KubeClient, 'create' | 'patch'>;
  const stop = new AbortController();
  const recorder = createEventRecorder({
    client,
    source: { component: 'open-local-agent', host: 'node-1' },
    log: { debug: () => {}, info: () => {}, warn: (fields) => void warnings.push(fields), error: () => {} },
    clock,
    random: () => 0,
    ...options,
  });
  return {
    clock,
    events,
    faults,
    warnings,
    stop,
    recorder,
    writes: () => writes,
    /** Writes are not answered until the returned function is called. */
    hold: (): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    messages: () => [...events.values()].map(({ message, count }) => `${message} ×${count}`),
  };
}

test('an Event has all that kubectl shows', async () => {
  const { recorder, stop, events } = createRig();
  const running = recorder.run(stop.signal);
  recorder.record(occurrence);
  await setImmediate();
  expect([...events.values()]).toEqual([
    {
      metadata: { name: expect.stringMatching(/^data\.[0-9a-f]{16}$/), namespace: 'team' },
      involvedObject: claim,
      type: 'Warning',
      reason: 'NoRoom',
      message: 'no node has room',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'open-local-agent', host: 'node-1' },
      reportingComponent: 'open-local-agent',
      reportingInstance: 'node-1',
    },
  ]);
  stop.abort();
  await running;
});

test('a cluster-scoped object: in namespace default, where describe looks; names and messages are cut to what is allowed', async () => {
  const { recorder, stop, events } = createRig();
  const subject = { apiVersion: 'v1', kind: 'Node', name: 'n'.repeat(253) };
  recorder.record({ ...occurrence, subject, message: 'é'.repeat(2000) });
  stop.abort();
  await recorder.run(stop.signal);
  const [event] = events.values();
  expect(event?.metadata.namespace).toBe('default');
  expect(event?.involvedObject).toEqual(subject);
  expect(event?.metadata.name).toHaveLength(253);
  expect(event?.message).toHaveLength(1024);
});

test('the same thing again raises the count; another message is another Event', async () => {
  const { recorder, stop, clock, events, messages, writes } = createRig();
  const running = recorder.run(stop.signal);
  recorder.record(occurrence);
  await setImmediate();
  await clock.advance(60_000);
  recorder.record(occurrence);
  recorder.record({ ...occurrence, message: 'other' });
  await setImmediate();
  expect(messages()).toEqual(['no node has room ×2', 'other ×1']);
  expect([...events.values()][0]).toMatchObject({
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:01:00Z',
  });
  expect(writes()).toBe(3);
  stop.abort();
  await running;
});

test('what happens a thousand times while a write is under way costs one more write', async () => {
  const { recorder, stop, hold, messages, writes } = createRig({ burst: 3 });
  const open = hold();
  const running = recorder.run(stop.signal);
  recorder.record(occurrence);
  await setImmediate();
  for (let i = 0; i < 1000; i += 1) recorder.record(occurrence);
  // Nor did it use up what the object may say.
  recorder.record({ ...occurrence, message: 'other' });
  open();
  await setImmediate();
  expect(messages()).toEqual(['no node has room ×1001', 'other ×1']);
  expect(writes()).toBe(3);
  stop.abort();
  await running;
});

test('one object that says too much is held back, the others are not; time gives it another word', async () => {
  const { recorder, stop, clock, messages } = createRig({ burst: 2, refillMs: 1000 });
  const running = recorder.run(stop.signal);
  for (const message of ['a', 'b', 'c']) recorder.record({ ...occurrence, message });
  recorder.record({ ...occurrence, subject: { ...claim, name: 'other' }, message: 'd' });
  await setImmediate();
  expect(messages()).toEqual(['a ×1', 'b ×1', 'd ×1']);
  await clock.advance(1000);
  recorder.record({ ...occurrence, message: 'c' });
  await setImmediate();
  expect(messages()).toContain('c ×2');
  stop.abort();
  await running;
});

test('no more wait than allowed', async () => {
  const { recorder, stop, messages } = createRig({ maxWaiting: 2 });
  for (const name of ['a', 'b', 'c']) recorder.record({ ...occurrence, subject: { ...claim, name }, message: name });
  stop.abort();
  await recorder.run(stop.signal);
  expect(messages()).toEqual(['a ×1', 'b ×1']);
});

test('an Event that the server has forgotten is made anew, with its history', async () => {
  const { recorder, stop, events, messages } = createRig();
  const running = recorder.run(stop.signal);
  recorder.record(occurrence);
  await setImmediate();
  events.clear();
  recorder.record(occurrence);
  await setImmediate();
  expect(messages()).toEqual(['no node has room ×2']);
  stop.abort();
  await running;
});

test('a passing failure is tried again after a wait, behind the others; a refusal is not', async () => {
  const { recorder, stop, clock, faults, messages, warnings, writes } = createRig();
  const running = recorder.run(stop.signal);
  faults.push(refused(503), refused(0));
  recorder.record({ ...occurrence, message: 'a' });
  recorder.record({ ...occurrence, message: 'b' });
  await clock.advance(500);
  expect(messages()).toEqual([]);
  await clock.advance(500);
  expect(messages()).toEqual(['a ×1', 'b ×1']);

  faults.push(refused(403));
  recorder.record({ ...occurrence, message: 'c' });
  await clock.advance(100_000);
  expect(messages()).toHaveLength(2);
  expect(writes()).toBe(5);
  expect(warnings).toHaveLength(1);
  stop.abort();
  await running;
});

test('a server that is down for long costs the Event after some tries, not the recorder', async () => {
  const { recorder, stop, clock, faults, messages, warnings } = createRig();
  const running = recorder.run(stop.signal);
  faults.push(...Array.from({ length: 5 }, () => refused(0)));
  recorder.record(occurrence);
  await clock.advance(100_000);
  expect(warnings).toHaveLength(1);
  recorder.record(occurrence);
  await setImmediate();
  expect(messages()).toEqual(['no node has room ×2']);
  stop.abort();
  await running;
});

test('stopping writes what waits, but not for longer than two seconds', async () => {
  const { recorder, stop, messages } = createRig();
  const running = recorder.run(stop.signal);
  recorder.record({ ...occurrence, message: 'a' });
  recorder.record({ ...occurrence, message: 'b' });
  stop.abort();
  await running;
  expect(messages()).toEqual(['a ×1', 'b ×1']);

  const held = createRig();
  held.hold();
  const ending = held.recorder.run(held.stop.signal);
  held.recorder.record(occurrence);
  held.stop.abort();
  await held.clock.advance(2000);
  await ending;
  expect(held.messages()).toEqual([]);
});
