import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { claim, gib, group, ledgerWith, lvm, node, pod, volume } from '../../capacity/ledger-fixture.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import type { ClaimFacts, PodFacts } from '../../model/facts.ts';
import { silentLog } from '../../model/log.ts';
import { createFakeClock, type FakeClock } from '../../wait/fake-clock.ts';
import { createRefusedClaims, type RefusedClaims } from './refused-claims.ts';
import { tellWaiting } from './tell-waiting.ts';

const MINUTE = 60_000;
let clock: FakeClock;
let ledger: Ledger;
let events: Occurrence[];
let refused: RefusedClaims;
let pods: Map<string, PodFacts>;
let podHandlers: Handlers<PodFacts> | undefined;
let claimsHeard: Map<string, ClaimFacts>;
let looks: number;
let stop: () => Promise<void>;

/** One node with a group of 10 GiB, and what the operator has heard of pods. */
beforeEach(() => {
  clock = createFakeClock();
  ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [claim('large', 12), claim('small', 6)] });
  claimsHeard = new Map([['default/small', claim('small', 6)]]);
  [events, pods, refused, looks] = [[], new Map(), createRefusedClaims(clock), 0];
  const stopping = new AbortController();
  const nothing = { values: new Map(), get: () => undefined, subscribe: () => () => {}, whenSynced: async () => {} };
  const nodes = { ...nothing, values: new Map([['n1', { name: 'n1', labels: {} }]]) };
  const heard = {
    values: pods,
    get: (key: string) => pods.get(key),
    subscribe: (handlers: Handlers<PodFacts>) => ((podHandlers = handlers), () => {}),
    whenSynced: async () => {},
  };
  const counting = {
    node: (name: string) => ledger.node(name),
    classesOf: (asking: PodFacts) => ledger.classesOf(asking),
    lacks: (asking: PodFacts, names: readonly string[]) => ((looks += 1), ledger.lacks(asking, names)),
  };
  const claims = { ...nothing, get: (key: string) => claimsHeard.get(key) };
  const classes = { ...nothing, get: () => ({ ...lvm('lvm'), waitsForConsumer: true }) };
  const informers = { nodes, storages: nothing, claims, classes, pods: heard } as never;
  const recorder = { record: (event: Occurrence) => void events.push(event) };
  const storages = { get: () => undefined };
  const deps = { informers, storages, ledger: counting, events: recorder, refused, clock, log: silentLog };
  const running = tellWaiting(deps, stopping.signal);
  stop = async () => {
    stopping.abort();
    await running;
  };
});
afterEach(() => stop());

const hear = (facts: PodFacts): void => {
  pods.set(`default/${facts.name}`, facts);
  podHandlers?.changed?.(facts, undefined);
};
const refuse = (name: string, claims: readonly string[]): void => hear(pod(name, claims, { unscheduled: {} }));
/** Lets time pass, and all that comes of it be done. */
async function pass(ms: number): Promise<void> {
  await clock.untilAsleep();
  await clock.advance(ms);
  await eventually(() => clock.untilAsleep());
}
const told = (): unknown[] => events.map(({ subject, reason }) => [subject.name, reason]);

test('a pod that waits is told after 15 seconds, and again when something else is to be said, minutes later', async () => {
  await setImmediate();
  refuse('p', ['large']);
  await pass(14_999);
  expect(looks).toBe(0);
  await pass(1);
  await pass(1000);
  await eventually(() => expect(told()).toEqual([['p', 'NoRoom']]));
  expect(events[0]).toMatchObject({ subject: { kind: 'Pod', namespace: 'default', uid: 'uid-p' }, type: 'Warning' });
  expect(events[0]?.message).toContain('claim large (12 GiB, class lvm)');
  expect(events[0]?.message).toContain('lacks 2 GiB of 12 GiB: 10 GiB of 10 GiB free');

  ledger.volumeChanged(volume('v', 'pool-0', 3));
  await pass(5 * MINUTE - 1);
  expect(events).toHaveLength(1);
  await pass(1);
  await eventually(() => expect(events).toHaveLength(2));
  expect(events[1]?.message).toContain('lacks 5 GiB of 12 GiB: 7 GiB of 10 GiB free');
  const before = looks;
  await pass(5 * MINUTE);
  await eventually(() => expect(looks).toBeGreaterThan(before + 1));
  expect(events).toHaveLength(2);
});

test('a pod that has its node in time is told nothing, nor is one for which there is room', async () => {
  await setImmediate();
  refuse('placed', ['large']);
  refuse('fits', ['small']);
  await clock.untilAsleep();
  hear(pod('placed', [], { nodeName: 'n1' }));
  await pass(15_000);
  await pass(1000);
  await eventually(() => expect(looks).toBeGreaterThan(2));
  expect(events).toEqual([]);
});

test('a pod that names its node itself is told that no scheduler chooses one for its claim', async () => {
  await setImmediate();
  hear(pod('named', ['small'], { nodeName: 'n1' }));
  hear(pod('begins', ['small'], { nodeName: 'n1' }));
  hear(pod('finds', ['large'], { nodeName: 'n1' })); // its claim was not heard of yet
  await pass(14_999);
  hear(pod('begins', [], { nodeName: 'n1' }));
  await pass(1);
  await pass(1000);
  await eventually(() => expect(told()).toEqual([['named', 'ClaimNotReady']]));
  expect(events[0]?.message).toContain('spec.nodeName is n1');
  claimsHeard.set('default/small', claim('small', 6, { bound: true }));
  await pass(5 * MINUTE);
  await eventually(() => expect(looks).toBeGreaterThan(5));
  expect(events).toHaveLength(1);
});

test('a pod of which its scheduler says nothing is told after two minutes, not one that is placed meanwhile', async () => {
  await setImmediate();
  for (const name of ['alone', 'placed', 'refused']) hear(pod(name, ['small'], { unseenBy: 'no-such-scheduler' }));
  await pass(MINUTE);
  hear(pod('placed', [], { nodeName: 'n1' }));
  hear(pod('refused', ['small'], { unscheduled: {} })); // there is room
  await pass(MINUTE - 1);
  await pass(1000);
  await pass(1000);
  await eventually(() => expect(told()).toEqual([['alone', 'NoScheduler']]));
  expect(events[0]?.message).toBe(
    "Waits with claim small (6 GiB, class lvm). For 2 min no scheduler has said anything of the pod, which names no-such-scheduler (spec.schedulerName). What helps: see whether a scheduler of that name runs, and its log; the cluster's own is called default-scheduler.",
  );
});

test('a pod that its scheduler refuses, or whose claim is refused, is told as soon as any other', async () => {
  await setImmediate();
  for (const [name, asks] of [
    ['too-large', 'large'],
    ['wrong', 'small'],
  ] as const)
    hear(pod(name, [asks], { unseenBy: 'default-scheduler' }));
  await pass(1000);
  refuse('too-large', ['large']);
  refused.note('default/small', 'no');
  await pass(14_000);
  await pass(1000);
  await eventually(() =>
    expect(new Map(told() as [string, string][])).toEqual(
      new Map([
        ['too-large', 'NoRoom'],
        ['wrong', 'ClaimRefused'],
      ]),
    ),
  );
});

test('a pod that went, and came again under its name, waits anew', async () => {
  await setImmediate();
  refuse('p', ['large']);
  await pass(14_000);
  podHandlers?.deleted?.(pods.get('default/p') ?? pod('p', []));
  hear(pod('p', ['large'], { uid: 'younger', unscheduled: {} }));
  await pass(1000);
  expect(looks).toBe(0);
  await pass(14_000);
  await pass(1000);
  await eventually(() => expect(events.map(({ subject }) => subject.uid)).toEqual(['younger']));
});

test('a pod whose claim CreateVolume refused is told, whatever its scheduler says', async () => {
  await setImmediate();
  hear(pod('p', ['small']));
  hear(pod('other', ['large']));
  refused.note('default/small', 'mkfsOptions "-Z" are not known');
  await pass(15_000);
  await pass(1000);
  await eventually(() => expect(told()).toEqual([['p', 'ClaimRefused']]));
  expect(events[0]?.message).toBe(
    'Waits with claim small (6 GiB, class lvm). CreateVolume refused claim small: mkfsOptions "-Z" are not known.',
  );
});

test('a pod to which there was nothing to say is told as soon as CreateVolume refuses its claim', async () => {
  await setImmediate();
  refuse('p', ['small']);
  await pass(15_000);
  await pass(1000);
  await eventually(() => expect(looks).toBe(4));
  refused.note('default/small', 'no');
  await eventually(() => expect(looks).toBe(5));
  await pass(1000);
  await eventually(() => expect(told()).toEqual([['p', 'ClaimRefused']]));
});

test('two thousand pods of one StatefulSet cost five Events, and others are heard between any two of them', async () => {
  await setImmediate();
  for (let i = 0; i < 2000; i += 1) {
    ledger.claimChanged({ ...claim(`data-${i}`, 0), requested: gib(12) });
    refuse(`web-${i}`, [`data-${i}`]);
  }
  let mostInOneTurn = 0;
  let isOver = false;
  const others = (async () => {
    for (let before = looks; !isOver; before = looks) {
      await setImmediate();
      mostInOneTurn = Math.max(mostInOneTurn, looks - before);
    }
  })();
  await pass(15_000);
  await eventually(() => expect(looks).toBeGreaterThanOrEqual(2000));
  await pass(1000);
  await eventually(() => expect(looks).toBeGreaterThanOrEqual(4000));
  isOver = true;
  await others;
  expect(new Set(events.map(({ subject }) => subject.name)).size).toBe(5);
  expect(events).toHaveLength(5);
  expect(events[0]?.message).toContain('1995 more pods wait here for the same, untold.');
  // Of one pod what it asks for and what it lacks are looked up.
  expect(mostInOneTurn).toBeGreaterThan(0);
  expect(mostInOneTurn).toBeLessThanOrEqual(3);
});
