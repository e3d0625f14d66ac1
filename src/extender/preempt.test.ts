import { afterEach, expect, test } from 'vitest';
import type { FastifyInstance } from 'fastify';
import { claim, gib, group, ledgerWith, node } from '../capacity/ledger-fixture.ts';
import { silentLog } from '../model/log.ts';
import { podFacts } from '../model/decode.ts';
import type { Pod } from '../model/objects.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { createExtender } from './server.ts';
import { testPod } from './wire/question-fixture.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** Node `roomy` has room for a claim of 6 GiB, and `full` has none. */
function start() {
  const ledger = ledgerWith({
    nodes: [
      node('roomy', [group('pool', 10)]),
      node('full', [group('pool', 10, { volumes: [{ name: 'v', size: gib(8) }] })]),
    ],
    claims: [claim('data', 6, { namespace: 'shop' })],
  });
  const scheduling = Object.assign(createFakeScheduling(), {
    concerns: (pod: Parameters<typeof ledger.concerns>[0]) => ledger.concerns(pod),
    refusals: (pod: Parameters<typeof ledger.lacks>[0], names: readonly string[]) => ledger.lacks(pod, names).refusals,
  });
  const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 0 });
  apps.push(app);
  const preempt = async (payload: object) => {
    const reply = await app.inject({ method: 'POST', url: '/scheduler/preempt', payload });
    return { status: reply.statusCode, body: reply.json<unknown>() };
  };
  return { ledger, scheduling, preempt };
}

const victims = (uid: string, violations = 0) => ({ Pods: [{ UID: uid }], NumPDBViolations: violations });
const asked = (pod: Pod, nodes: object) => ({ Pod: pod, NodeNameToVictims: null, NodeNameToMetaVictims: nodes });

test('no pod is evicted on a node that has no room for the volume of the pod that would come', async () => {
  const { ledger, preempt } = start();
  const before = ledger.snapshot();
  const nodes = { full: victims('a'), roomy: victims('b', 2), unknown: victims('c') };
  expect(await preempt(asked(testPod(['data']), nodes))).toEqual({
    status: 200,
    body: { NodeNameToMetaVictims: { roomy: victims('b', 2) } },
  });
  expect(ledger.snapshot()).toEqual(before);
});

test('a pod without volumes of ours evicts whom kube-scheduler chose', async () => {
  const { preempt } = start();
  const nodes = { full: victims('a'), roomy: { Pods: null, NumPDBViolations: 0 } };
  expect(await preempt(asked(testPod([]), nodes))).toEqual({
    status: 200,
    body: { NodeNameToMetaVictims: { full: victims('a'), roomy: { Pods: [], NumPDBViolations: 0 } } },
  });
});

test('victims that come as whole pods are answered by their uids', async () => {
  const { preempt } = start();
  const nodes = { roomy: { Pods: [{ metadata: { name: 'x', uid: 'b' }, spec: {} }], NumPDBViolations: 1 } };
  const body = { Pod: testPod(['data']), NodeNameToVictims: nodes, NodeNameToMetaVictims: null };
  expect(await preempt(body)).toEqual({ status: 200, body: { NodeNameToMetaVictims: { roomy: victims('b', 1) } } });
});

test('an error is no answer without nodes, by which no pod of the cluster could evict another', async () => {
  const { scheduling, preempt } = start();
  scheduling.state.notReady = 'not listed yet: pods';
  expect(await preempt(asked(testPod([]), { full: victims('a') }))).toEqual({
    status: 503,
    body: { Error: 'open-local cannot answer yet: not listed yet: pods' },
  });
});

test.each([
  { what: 'victims that are no list', nodes: { full: { Pods: 'a' } }, says: 'Pods of the victims on full must be' },
  { what: 'a victim without a uid', nodes: { full: { Pods: [{}] } }, says: 'a victim on full has no uid' },
  { what: 'a node without victims', nodes: { full: null }, says: 'the victims on full must be a JSON object' },
])('$what are told', async ({ nodes, says }) => {
  const { preempt } = start();
  expect(await preempt(asked(testPod(['data']), nodes))).toMatchObject({
    status: 503,
    body: { Error: expect.stringContaining(says) },
  });
});
