import { expect, test } from 'vitest';
import type { WatchEvent, WatchOptions } from '../../src/kube/client.ts';
import { type Workbench, keyOf, refusal, type Thing } from './workbench.ts';

export function watches(workbench: Workbench): void {
  /** Watches until `count` events other than bookmarks have come. */
  async function collect(
    options: Partial<WatchOptions> & { resourceVersion: string },
    count: number,
  ): Promise<WatchEvent<Thing>[]> {
    const stop = new AbortController();
    const events: WatchEvent<Thing>[] = [];
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(15_000)]);
    for await (const event of workbench.client.watch(
      workbench.things,
      { namespace: workbench.namespace, ...options },
      signal,
    )) {
      if (event.type !== 'BOOKMARK') events.push(event);
      if (events.length === count) break;
    }
    stop.abort();
    return events;
  }
  const now = async (): Promise<string> =>
    (await workbench.client.list(workbench.things, { namespace: workbench.namespace, limit: 1 }, workbench.signal))
      .resourceVersion;
  const resize = (thing: Thing, size: number) =>
    workbench.client.patch(
      workbench.things,
      keyOf(thing),
      { type: 'merge', body: { spec: { size } } },
      workbench.signal,
    );

  test('a watch tells everything after its version, in order, once', async () => {
    const resourceVersion = await now();
    const labels = { w: workbench.name() };
    const labelSelector = `w=${labels.w}`;
    const early = await workbench.made({ size: 11 }, { labels });
    const watching = collect({ resourceVersion, labelSelector }, 4);
    await resize(early, 12);
    await workbench.made({ size: 21 }, { labels });
    await workbench.client.delete(workbench.things, keyOf(early), workbench.signal);
    const events = await watching;
    expect(shown(events)).toEqual(['ADDED 11', 'MODIFIED 12', 'ADDED 21', 'DELETED 12']);
    const versions = events.map((event) =>
      event.type === 'BOOKMARK' ? 0 : Number(event.object.metadata.resourceVersion),
    );
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(4);
  });

  test('a watch from the middle tells only what came later', async () => {
    const labels = { w: workbench.name() };
    const thing = await workbench.made({ size: 11 }, { labels });
    const second = await resize(thing, 12);
    await resize(thing, 13);
    const { resourceVersion = '' } = second.metadata;
    expect(shown(await collect({ resourceVersion, labelSelector: `w=${labels.w}` }, 1))).toEqual(['MODIFIED 13']);
  });

  test('to a watch with a selector an object comes when it begins to match and goes when it ends', async () => {
    const w = workbench.name();
    const resourceVersion = await now();
    const thing = await workbench.made({ size: 11 }, { labels: { w: 'other' } });
    const label = (value: string | null) =>
      workbench.client.patch(
        workbench.things,
        keyOf(thing),
        { type: 'merge', body: { metadata: { labels: { w: value } } } },
        workbench.signal,
      );
    await label(w);
    await resize(thing, 12);
    const left = await label(null);
    await resize(thing, 13);
    await label(w);
    await workbench.client.delete(workbench.things, keyOf(thing), workbench.signal);
    const events = await collect({ resourceVersion, labelSelector: `w=${w}` }, 5);
    expect(shown(events)).toEqual(['ADDED 11', 'MODIFIED 12', 'DELETED 12', 'ADDED 13', 'DELETED 13']);
    // The object comes as it last matched, with the revision at which it ceased to.
    expect(events[2]).toMatchObject({
      object: { metadata: { labels: { w }, resourceVersion: left.metadata.resourceVersion } },
    });
  });

  test('a field selector narrows a watch to one object', async () => {
    const resourceVersion = await now();
    const [one, two] = [await workbench.made({ size: 11 }), await workbench.made({ size: 21 })];
    await resize(two, 22);
    await resize(one, 12);
    const fieldSelector = `metadata.name=${one.metadata.name}`;
    expect(shown(await collect({ resourceVersion, fieldSelector }, 2))).toEqual(['ADDED 11', 'MODIFIED 12']);
  });

  test('what a selector never chose is not told, not even its end', async () => {
    const w = workbench.name();
    const resourceVersion = await now();
    const other = await workbench.made({ size: 11 }, { labels: { w: 'other' } });
    await workbench.client.delete(workbench.things, keyOf(other), workbench.signal);
    await workbench.made({ size: 21 }, { labels: { w } });
    expect(shown(await collect({ resourceVersion, labelSelector: `w=${w}` }, 1))).toEqual(['ADDED 21']);
  });

  test('a watch without a namespace sees every namespace, one with another namespace nothing', async () => {
    const resourceVersion = await now();
    const labels = { w: workbench.name() };
    await workbench.made({ size: 11 }, { labels });
    const signal = AbortSignal.timeout(15_000);
    const options = { resourceVersion, labelSelector: `w=${labels.w}` };
    for await (const event of workbench.client.watch(workbench.things, options, signal)) {
      if (event.type === 'BOOKMARK') continue;
      expect(shown([event])).toEqual(['ADDED 11']);
      break;
    }
    const query = `watch=1&timeoutSeconds=1&resourceVersion=${resourceVersion}`;
    const elsewhere = await workbench.raw({
      path: `/apis/${workbench.things.group}/v1/namespaces/default/things?${query}`,
    });
    expect(elsewhere.text).toBe('');
  });

  test('what a finalizer holds is modified first and deleted later, as it last was', async () => {
    const { client, things, signal } = workbench;
    const resourceVersion = await now();
    const thing = await workbench.made({ size: 11 }, { finalizers: ['try.open-local.test/hold'] });
    await client.delete(things, keyOf(thing), signal);
    await client.patch(things, keyOf(thing), { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
    const events = await collect({ resourceVersion, fieldSelector: `metadata.name=${thing.metadata.name}` }, 3);
    expect(events).toMatchObject([
      { type: 'ADDED', object: { metadata: { finalizers: thing.metadata.finalizers } } },
      { type: 'MODIFIED', object: { metadata: { deletionTimestamp: expect.anything() as unknown } } },
      { type: 'DELETED', object: { metadata: { finalizers: thing.metadata.finalizers } } },
    ]);
    const [, marked, gone] = events.map((event) =>
      event.type === 'BOOKMARK' ? 0 : Number(event.object.metadata.resourceVersion),
    );
    expect(gone).toBeGreaterThan(marked ?? 0);
  });

  test('writes that change nothing are not told', async () => {
    const resourceVersion = await now();
    const thing = await workbench.made({ size: 11 });
    await resize(thing, 11);
    await resize(thing, 12);
    const fieldSelector = `metadata.name=${thing.metadata.name}`;
    expect(shown(await collect({ resourceVersion, fieldSelector }, 2))).toEqual(['ADDED 11', 'MODIFIED 12']);
  });

  const lines = async (
    query: string,
  ): Promise<{ type: string; object: Thing & { code?: number; reason?: string } }[]> => {
    const reply = await workbench.raw({ path: `${workbench.path()}?watch=1&${query}` });
    expect(reply.code).toBe(200);
    return reply.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { type: string; object: Thing });
  };

  test.each(['', '&resourceVersion=0'])(
    'a watch that names no version begins with what is there (%j)',
    async (version) => {
      const labels = { w: workbench.name() };
      await workbench.made({ size: 11 }, { labels });
      const events = await lines(`timeoutSeconds=1&labelSelector=w%3D${labels.w}${version}`);
      expect(events).toMatchObject([{ type: 'ADDED', object: { spec: { size: 11 } } }]);
    },
  );

  test('bookmarks come when they are asked for, and mark the end of what was there', async () => {
    const labels = { w: workbench.name() };
    const thing = await workbench.made({ size: 11 }, { labels });
    const query = 'timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const [added, bookmark] = await lines(`${query}&labelSelector=w%3D${labels.w}`);
    expect(added).toMatchObject({ type: 'ADDED', object: { spec: { size: 11 } } });
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'Thing', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    expect(Number(bookmark?.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(
      Number(thing.metadata.resourceVersion),
    );
  });

  test('as a table the columns are told once', async () => {
    const labels = { w: workbench.name() };
    await workbench.made({ size: 11 }, { labels });
    await workbench.made({ size: 12 }, { labels });
    const path = `${workbench.path()}?watch=1&timeoutSeconds=1&labelSelector=w%3D${labels.w}`;
    const reply = await workbench.raw({ path, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    const tables = reply.text
      .trim()
      .split('\n')
      .map(
        (line) =>
          (JSON.parse(line) as { object: { columnDefinitions: unknown[]; rows: { cells: unknown[] }[] } }).object,
      );
    expect(tables.map(({ columnDefinitions }) => columnDefinitions?.length ?? 0)).toEqual([3, 0]);
    expect(tables.map(({ rows }) => rows[0]?.cells[1])).toEqual([11, 12]);
  });

  test('one object is not watched by its path', async () => {
    const thing = await workbench.made();
    const reply = await workbench.raw({ path: `${workbench.path(thing.metadata.name)}?watch=1&timeoutSeconds=1` });
    expect(reply.json()).toMatchObject({ kind: 'Thing', metadata: { uid: thing.metadata.uid } });
  });

  test('a watch ends properly when its time is up', async () => {
    expect(await lines(`timeoutSeconds=1&resourceVersion=${await now()}`)).toEqual([]);
  });

  test('a version that is forgotten is told as 410', async () => {
    workbench.forget();
    const [event] = await lines('timeoutSeconds=5&resourceVersion=1');
    expect(event).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    await expect(collect({ resourceVersion: '1' }, 1)).rejects.toMatchObject({ code: 410 });
  });

  test('a list and the watch from it make what a later list says', async () => {
    const { client, things, signal, namespace } = workbench;
    const labels = { w: workbench.name() };
    const select = { namespace, labelSelector: `w=${labels.w}` };
    for (let i = 0; i < 5; i += 1) await workbench.made({ size: 10 + i }, { labels });
    const start = await client.list(things, select, signal);
    const mirror = new Map(start.items.map((thing) => [thing.metadata.name, thing]));
    const last = workbench.name();
    const stop = AbortSignal.timeout(15_000);
    const following = (async () => {
      for await (const event of client.watch(things, { ...select, resourceVersion: start.resourceVersion }, stop)) {
        if (event.type === 'BOOKMARK') continue;
        if (event.type === 'DELETED') mirror.delete(event.object.metadata.name);
        else mirror.set(event.object.metadata.name, event.object);
        if (event.object.metadata.name === last) return;
      }
    })();
    await Promise.all([
      ...start.items.slice(0, 2).map((thing) => client.delete(things, keyOf(thing), signal)),
      ...start.items
        .slice(2)
        .flatMap((thing) => [resize(thing, 30), resize(thing, 31)].map((done) => done.catch(() => {}))),
      ...[40, 41, 42].map((size) => workbench.made({ size }, { labels })),
    ]);
    await workbench.made({}, { name: last, labels });
    await following;
    const end = await client.list(things, select, signal);
    expect([...mirror.values()].toSorted(byName)).toEqual([...end.items].toSorted(byName));
  });

  test.each([
    ['sendInitialEvents=true', 'FieldValueForbidden'],
    ['resourceVersionMatch=NotOlderThan', 'FieldValueForbidden'],
  ])('a watch with %s alone contradicts itself', async (query, reason) => {
    const reply = await workbench.raw({ path: `${workbench.path()}?watch=true&timeoutSeconds=1&${query}` });
    expect(refusal(reply)).toMatchObject({ code: 422, causes: [`resourceVersionMatch ${reason}`] });
  });

  test('a watch from version 0 is told where what was there ends, though it did not ask', async () => {
    await workbench.made();
    const query = 'watch=true&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=0';
    const { text } = await workbench.raw({ path: `${workbench.path()}?${query}` });
    expect(text).toContain('"type":"ADDED"');
    expect(text).toContain('initial-events-end');
  });

  test('a watch that wants no initial events gets none', async () => {
    await workbench.made();
    const query = 'watch=true&timeoutSeconds=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan';
    const { code, text } = await workbench.raw({ path: `${workbench.path()}?${query}` });
    expect([code, text]).toEqual([200, '']);
  });
}

/** Each event as its type and the size of its thing. */
const shown = (events: readonly WatchEvent<Thing>[]): string[] =>
  events.map((event) => (event.type === 'BOOKMARK' ? '' : `${event.type} ${String(event.object.spec?.['size'])}`));

const byName = (a: Thing, b: Thing): number => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
