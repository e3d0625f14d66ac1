import { expect, onTestFinished, test } from 'vitest';
import { podFacts } from '../model/decode.ts';
import { Fault } from '../model/fault.ts';
import { silentLog } from '../model/log.ts';
import { createFakeTracer } from '../trace/fake-tracer.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { createExtender } from './server.ts';
import { FULL, HELD, testPod } from './wire/question-fixture.ts';

function start() {
  const scheduling = createFakeScheduling({ a: 3, b: FULL, c: FULL, d: HELD });
  const recorded = createFakeTracer();
  const { tracer } = recorded;
  const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 0, tracer });
  onTestFinished(() => app.close());
  const post = async (verb: string, payload: object, headers: Record<string, string> = {}) => {
    const reply = await app.inject({ method: 'POST', url: `/scheduler/${verb}`, headers, payload });
    return reply.json<{ Error?: string }>();
  };
  return { ...recorded, scheduling, post };
}

const asked = (pod: ReturnType<typeof testPod>, ...names: string[]) => ({ Pod: pod, Nodes: null, NodeNames: names });
const { namespace, name, uid } = testPod().metadata;

test('filter tells how many nodes were asked and fit, and why the others do not', async () => {
  const { post, find } = start();
  await post('filter', asked(testPod(), 'a', 'b', 'c', 'd'));
  expect(find('extender filter')).toMatchObject({
    kind: 'server',
    attributes: {
      ...{ pod: `${namespace}/${name}`, outcome: 'ok', 'nodes.asked': 4, 'nodes.fit': 1 },
      refusals: [`2 × ${FULL.kind}: ${FULL.message}`, `1 × ${HELD.kind}: ${HELD.message}`],
    },
  });
});

test('prioritize and bind are told, as part of the trace of whoever calls', async () => {
  const { post, find } = start();
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
  await post('prioritize', asked(testPod(), 'a'), headers);
  await post('bind', { PodName: name, PodNamespace: namespace, PodUID: uid, Node: 'a' });
  expect(find('extender prioritize')).toMatchObject({ traceId: trace, attributes: { outcome: 'ok' } });
  expect(find('extender bind')).toMatchObject({ attributes: { pod: `${namespace}/${name}`, node: 'a' } });
});

test('a pod without a volume of ours is not told', async () => {
  const { post, ended } = start();
  await post('filter', asked(testPod([]), 'a'));
  expect(ended).toEqual([]);
});

test('a call that fails is told in the words of its answer', async () => {
  const { post, scheduling, find, ended } = start();
  scheduling.state.bind = () => Promise.reject(new Fault('exhausted', 'the room is gone'));
  const { Error: words } = await post('bind', { PodName: name, PodNamespace: namespace, PodUID: uid, Node: 'a' });
  expect(words).toBe('the room is gone');
  expect(find('extender bind').failure).toBe(words);
  scheduling.state.bind = () => Promise.reject(new TypeError('a bug, with its address'));
  await post('bind', { PodName: name, PodNamespace: namespace, PodUID: uid, Node: 'a' });
  expect(ended.map(({ failure }) => failure)).toEqual([words, expect.stringContaining('its log has more')]);
});
