import { expect, test } from 'vitest';
import type { Pod } from '../../../src/model/objects.ts';
import { watchEvictions } from './evictions.ts';

type Listener = (pod: Pod, gone: boolean) => void;

function fakePods() {
  const listeners = new Set<Listener>();
  return {
    subscribe: (listener: Listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell: (pod: Pod, gone = false) => listeners.forEach((listener) => listener(pod, gone)),
  };
}
const podOf = (name: string, more: object = {}): Pod => ({ metadata: { name, ...more } });

test('an eviction is seen whenever it comes, also when the pod is gone at once or its place is only promised', () => {
  const pods = fakePods();
  using evictions = watchEvictions(pods);
  pods.tell(podOf('full-1'));
  expect(evictions.seen()).toEqual([]);
  pods.tell({ ...podOf('urgent'), status: { nominatedNodeName: 'node-1' } });
  pods.tell(podOf('full-1', { deletionTimestamp: '2026-11-28T16:52:04Z' }));
  pods.tell(podOf('full-1'), true);
  pods.tell(podOf('full-2'), true);
  expect(evictions.seen()).toEqual([
    'urgent was promised room on node-1 by eviction',
    'full-1 was deleted',
    'full-2 was deleted',
  ]);
});

test('nothing is seen any more once the watch has ended', () => {
  const pods = fakePods();
  const evictions = watchEvictions(pods);
  evictions[Symbol.dispose]();
  pods.tell(podOf('a'), true);
  expect(evictions.seen()).toEqual([]);
});
