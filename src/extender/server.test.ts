import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '../model/log.ts';
import { Fault } from '../model/fault.ts';
import { podFacts } from '../model/decode.ts';
import { createFastWire, type FastWire } from './fast/fast-wire.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { FULL, HELD, testPod, UNKNOWN } from './wire/question-fixture.ts';
import { createExtender, type CallReport, type ExtenderOptions } from './server.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

function start(options: Partial<ExtenderOptions> = {}) {
  const scheduling = createFakeScheduling({ a: 3, b: FULL, c: 10, d: HELD });
  const calls: CallReport[] = [];
  const app = createExtender({
    scheduling,
    decodePod: podFacts,
    log: silentLog,
    waitMs: 0,
    onCall: (call) => calls.push(call),
    ...options,
  });
  apps.push(app);
  const post = async (url: string, payload: unknown) => {
    const reply = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
    expect(reply.headers['content-length']).toBe(String(reply.rawPayload.length));
    return { status: reply.statusCode, body: reply.json<unknown>() };
  };
  return { app, scheduling, calls, post };
}

const names = (...nodeNames: string[]) => ({ Pod: testPod(), Nodes: null, NodeNames: nodeNames });
const node = (name: string) => ({ metadata: { name, labels: { 'kubernetes.io/hostname': name } }, status: { x: [1] } });
const whole = (...nodeNames: string[]) => ({
  Pod: testPod(),
  Nodes: { metadata: {}, items: nodeNames.map(node) },
  NodeNames: null,
});
const plain = (...nodeNames: string[]) => ({ Pod: testPod([]), Nodes: null, NodeNames: nodeNames });

describe.each(['/scheduler/filter', '/scheduler/predicates'])('POST %s', (url) => {
  test('puts every node into exactly one list', async () => {
    const { post } = start();
    expect(await post(url, names('a', 'b', 'c', 'd', 'nobody'))).toEqual({
      status: 200,
      body: {
        Nodes: null,
        NodeNames: ['a', 'c'],
        FailedNodes: { d: HELD.message },
        FailedAndUnresolvableNodes: { b: FULL.message, nobody: UNKNOWN.message },
        Error: '',
      },
    });
  });

  test('answers whole nodes with whole nodes, as they came', async () => {
    const { post } = start();
    expect(await post(url, whole('a', 'b', 'nobody'))).toEqual({
      status: 200,
      body: {
        Nodes: { metadata: {}, items: [node('a')] },
        NodeNames: null,
        FailedNodes: {},
        FailedAndUnresolvableNodes: { b: FULL.message, nobody: UNKNOWN.message },
        Error: '',
      },
    });
  });

  test('lets a pod without our volumes pass everywhere and asks nobody', async () => {
    const { post, scheduling, calls } = start();
    const { body } = await post(url, plain('a', 'b', 'nobody'));
    expect(body).toMatchObject({ NodeNames: ['a', 'b', 'nobody'], FailedNodes: {}, FailedAndUnresolvableNodes: {} });
    expect(scheduling.asked).toEqual([]);
    expect(calls).toEqual([{ verb: 'filter', outcome: 'not-ours', ms: expect.any(Number) }]);
  });

  test('asks about a name that comes twice once', async () => {
    const { post, scheduling } = start();
    expect(await post(url, names('a', 'b', 'a', 'b'))).toMatchObject({ body: { NodeNames: ['a'] } });
    expect(scheduling.asked).toEqual([['a', 'b']]);
  });

  test('reads keys without regard to case, as Go does', async () => {
    const { post } = start();
    const body = { pod: testPod(), NODES: null, nodenames: ['a', 'b'] };
    expect(await post(url, body)).toMatchObject({ body: { NodeNames: ['a'], Error: '' } });
  });

  test('takes the last of a key that comes twice, as Go does', async () => {
    const { post } = start();
    const pod = JSON.stringify(testPod());
    const body = `{"Pod":${pod},"Nodes":null,"NodeNames":["b"],"NodeNames":["a"],"nodenames":["c"]}`;
    expect(await post(url, body)).toMatchObject({
      body: { NodeNames: ['c'], FailedAndUnresolvableNodes: {}, Error: '' },
    });
  });

  test('takes a node called __proto__ for a node', async () => {
    const { post } = start();
    const { body } = await post(url, names('__proto__', 'a'));
    expect(JSON.stringify(body)).toContain(`"__proto__":"${UNKNOWN.message}"`);
  });
});

describe.each(['/scheduler/prioritize', '/scheduler/priorities'])('POST %s', (url) => {
  test.each([
    { form: 'names', body: names('c', 'a') },
    { form: 'whole nodes', body: whole('c', 'a') },
  ])('scores every node asked about ($form)', async ({ body }) => {
    const { post } = start();
    expect(await post(url, body)).toEqual({
      status: 200,
      body: [
        { Host: 'c', Score: 10 },
        { Host: 'a', Score: 3 },
      ],
    });
  });

  test('scores also a pod without our volumes when that keeps it away from our nodes', async () => {
    const scheduling = Object.assign(createFakeScheduling({ a: 3 }), { scoresEveryPod: true });
    const { post } = start({ scheduling });
    expect(await post(url, plain('a'))).toEqual({ status: 200, body: [{ Host: 'a', Score: 3 }] });
  });

  test('gives no scores for a pod without our volumes', async () => {
    const { post, scheduling } = start();
    expect(await post(url, plain('c', 'a'))).toEqual({ status: 200, body: [] });
    expect(scheduling.asked).toEqual([]);
  });
});

describe('POST /scheduler/bind', () => {
  const binding = { PodName: 'web-0', PodNamespace: 'shop', PodUID: 'pod-1', Node: 'a' };

  test('binds', async () => {
    const { post, scheduling } = start();
    expect(await post('/scheduler/bind', binding)).toEqual({ status: 200, body: { Error: '' } });
    expect(scheduling.bindings).toEqual([{ namespace: 'shop', name: 'web-0', uid: 'pod-1', node: 'a' }]);
  });

  test('tells why it could not', async () => {
    const { post, scheduling } = start();
    scheduling.state.bind = () => Promise.reject(new Fault('exhausted', 'the room on a is gone'));
    expect(await post('/scheduler/bind', binding)).toEqual({ status: 200, body: { Error: 'the room on a is gone' } });
    expect(scheduling.bindings).toEqual([]);
  });

  test.each(['PodName', 'PodNamespace', 'PodUID', 'Node'])('names %s when it is missing', async (field) => {
    const { post } = start();
    const { body } = await post('/scheduler/bind', { ...binding, [field]: '' });
    expect(body).toEqual({ Error: `${field} must be a string that is not empty` });
  });
});

describe('what cannot be answered is told in Error', () => {
  const huge = `{"Pod":${'['.repeat(200_000)}${']'.repeat(200_000)},"Nodes":null,"NodeNames":["a"]}`;
  const bad: readonly { what: string; body: unknown; error: string }[] = [
    { what: 'no body', body: '', error: 'no body' },
    { what: 'no JSON', body: 'node a please', error: 'is not JSON' },
    { what: 'a truncated body', body: JSON.stringify(names('a')).slice(0, -4), error: 'was it cut off?' },
    { what: 'a list', body: '[]', error: 'the body must be a JSON object' },
    { what: 'null', body: 'null', error: 'the body must be a JSON object' },
    { what: 'no pod', body: { NodeNames: ['a'] }, error: 'the body has no Pod' },
    { what: 'a pod that is a string', body: { Pod: 'web-0', NodeNames: ['a'] }, error: 'Pod cannot be read' },
    { what: 'a deep pod', body: huge, error: 'Pod cannot be read' },
    { what: 'a pod without uid', body: { Pod: { metadata: {} }, NodeNames: ['a'] }, error: 'metadata.uid' },
    {
      what: 'neither form',
      body: { Pod: testPod(), Nodes: null, NodeNames: null },
      error: 'neither Nodes nor NodeNames',
    },
    { what: 'both forms', body: { ...whole('a'), NodeNames: ['a'] }, error: 'both Nodes and NodeNames' },
    { what: 'names that are no list', body: { Pod: testPod(), NodeNames: 'a' }, error: 'NodeNames must be a list' },
    {
      what: 'a name that is a number',
      body: { Pod: testPod(), NodeNames: ['a', 5] },
      error: 'NodeNames[1] must be a string',
    },
    {
      what: 'nodes that are no list',
      body: { Pod: testPod(), Nodes: { items: {} } },
      error: 'Nodes.items must be a list',
    },
    {
      what: 'a node without name',
      body: { Pod: testPod(), Nodes: { items: [node('a'), null] } },
      error: 'Nodes.items[1]',
    },
  ];

  test('a node that is nested too deeply to be written again', async () => {
    const { post } = start();
    const deep = `{"metadata":{"name":"a"},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const { body } = await post(
      '/scheduler/filter',
      `{"Pod":${JSON.stringify(testPod())},"Nodes":{"items":[${deep}]},"NodeNames":null}`,
    );
    expect(body).toEqual({ Error: 'a node in Nodes.items is nested too deeply' });
  });

  for (const url of ['/scheduler/filter', '/scheduler/prioritize']) {
    test.each(bad)(`${url}: $what`, async ({ body, error }) => {
      const { post, calls } = start();
      const reply = await post(url, body);
      expect(reply).toMatchObject({ status: 200, body: { Error: expect.stringContaining(error) } });
      expect(calls.map(({ outcome }) => outcome)).toEqual(['error']);
    });
  }

  test.each(['/scheduler/filter', '/scheduler/prioritize', '/scheduler/bind'])(
    '%s: nothing is answered before the informers have synced',
    async (url) => {
      const { post, scheduling } = start();
      scheduling.state.notReady = 'waiting for pods';
      const { status, body } = await post(url, plain('a'));
      expect({ status, body }).toEqual({
        status: 200,
        body: { Error: 'open-local cannot answer yet: waiting for pods' },
      });
    },
  );

  test('the text of a bug stays in the log', async () => {
    const { post, scheduling } = start();
    scheduling.filter = () => {
      throw new TypeError('secret of the pod');
    };
    const { body } = await post('/scheduler/filter', names('a'));
    expect(body).toEqual({ Error: 'internal error in open-local; its log has more' });
  });

  test('a body over the limit', async () => {
    const { post } = start({ bodyLimit: 100 });
    const { body } = await post('/scheduler/filter', names('a'));
    expect(body).toEqual({ Error: expect.stringContaining('longer than 100 bytes') });
  });

  test('an unknown path is told which paths there are', async () => {
    const { app } = start();
    const reply = await app.inject({ method: 'GET', url: '/scheduler/filter' });
    expect(reply.statusCode).toBe(404);
    expect(reply.json()).toEqual({ Error: expect.stringContaining('POSTs to /scheduler/filter') });
  });
});

test('the memory of a body is given back, whether or not the call can be answered', async () => {
  const own = createFastWire({ seed: 1 });
  let taken = 0;
  const fastWire: FastWire = {
    ...own,
    readBody: async (request, maxBytes) => {
      const body = await own.readBody(request, maxBytes);
      taken += 1;
      const release = (): void => {
        taken -= 1;
        body.release();
      };
      return { ...body, release };
    },
  };
  const { post } = start({ fastWire });
  await post('/scheduler/filter', names('a'));
  await post('/scheduler/filter', '{"half":');
  expect(taken).toBe(0);
});
