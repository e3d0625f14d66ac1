import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { podFacts } from '../model/decode.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { createVerbs } from './verbs.ts';
import { testPod } from './wire/question-fixture.ts';

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

test('a filter about no node at all refused nobody', async () => {
  const { verbs } = rig();
  const asked = Buffer.from(JSON.stringify({ Pod: testPod(), Nodes: null, NodeNames: [] }));
  expect(await verbs.filter(asked, never)).toMatchObject({ outcome: 'ok', pod: 'shop/web-0' });
});

test('what was kept for a pod is dropped once it is bound, and not when binding it failed', async () => {
  const scheduling = createFakeScheduling();
  const forgotten: string[] = [];
  const fastWire = { readQuestion: () => undefined, forget: (uid: string) => void forgotten.push(uid) };
  const verbs = createVerbs({ scheduling, decodePod: podFacts, waitMs: 0 }, { fastWire });
  scheduling.state.bind = () => Promise.reject(new Error('refused'));
  await expect(verbs.bind(body, never)).rejects.toThrow('refused');
  expect(forgotten).toEqual([]);
  delete scheduling.state.bind;
  await verbs.bind(body, never);
  expect(forgotten).toEqual(['pod-1']);
});

test('a binding that is late is refused before kube-scheduler gives up', async () => {
  const { scheduling, verbs } = rig();
  scheduling.state.bind = (_, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const settled = Promise.allSettled([verbs.bind(body, never)]);
  await vi.advanceTimersByTimeAsync(4999);
  expect(await settled).toMatchObject([{ reason: { kind: 'unavailable', message: /more than 4500 ms/ } }]);
});
