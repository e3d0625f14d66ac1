import { beforeEach, expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import { silentLog } from '../../model/log.ts';
import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { createSilentNodes, type CountedStorages } from './silent-nodes.ts';
import type { StorageView } from './views.ts';

const SILENT_AFTER_MS = 660_000;
const EVERY_MS = 15_000;
let now: number;
let health: { failures: number; silentMs: number | undefined };
let values: Map<string, StorageView>;
let handlers: Set<Handlers<StorageView>>;
let events: Parameters<EventRecorder['record']>[0][];
let counted: CountedStorages;
let told: string[];

const POOL = { name: 'pool-0', total: 10 * GIB, available: 4 * GIB, extentSize: 4, reserved: 1 * GIB, volumes: [] };
const DISK = { kind: 'Device', path: '/dev/sdb', size: 10 * GIB, usable: true } as const;
const view = (reportedAt: number | undefined, more: Partial<StorageView> = {}): StorageView =>
  ({
    ...{ name: 'n1', uid: 'u1', spec: {}, problems: [], disks: {}, troubles: NO_TROUBLES, isOurs: true },
    storage: { name: 'n1', groups: [POOL], units: [DISK] },
    reportedAt,
    ...more,
  }) as StorageView;

/** A heartbeat alone is told to nobody; the view has it all the same. */
const report = (reportedAt: number | undefined, more: Partial<StorageView> = {}): void =>
  void values.set('n1', view(reportedAt, more));
/** Lets time pass as the operator's looks do. */
function pass(ms: number): void {
  for (let left = ms; left > 0; left -= EVERY_MS) {
    now += Math.min(left, EVERY_MS);
    counted.look();
  }
}
const isClosed = (): boolean => counted.get('n1')?.silent === true;

beforeEach(() => {
  [now, health, values, handlers, events, told] = [1000, { failures: 0, silentMs: 0 }, new Map(), new Set(), [], []];
  const storages = {
    ...{ values, get: (name: string) => values.get(name) },
    subscribe: (those: Handlers<StorageView>) => {
      handlers.add(those);
      for (const one of values.values()) those.changed?.(one, undefined);
      return () => void handlers.delete(those);
    },
    health: () => ({ synced: true, lastError: undefined, handlerErrors: 0, lists: 1, ...health }),
  };
  report(1);
  counted = createSilentNodes({
    ...{ storages, silentAfterMs: SILENT_AFTER_MS, log: silentLog, now: () => now },
    events: { record: (event) => void events.push(event) },
  });
  counted.subscribe({ changed: ({ silent }) => void told.push(silent ? 'silent' : 'speaks') });
  counted.look();
});

test('a node is silent once no new report was heard for the time, and is told once', () => {
  pass(SILENT_AFTER_MS - 1);
  expect([isClosed(), told]).toEqual([false, ['speaks']]);
  pass(1);
  pass(EVERY_MS);
  expect([isClosed(), told]).toEqual([true, ['speaks', 'silent']]);
  expect(counted.get('n1')?.storage).toEqual({
    name: 'n1',
    groups: [{ ...POOL, reserved: 10 * GIB, forGrowth: 9 * GIB }],
    units: [{ ...DISK, usable: false }],
  });
  expect(events).toMatchObject([
    { subject: { kind: 'NodeLocalStorage', name: 'n1', uid: 'u1' }, reason: 'AgentSilent' },
  ]);
  expect(events[0]?.message).toContain('has not reported for 11 min');
});

test('a heartbeat that is no news ends the silence, and begins the time anew', () => {
  pass(SILENT_AFTER_MS);
  report(2);
  pass(EVERY_MS);
  expect([isClosed(), told]).toEqual([false, ['speaks', 'silent', 'speaks']]);
  pass(SILENT_AFTER_MS - EVERY_MS);
  report(3);
  pass(SILENT_AFTER_MS - 1);
  expect(isClosed()).toBe(false);
});

test('a clock of a node that goes backwards is another report, too', () => {
  report(5_000_000);
  pass(SILENT_AFTER_MS / 2);
  report(-7);
  pass(SILENT_AFTER_MS / 2);
  expect(isClosed()).toBe(false);
});

test.each([
  ['while the API server refuses', { failures: 1 }],
  ['while the watch tells nothing', { silentMs: 151_000 }],
  ['before the first list', { silentMs: undefined }],
])('no time passes %s', (_, sick) => {
  pass(SILENT_AFTER_MS - EVERY_MS);
  Object.assign(health, sick);
  pass(2 * SILENT_AFTER_MS);
  expect(isClosed()).toBe(false);
  Object.assign(health, { failures: 0, silentMs: 0 });
  pass(EVERY_MS);
  expect(isClosed()).toBe(true);
});

test('a program that did not run for an hour has heard nobody in it', () => {
  pass(SILENT_AFTER_MS / 2);
  now += 3_600_000;
  pass(EVERY_MS);
  expect(isClosed()).toBe(false);
});

test.each([
  ['never reported', { reportedAt: undefined }],
  ['is of open-local before us', { isOurs: false }],
  ['is lost, which says more', { lost: 'dead' }],
])('of a node that %s nothing is said', (_, more) => {
  values.set('n1', { ...view(1), ...more } as StorageView);
  pass(2 * SILENT_AFTER_MS);
  expect([isClosed(), events]).toEqual([false, []]);
});

test('a node of the same name that is made anew has its own time', () => {
  pass(SILENT_AFTER_MS);
  for (const { deleted } of handlers) deleted?.(view(1));
  expect(isClosed()).toBe(false);
  pass(SILENT_AFTER_MS - EVERY_MS);
  expect(isClosed()).toBe(false);
});

test('what changes while a node is silent is told as of a silent node', () => {
  pass(SILENT_AFTER_MS);
  for (const { changed } of handlers) changed?.(view(1), undefined);
  expect(told).toEqual(['speaks', 'silent', 'silent']);
});
