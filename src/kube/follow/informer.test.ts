import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { Node } from '../../model/objects.ts';
import { createFakeClock, type FakeClock } from '../../wait/fake-clock.ts';
import { fakeAccess } from '../access/fake-access.ts';
import { answerWatch, refusal, startFakeApi, type Answer, type FakeApi } from '../fake-api.ts';
import type { Log } from '../../model/log.ts';
import { createInformer, type Informer, type InformerOptions } from './informer.ts';
import { NODES } from '../resource.ts';
import { createKubeClient } from '../rest/rest-client.ts';

/** A informer of nodes, each kept as `name@version`, against a scripted server; time moves only when told. */
interface Rig extends AsyncDisposable {
  readonly api: FakeApi;
  readonly clock: FakeClock;
  readonly informer: Informer<Node, string>;
  /** What the handlers were told, in order. */
  readonly told: string[];
  readonly warnings: object[];
  /** Waits until the handlers were told so much. */
  until(...told: string[]): Promise<void>;
  /** The ms of the wait the informer is in or comes to next; ends that wait. */
  wake(): Promise<number>;
}

/** `timeoutMs` is of each call; whoever counts on its end keeps it well above what a busy machine takes for a call. */
type RigOptions = Partial<InformerOptions<Node, string>> & { readonly timeoutMs?: number };

interface Script {
  readonly list: (at: number, page: string | null, response: ServerResponse, query: URLSearchParams) => Answer | void;
  readonly watch: (at: number, from: string | null, response: ServerResponse) => Answer | void;
  /** When it is asked for its version; absent: it is at a higher one than any. */
  readonly version?: (query: URLSearchParams) => Answer;
}

const node = (name: string, resourceVersion: string, uid = name): Node => ({
  metadata: { name, resourceVersion, uid },
});
const listOf = (resourceVersion: string, ...items: Node[]): Answer => ({
  body: { items, metadata: { resourceVersion } },
});
/** A watch that stays open, in which these events happen. */
const say = (response: ServerResponse, ...events: [string, object][]): void => {
  const event = answerWatch(response);
  for (const [type, object] of events) event(type, object);
};

async function startRig(script: Script, options: RigOptions = {}): Promise<Rig> {
  let lists = 0;
  let watches = 0;
  const api = await startFakeApi(({ query }, response) => {
    if (query.get('limit') === '1' && options.pageSize !== 1) return script.version?.(query) ?? listOf('1000000');
    return query.has('watch')
      ? script.watch((watches += 1), query.get('resourceVersion'), response)
      : script.list(query.has('continue') ? lists : (lists += 1), query.get('continue'), response, query);
  });
  const { timeoutMs = 20_000, ...informerOptions } = options;
  const client = createKubeClient(fakeAccess(api.server), { userAgent: 'test', timeoutMs });
  const clock = createFakeClock();
  const warnings: object[] = [];
  const keep = (fields: object): void => void warnings.push(fields);
  const log: Log = { debug: () => {}, info: () => {}, warn: keep, error: keep };
  const informer = createInformer<Node, string>({
    client,
    resource: NODES,
    project: ({ metadata: { name, resourceVersion } }) => `${name}@${resourceVersion}`,
    log,
    clock,
    random: () => 0,
    backoff: { baseMs: 1000, maxMs: 8000 },
    ...informerOptions,
  });
  const told: string[] = [];
  let heard = Promise.withResolvers<void>();
  const tell = (text: string): void => {
    told.push(text);
    heard.resolve();
  };
  informer.subscribe({
    changed: (now, before) => tell(before === undefined ? `+${now}` : `${before}>${now}`),
    deleted: (last) => tell(`-${last}`),
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  return {
    api,
    clock,
    informer,
    told,
    warnings,
    until: async (...want) => {
      while (told.length < want.length) {
        heard = Promise.withResolvers();
        await heard.promise;
      }
      expect(told).toEqual(want);
    },
    wake: async () => {
      const ms = await clock.untilAsleep();
      await clock.advance(ms);
      return ms;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error('the test is over'));
      await running;
      client.close();
      await api[Symbol.asyncDispose]();
    },
  };
}

const quiet = (_at: number, _from: string | null, response: ServerResponse): void => say(response);
const never = new AbortController().signal;
/** For a busy machine: it is the state that counts. */
const eventually = { timeout: 20_000 };

test('lists in pages, then watches from the list; synced when all was told', async () => {
  await using rig = await startRig(
    {
      list: (_, page) =>
        page === null
          ? { body: { items: [node('a', '1')], metadata: { resourceVersion: '5', continue: 'p2' } } }
          : listOf('5', node('b', '2')),
      watch: (_at, _from, response) =>
        say(response, ['ADDED', node('c', '6')], ['MODIFIED', node('a', '7')], ['DELETED', node('b', '8')]),
    },
    { pageSize: 1, selection: { labelSelector: 'x=y' } },
  );
  expect(rig.informer.hasSynced()).toBe(false);
  await rig.informer.whenSynced(never);
  expect(rig.told.slice(0, 2)).toEqual(['+a@1', '+b@2']);
  await rig.until('+a@1', '+b@2', '+c@6', 'a@1>a@7', '-b@2');

  expect(Object.fromEntries(rig.informer.values)).toEqual({ a: 'a@7', c: 'c@6' });
  expect(rig.informer.get('a')).toBe('a@7');
  expect(rig.informer.health()).toEqual({
    ...{ synced: true, failures: 0, lastError: undefined, handlerErrors: 0 },
    ...{ lists: 1, silentMs: expect.any(Number) },
  });
  expect(rig.api.seen.map(({ raw }) => raw.url)).toEqual([
    '/api/v1/nodes?labelSelector=x%3Dy&limit=1',
    '/api/v1/nodes?labelSelector=x%3Dy&limit=1&continue=p2',
    '/api/v1/nodes?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&labelSelector=x%3Dy&resourceVersion=5',
  ]);
});

test('who waits for the sync can be aborted', async () => {
  await using rig = await startRig({ list: () => {}, watch: quiet });
  await expect(rig.informer.whenSynced(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});

test('a clean end: watches again from the last version, a bookmark counting as one, without listing', async () => {
  const versions: (string | null)[] = [];
  await using rig = await startRig({
    list: () => listOf('5'),
    watch: (at, from, response) => {
      versions.push(from);
      if (at === 1) say(response, ['ADDED', node('a', '6')], ['BOOKMARK', { metadata: { resourceVersion: '9' } }]);
      else say(response, ['ADDED', node('b', '10')]);
      if (at === 1) response.end();
    },
  });
  await rig.until('+a@6');
  // The clock stands still, so the watch seems to have ended at once; having told something it is well all the same.
  expect(await rig.wake()).toBe(500);
  await rig.until('+a@6', '+b@10');
  expect(versions).toEqual(['5', '9']);
  expect(rig.warnings).toEqual([]);
});

test('a watch that ends after a while is followed by the next at once; after a healthy hour a failure counts as the first', async () => {
  const opened: ServerResponse[] = [];
  await using rig = await startRig({
    list: (at, _page, response) => (at < 3 ? void response.socket?.resetAndDestroy() : listOf('5')),
    watch: (_at, _from, response) => {
      say(response);
      opened.push(response);
    },
  });
  expect([await rig.wake(), await rig.wake()]).toEqual([500, 1000]);
  await expect.poll(() => opened.length, eventually).toBe(1);
  await rig.clock.advance(5000);
  opened[0]?.end();
  await expect.poll(() => opened.length, eventually).toBe(2);
  expect(rig.informer.health().failures).toBe(2);

  await rig.clock.advance(3_600_000);
  opened[1]?.socket?.resetAndDestroy();
  expect(await rig.wake()).toBe(500);
});

/** Each way in which a watch can fail, and that the next one goes on from version 6. */
const faults: {
  name: string;
  fail: (response: ServerResponse) => Answer | void;
  waitMs?: number;
  code?: number;
  options?: RigOptions;
}[] = [
  { name: 'a reset', fail: (response) => void response.socket?.resetAndDestroy(), code: 0 },
  { name: '401', fail: () => refusal(401, 'Unauthorized'), code: 401 },
  { name: '403', fail: () => refusal(403, 'Forbidden'), code: 403 },
  { name: '500', fail: () => refusal(500, 'InternalError'), code: 500 },
  { name: '503', fail: () => refusal(503, 'ServiceUnavailable'), code: 503 },
  {
    name: '429 with a wait',
    fail: () => ({ ...refusal(429, 'TooManyRequests'), headers: { 'retry-after': '7' } }),
    waitMs: 7000,
    code: 429,
  },
  {
    name: 'an ERROR event 500',
    fail: (response) => say(response, ['ERROR', { kind: 'Status', code: 500 }]),
    code: 500,
  },
  { name: 'half an event', fail: (response) => void response.writeHead(200).end('{"type":"ADD'), code: 0 },
  { name: 'no answer', fail: () => {}, code: 0, options: { timeoutMs: 1000 } },
  { name: 'a silent connection', fail: (response) => say(response), options: { silenceMs: 1000 } },
];

test.each(faults)(
  'a watch that meets $name goes on from where it was',
  async ({ fail, waitMs = 500, code, options }) => {
    const versions: (string | null)[] = [];
    await using rig = await startRig(
      {
        list: () => listOf('5', node('a', '4')),
        watch: (_, from, response) => {
          versions.push(from);
          // A 401 is tried again at once, so faults are told apart by version and not by their number.
          if (from === '5') return void (say(response, ['ADDED', node('b', '6')]), response.end());
          if (from === '6' && rig.informer.health().failures < 2) return fail(response);
          return say(response, ['MODIFIED', node('a', '7')]);
        },
      },
      options,
    );
    await rig.until('+a@4', '+b@6');
    expect(await rig.wake()).toBe(500);
    expect(await rig.wake()).toBe(Math.max(waitMs, 1000));
    await rig.until('+a@4', '+b@6', 'a@4>a@7');
    expect(new Set(versions)).toEqual(new Set(['5', '6']));
    expect(rig.warnings.map((fields) => ('err' in fields ? (fields.err as { code: number }).code : -1))).toEqual(
      code === undefined ? [] : [code],
    );
    expect(rig.informer.health()).toMatchObject({ failures: 0, lastError: undefined });
    expect(rig.informer.hasSynced()).toBe(true);
  },
);

const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
test.each([
  { name: 'the answer', refuse: (): Answer => refusal(410, 'Expired') },
  { name: 'an ERROR event', refuse: (response: ServerResponse): void => say(response, ['ERROR', gone]) },
])('410 as $name: lists again after a jittered wait, and tells what was missed', async ({ refuse }) => {
  const versions: (string | null)[] = [];
  await using rig = await startRig({
    list: (at) =>
      at === 1
        ? listOf('5', node('kept', '1'), node('changed', '2'), node('deleted', '3'), node('recreated', '4', 'old'))
        : listOf('20', node('kept', '1'), node('changed', '12'), node('recreated', '13', 'new'), node('added', '14')),
    watch: (at, from, response) => {
      versions.push(from);
      return at === 1 ? refuse(response) : say(response);
    },
  });
  await rig.informer.whenSynced(never);
  const before = ['+kept@1', '+changed@2', '+deleted@3', '+recreated@4'];
  expect(await rig.wake()).toBe(500);
  await rig.until(...before, 'changed@2>changed@12', '-recreated@4', '+recreated@13', '+added@14', '-deleted@3');
  expect([...rig.informer.values.keys()].toSorted()).toEqual(['added', 'changed', 'kept', 'recreated']);
  expect(rig.informer.hasSynced()).toBe(true);
  await expect.poll(() => versions, eventually).toEqual(['5', '20']);
  expect(rig.informer.health().lists).toBe(2);
});

test.each([
  { name: '500', answer: refusal(500, 'InternalError'), waitMs: 500 },
  {
    name: '429 with a wait',
    answer: { ...refusal(429, 'TooManyRequests'), headers: { 'retry-after': '7' } },
    waitMs: 7000,
  },
])('a list that meets $name goes on after the wait, on each of its pages', async ({ answer, waitMs }) => {
  const pages: (string | null)[] = [];
  await using rig = await startRig({
    list: (_at, page) => {
      pages.push(page);
      if (pages.length === 1 || pages.length === 3) return answer;
      if (page === null)
        return { body: { items: [node('a', '1')], metadata: { resourceVersion: '5', continue: 'p2' } } };
      return listOf('5', node('b', '2'));
    },
    watch: quiet,
  });
  expect(await rig.wake()).toBe(waitMs);
  expect(await rig.wake()).toBe(Math.max(waitMs, 1000));
  await rig.informer.whenSynced(never);
  expect([...rig.informer.values.keys()].toSorted()).toEqual(['a', 'b']);
  expect(pages).toEqual([null, null, 'p2', 'p2']);
});

test('a server that is down: waits grow up to the maximum, then all goes on', async () => {
  let isDown = true;
  await using rig = await startRig({
    list: (_at, _page, response) => (isDown ? void response.socket?.resetAndDestroy() : listOf('5', node('a', '4'))),
    watch: quiet,
  });
  const waits: number[] = [];
  for (let i = 0; i < 6; i += 1) waits.push(await rig.wake());
  expect(waits).toEqual([500, 1000, 2000, 4000, 4000, 4000]);
  expect(rig.informer.health()).toMatchObject({ synced: false });
  expect(rig.informer.health().lastError).toMatch(/^GET \/api\/v1\/nodes: /);

  await rig.clock.untilAsleep();
  isDown = false;
  await rig.wake();
  await rig.until('+a@4');
});

test('a list that never answers, and one whose second page has expired, are tried again', async () => {
  await using rig = await startRig(
    {
      list: (at, page) => {
        if (at === 1) return undefined;
        if (page !== null) return refusal(410, 'Expired');
        if (at === 2) return { body: { items: [node('a', '1')], metadata: { resourceVersion: '5', continue: 'p2' } } };
        return listOf('7', node('b', '6'));
      },
      watch: quiet,
    },
    { timeoutMs: 1000 },
  );
  await rig.wake();
  await rig.wake();
  await rig.informer.whenSynced(never);
  expect(rig.told).toEqual(['+a@1', '+b@6', '-a@1']);
});

/** Twelve nodes, as many on a page as are asked for. */
const paged = (query: URLSearchParams): Answer => {
  const [from, limit] = [Number(query.get('continue') ?? 0), Number(query.get('limit'))];
  const to = Math.min(from + limit, 12);
  const items = Array.from({ length: to - from }, (_, i) => node(`n${from + i}`, '1'));
  return { body: { items, metadata: { resourceVersion: '5', ...(to < 12 && { continue: String(to) }) } } };
};

test('a list of many pages ends though the server refuses every third call: it goes on where it was', async () => {
  const asked: (string | null)[] = [];
  await using rig = await startRig(
    {
      list: (_at, page, _response, query) => {
        asked.push(page);
        return asked.length % 3 === 0 ? refusal(429, 'TooManyRequests') : paged(query);
      },
      watch: quiet,
    },
    { pageSize: 2 },
  );
  for (let i = 0; i < 2; i += 1) await rig.wake();
  await rig.informer.whenSynced(never);
  expect(asked).toEqual([null, '2', '4', '4', '6', '8', '8', '10']);
  expect(rig.told).toHaveLength(12);
  expect(rig.informer.health()).toMatchObject({ lists: 1, failures: 0 });
});

test('a page that fails again and again has the list begin anew, and so does the first one', async () => {
  const asked: (string | null)[] = [];
  await using rig = await startRig(
    {
      list: (_at, page, _response, query) => {
        asked.push(page);
        return [1, 3, 4, 5].includes(asked.length) ? refusal(500, 'InternalError') : paged(query);
      },
      watch: quiet,
    },
    { pageSize: 6 },
  );
  for (let i = 0; i < 4; i += 1) await rig.wake();
  await rig.informer.whenSynced(never);
  expect(asked).toEqual([null, null, '6', '6', '6', null, '6']);
});

test('a list whose version is forgotten before its last page is read is read in larger pages', async () => {
  const limits: (string | null)[] = [];
  await using rig = await startRig(
    {
      list: (_at, page, _response, query) => {
        limits.push(query.get('limit'));
        return page === null ? paged(query) : refusal(410, 'Expired');
      },
      watch: quiet,
    },
    { pageSize: 2 },
  );
  await rig.wake();
  await rig.informer.whenSynced(never);
  expect(limits).toEqual(['2', '2', '20']);
  expect(rig.told).toHaveLength(12);
});

test('a list at lower versions, as after a restore of etcd, is believed, and so is the watch from it', async () => {
  await using rig = await startRig({
    list: (at) => (at === 1 ? listOf('500', node('a', '400')) : listOf('50', node('a', '40'))),
    watch: (_, from, response) =>
      from === '500'
        ? refusal(504, 'Timeout', 'Too large resource version: 500, current: 50')
        : say(response, ['MODIFIED', node('a', '51')]),
  });
  for (let i = 0; i < 3; i += 1) await rig.wake();
  await rig.until('+a@400', 'a@400>a@40', 'a@40>a@51');
  expect(rig.informer.get('a')).toBe('a@51');
});

test.each<[string, (response: ServerResponse) => void, RigOptions?]>([
  ['ended', (response) => void response.end()],
  ['was cut', (response) => void response.socket?.resetAndDestroy()],
  ['fell silent', () => {}, { silenceMs: 1000 }],
])('a server that is behind, as after a restore of etcd, is listed anew once the watch %s', async (_, end, options) => {
  const watched: (string | null)[] = [];
  await using rig = await startRig(
    {
      list: (at) =>
        at === 1 ? listOf('1200', node('a', '1100'), node('b', '1150')) : listOf('1003', node('a', '900')),
      watch: (at, from, response) => {
        watched.push(from);
        say(response);
        if (at === 1) end(response);
      },
      version: () => listOf('1002', node('any', '1')),
    },
    options,
  );
  await rig.informer.whenSynced(never);
  await rig.wake();
  await rig.until('+a@1100', '+b@1150', 'a@1100>a@900', '-b@1150');
  await expect.poll(() => watched.slice(0, 2), eventually).toEqual(['1200', '1003']);
  expect(rig.warnings).toContainEqual({ resource: 'nodes' });
});

test('a server that is not behind, or whose versions have no order, is watched from where it was; one that does not say is asked again', async () => {
  const answers = [refusal(500, 'InternalError'), listOf('1200'), listOf('abc')];
  let asked = 0;
  const queries: string[] = [];
  const watched: (string | null)[] = [];
  await using rig = await startRig(
    {
      list: () => listOf('1200', node('a', '1100')),
      watch: (at, from, response) => {
        watched.push(from);
        say(response);
        if (at < 3) response.end();
      },
      version: (query) => {
        queries.push(query.toString());
        return answers[asked++] ?? listOf('1200');
      },
    },
    { selection: { labelSelector: 'x=y' } },
  );
  for (let wakes = 0; wakes < 3; wakes += 1) await rig.wake();
  await expect.poll(() => watched, eventually).toEqual(['1200', '1200', '1200']);
  expect([queries, rig.informer.health().lists]).toEqual([['limit=1', 'limit=1', 'limit=1'], 1]);
});

test('a watch that lived as long as it was asked to is followed by the next, and nothing is asked', async () => {
  const opened: ServerResponse[] = [];
  let asked = 0;
  await using rig = await startRig({
    list: () => listOf('5'),
    watch: (_at, _from, response) => {
      say(response);
      opened.push(response);
    },
    version: () => ((asked += 1), listOf('5')),
  });
  await expect.poll(() => opened.length, eventually).toBe(1);
  await rig.clock.advance(300_000);
  opened[0]?.end();
  await expect.poll(() => opened.length, eventually).toBe(2);
  expect(asked).toBe(0);
});

test('a handler and a projection that throw stop nothing, are counted, and the others are told', async () => {
  await using rig = await startRig(
    {
      list: () => listOf('5', node('a', '1'), node('bad', '2'), node('b', '3')),
      watch: (_at, _from, response) => say(response, ['MODIFIED', node('bad', '6')], ['ADDED', node('c', '7')]),
    },
    {
      project: ({ metadata: { name, resourceVersion } }) => {
        if (name === 'bad') throw new Error('cannot project');
        return `${name}@${resourceVersion}`;
      },
    },
  );
  const others: string[] = [];
  const unsubscribe = rig.informer.subscribe({
    changed: (now) => {
      others.push(now);
      throw new Error('the handler is broken');
    },
  });
  await rig.until('+a@1', '+b@3', '+c@7');
  await expect.poll(() => others, eventually).toEqual(['a@1', 'b@3', 'c@7']);
  // Three times the handler, twice the projection.
  expect(rig.informer.health()).toMatchObject({ failures: 0, handlerErrors: 5 });
  expect(rig.warnings).toHaveLength(5);
  unsubscribe();
});

test('a watch that the server ends with an ERROR event each time is not asked for again for ever', async () => {
  const versions: (string | null)[] = [];
  await using rig = await startRig({
    list: (at) => (at === 1 ? listOf('5', node('a', '4'), node('b', '5')) : listOf('9', node('a', '4'))),
    watch: (_, from, response) => {
      versions.push(from);
      if (from === '5') say(response, ['ERROR', { kind: 'Status', code: 500, reason: 'InternalError' }]);
      else say(response);
    },
  });
  await rig.informer.whenSynced(never);
  for (let tries = 0; tries < 3; tries += 1) await rig.wake();
  await rig.until('+a@4', '+b@5', '-b@5');
  await expect.poll(() => versions, eventually).toEqual(['5', '5', '5', '9']);
});

test('a late subscriber is told of what is there; one that left hears nothing', async () => {
  const later = Promise.withResolvers<ServerResponse>();
  await using rig = await startRig({
    list: () => listOf('5', node('a', '1')),
    watch: (_at, _from, response) => later.resolve(response),
  });
  await rig.informer.whenSynced(never);
  const late: string[] = [];
  const left: string[] = [];
  rig.informer.subscribe({ changed: (now) => late.push(now) });
  rig.informer.subscribe({ changed: (now) => left.push(now) })();
  say(await later.promise, ['MODIFIED', node('a', '6')]);
  await rig.until('+a@1', 'a@1>a@6');
  expect({ late, left }).toEqual({ late: ['a@1', 'a@6'], left: ['a@1'] });
});

test('a change that no handler would see is kept but not told', async () => {
  await using rig = await startRig(
    {
      list: () => listOf('5', node('a', '1')),
      watch: (_at, _from, response) => say(response, ['MODIFIED', node('a', '6')], ['ADDED', node('b', '7')]),
    },
    { same: (a, b) => a.slice(0, 1) === b.slice(0, 1) },
  );
  await rig.until('+a@1', '+b@7');
  expect(rig.informer.get('a')).toBe('a@6');
});

test('a write of our own is seen at once, its event and older ones change nothing, and it cannot raise the dead', async () => {
  const later = Promise.withResolvers<ServerResponse>();
  await using rig = await startRig({
    list: () => listOf('5', node('a', '1')),
    watch: (_at, _from, response) => later.resolve(response),
  });
  rig.informer.wrote(node('early', '2'));
  await rig.informer.whenSynced(never);
  rig.informer.wrote(node('a', '8'));
  expect(rig.informer.get('a')).toBe('a@8');
  say(
    await later.promise,
    ['MODIFIED', node('a', '7')],
    ['MODIFIED', node('a', '8')],
    ['ADDED', node('b', '9')],
    ['DELETED', node('b', '10')],
  );
  await rig.until('+a@1', 'a@1>a@8', '+b@9', '-b@9');
  rig.informer.wrote(node('b', '9'));
  expect(rig.told).toHaveLength(4);
});

test('stops at once when aborted, in a wait as well as in a watch', async () => {
  for (const watch of [quiet, (): Answer => refusal(500, 'InternalError')]) {
    const rig = await startRig({ list: () => listOf('5'), watch });
    await rig.informer.whenSynced(never);
    await rig[Symbol.asyncDispose]();
    await expect.poll(rig.api.open, eventually).toBe(0);
  }
});
