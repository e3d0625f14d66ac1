import { expect, test } from 'vitest';
import type { KubeObject, Pod } from '../../src/model/objects.ts';
import type { Stores } from '../controllers/deps.ts';
import type { Expectation } from './expectation.ts';
import { play, type PlayDeps } from './play.ts';
import { keyOf, type Store } from '../controllers/store.ts';
import type { Step } from './story.ts';

/** Store that a test writes to. */
function fakeStore<T extends KubeObject>(): Store<T> & { put(object: T): void } {
  const objects = new Map<string, T>();
  const listeners = new Set<(object: T, gone: boolean) => void>();
  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    put: (object) => {
      objects.set(keyOf(object), object);
      for (const listener of listeners) listener(object, false);
    },
  };
}

const pods = fakeStore<Pod>();
const stores = new Proxy({} as Stores, { get: (_, kind) => (kind === 'pods' ? pods : fakeStore()) });
const signal = new AbortController().signal;

const phases = (want: Record<string, number>): Expectation => ({
  says: 'phases',
  of: { kind: 'Pod' },
  path: 'status.phase',
  matcher: { test: 'tally', want },
});
const step = (title: string, expectation: Expectation, withinMs: number): Step => ({
  title,
  actions: [{ do: 'apply', files: [title] }],
  expectations: [expectation],
  withinMs,
});
const put = (name: string, phase: string): void => pods.put({ metadata: { name }, status: { phase } });

test('a step ends as soon as the cluster is as it should be, and the first that does not ends the story', async () => {
  const told: string[] = [];
  const deps: PlayDeps = {
    stores,
    perform: async (action) => {
      const [file = ''] = action.do === 'apply' ? action.files : [];
      told.push(`apply ${file}`);
      put('a', 'Pending');
      // The change comes later, as in a cluster.
      if (file === 'first') setImmediate(() => put('a', 'Running'));
    },
    onStart: ({ title }) => told.push(`start ${title}`),
    onEnd: ({ ok, findings }) => told.push(`${ok} ${JSON.stringify(findings[0]?.found)}`),
  };
  const steps = [
    step('first', phases({ Running: 1 }), 60_000),
    step('second', phases({ Running: 1 }), 20),
    step('third', phases({ Running: 1 }), 20),
  ];
  const outcomes = await play(steps, deps, signal);
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, false]);
  expect(told).toEqual([
    'start first',
    'apply first',
    'true ["Running"]',
    'start second',
    'apply second',
    'false ["Pending"]',
  ]);
});

test('an action that is refused ends the story with the reason', async () => {
  const deps: PlayDeps = {
    stores,
    perform: () => Promise.reject(new Error('refused')),
    onStart: () => {},
    onEnd: () => {},
  };
  await expect(play([step('x', phases({}), 10)], deps, signal)).rejects.toThrow('refused');
});
