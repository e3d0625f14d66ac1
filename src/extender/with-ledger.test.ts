import { afterEach, expect, test } from 'vitest';
import type { FastifyInstance } from 'fastify';
import { Ledger } from '../capacity/ledger.ts';
import { silentLog } from '../daemon/log.ts';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { OUR_DRIVERS, podFacts } from '../model/decode.ts';
import { testPod } from './fake-scheduling.ts';
import type { Scheduling } from './scheduling.ts';
import { createExtender } from './server.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** Node `one` has room for one claim of 6 GiB. */
function start(waitMs = 0) {
  const ledger = new Ledger({ strategy: 'spread', drivers: OUR_DRIVERS, holdTtlMs: 60_000 });
  const group = { name: 'pool', total: bytes(10 * GIB), available: bytes(10 * GIB), extentSize: bytes(4 * MIB) };
  ledger.nodeChanged({ name: 'one', groups: [{ ...group, reserved: bytes(0), volumes: [] }], units: [] });
  ledger.classChanged({ name: 'lvm', provisioner: OUR_DRIVERS[0]!, parameters: { volumeType: 'LVM', vgName: 'pool' } });
  for (const name of ['first', 'second']) {
    const claim = { uid: `uid-${name}`, namespace: 'shop', name, storageClass: 'lvm', requested: bytes(6 * GIB) };
    ledger.claimChanged({ ...claim, bound: false, deleting: false });
  }
  const asked: string[] = [];
  const scheduling: Scheduling = {
    notReady: () => undefined,
    concerns: (pod) => ledger.concerns(pod),
    filter: (pod, nodes) => {
      asked.push(pod.uid);
      return ledger.filter(pod, nodes, 0);
    },
    prioritize: (pod, nodes) => ledger.prioritize(pod, nodes),
    freed: () => new Promise<void>((resolve) => ledger.onFreed(resolve)),
    bind: () => Promise.resolve(),
  };
  const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs });
  apps.push(app);
  const filter = async (claim: string, uid: string, names = ['one', 'nobody']) => {
    const payload = { Pod: testPod([claim], uid), Nodes: null, NodeNames: names };
    const reply = await app.inject({ method: 'POST', url: '/scheduler/filter', payload });
    return reply.json<{
      NodeNames: string[];
      FailedNodes: object;
      FailedAndUnresolvableNodes: object;
      Error: string;
    }>();
  };
  return { ledger, filter, asked };
}

test('an unknown node is refused with a reason, and the others are answered', async () => {
  const { filter } = start();
  expect(await filter('first', 'pod-1')).toEqual({
    Nodes: null,
    NodeNames: ['one'],
    FailedNodes: {},
    FailedAndUnresolvableNodes: { nobody: expect.any(String) },
    Error: '',
  });
});

test('a pod whose claim does not exist yet is refused everywhere, and the reason names the claim', async () => {
  const { filter } = start();
  const { NodeNames, FailedNodes, FailedAndUnresolvableNodes, Error } = await filter('third', 'pod-3');
  expect({ NodeNames, Error }).toEqual({ NodeNames: [], Error: '' });
  expect(JSON.stringify({ ...FailedNodes, ...FailedAndUnresolvableNodes })).toContain('third');
});

test('the room of one pod is not given to another, until the first is gone', async () => {
  const { ledger, filter } = start();
  expect((await filter('first', 'pod-1', ['one'])).NodeNames).toEqual(['one']);
  expect((await filter('second', 'pod-2', ['one'])).NodeNames).toEqual([]);
  ledger.podGone('pod-1');
  expect((await filter('second', 'pod-2', ['one'])).NodeNames).toEqual(['one']);
});
