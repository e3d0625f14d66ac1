import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { podFacts } from '../model/decode.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { createVerbs } from './verbs.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;
const body = Buffer.from(JSON.stringify({ PodName: 'web-0', PodNamespace: 'shop', PodUID: 'pod-1', Node: 'n1' }));
const rig = () => {
  const scheduling = createFakeScheduling();
  return { scheduling, verbs: createVerbs({ scheduling, decodePod: podFacts, waitMs: 0 }, {}) };
};

test('a binding in time leaves no timer behind', async () => {
  const { scheduling, verbs } = rig();
  await verbs.bind(body, never);
  expect(scheduling.bindings).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('a binding that is late is refused before kube-scheduler gives up', async () => {
  const { scheduling, verbs } = rig();
  scheduling.state.bind = (_, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const settled = Promise.allSettled([verbs.bind(body, never)]);
  await vi.advanceTimersByTimeAsync(4999);
  expect(await settled).toMatchObject([{ reason: { kind: 'unavailable', message: /more than 4500 ms/ } }]);
});
