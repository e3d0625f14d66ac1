import { beforeEach, expect, test } from 'vitest';
import { createRegistered, type Registered } from './registered.ts';

const MINUTE = 60_000;
let nowMs: number;
let registered: Registered;

beforeEach(() => {
  nowMs = 5000;
  const paths = { socketPath: '/k/plugins_registry/d-reg.sock', kubeletDir: '/k' };
  registered = createRegistered({ driverName: 'd', ...paths, now: () => nowMs });
});

test('a kubelet that never comes is told of after two minutes, with what to look at', () => {
  registered.note({ kind: 'waiting' });
  nowMs += 2 * MINUTE - 1;
  registered.note({ kind: 'waiting' });
  expect(registered.standings()).toEqual([]);
  nowMs += 1;
  expect(registered.standings()).toEqual([
    {
      type: 'DriverRegistered',
      ok: false,
      reason: 'DriverNotRegistered',
      message:
        'The kubelet does not know driver d: it has not looked at /k/plugins_registry/d-reg.sock. A pod with a volume would wait here for ever, so this storage gets no new volume. See the log of the kubelet, and whether its --root-dir is /k, which is what the agent has as --kubelet-dir.',
    },
  ]);
});

test('what a kubelet says that does not accept the driver is told, also while it is asked again', () => {
  registered.note({ kind: 'failed', problem: 'the kubelet did not accept driver d: name taken' });
  registered.note({ kind: 'waiting' });
  nowMs += 2 * MINUTE;
  expect(registered.standings()[0]?.message).toContain(
    'does not know driver d: the kubelet did not accept driver d: name taken. A pod',
  );
});

test('once it is registered nothing is said, nor soon after its socket was made anew', () => {
  nowMs += 10 * MINUTE;
  registered.note({ kind: 'failed', problem: 'no' });
  registered.note({ kind: 'registered' });
  expect(registered.standings()).toEqual([]);
  nowMs += 10 * MINUTE;
  registered.note({ kind: 'waiting' });
  nowMs += 2 * MINUTE - 1;
  expect(registered.standings()).toEqual([]);
  nowMs += 1;
  expect(registered.standings()[0]?.message).toContain('it has not looked at');
});
