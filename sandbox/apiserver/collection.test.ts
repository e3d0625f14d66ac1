import { describe, expect, test } from 'vitest';
import { createStore, type Store } from './store.ts';

const ID = 'things.';

function write(store: Store, key: string, value: string): void {
  store.put(ID, key, { metadata: {}, value }, []);
}

/** Key and value of each, in the order of the list. */
const shown = (versions: readonly { key: string; object: Record<string, unknown> }[] | undefined): unknown =>
  versions?.map(({ key, object }) => `${key}=${String(object['value'])}`);

describe('what was', () => {
  test('any moment can be seen again, in the order of the keys', () => {
    const store = createStore(1000);
    const moments = new Map([[store.revision(), [] as string[]]]);
    const now = new Map<string, string>();
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let step = 0; step < 300; step += 1) {
      const key = `${'ab'[random(2)]}/${'wxyz'[random(4)]}`;
      if (random(3) === 0 && now.has(key)) {
        store.remove(ID, key);
        now.delete(key);
      } else {
        write(store, key, String(step));
        now.set(key, String(step));
      }
      const entries = [...now].map(([one, value]) => `${one}=${value}`);
      moments.set(
        store.revision(),
        entries.toSorted((a, b) => (a < b ? -1 : 1)),
      );
    }

    const things = store.collection(ID);
    expect(shown(things.list(''))).toEqual(moments.get(store.revision()));
    for (const [revision, expected] of moments) {
      expect(shown(things.listAt('', revision))).toEqual(expected);
      expect(shown(things.listAt('b/', revision))).toEqual(expected.filter((one) => one.startsWith('b/')));
    }
  });

  test('history is bounded, and says how far back it goes', () => {
    const store = createStore(10);
    for (let i = 0; i < 100; i += 1) write(store, 'a/x', String(i));
    const things = store.collection(ID);
    const oldest = things.oldest();
    expect(things.changesAfter(oldest)?.length).toBeGreaterThanOrEqual(10);
    expect(things.changesAfter(oldest)?.length).toBeLessThan(20);
    expect(things.changesAfter(oldest - 1)).toBeUndefined();
    expect(things.listAt('', oldest - 1)).toBeUndefined();
    expect(shown(things.listAt('', oldest))).toEqual([`a/x=${oldest - 2}`]);
  });

  test('compaction forgets what was, not what is', () => {
    const store = createStore(10);
    write(store, 'a/x', '1');
    const before = store.revision();
    write(store, 'a/x', '2');
    store.compact();
    const things = store.collection(ID);
    expect(things.changesAfter(before)).toBeUndefined();
    expect(things.changesAfter(store.revision())).toEqual([]);
    expect(shown(things.list(''))).toEqual(['a/x=2']);
  });
});

test('a listener hears every change until it is told no more', () => {
  const store = createStore(10);
  const heard: string[] = [];
  const end = store.collection(ID).subscribe(({ type, now, before }) => {
    heard.push(`${type} ${String(now.object['value'])} after ${String(before?.object['value'])}`);
  });
  write(store, 'a/x', '1');
  write(store, 'a/x', '2');
  store.remove(ID, 'a/x');
  end();
  write(store, 'a/x', '3');
  expect(heard).toEqual(['ADDED 1 after undefined', 'MODIFIED 2 after 1', 'DELETED 2 after 2']);
});
