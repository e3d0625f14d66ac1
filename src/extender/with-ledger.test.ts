import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { FastifyInstance } from 'fastify';
import { Ledger } from '../capacity/ledger.ts';
import { silentLog } from '../model/log.ts';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { OUR_DRIVERS, podFacts } from '../model/decode.ts';
import type { NodeStorage } from '../model/facts.ts';
import type { Pod } from '../model/objects.ts';
import { testPod } from './wire/question-fixture.ts';
import type { Scheduling } from './scheduling.ts';
import { createExtender } from './server.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** A node with so many GiB free. */
function nodeWith(name: string, size: number): NodeStorage {
  const group = { name: 'pool', total: bytes(size * GIB), available: bytes(size * GIB), extentSize: bytes(4 * MIB) };
  return { name, groups: [{ ...group, reserved: bytes(0), volumes: [] }], units: [] };
}

/** Node `one` has room for one claim of 6 GiB. */
function start({ byNumbers = true } = {}) {
  const ledger = new Ledger({ strategy: 'spread', drivers: OUR_DRIVERS, holdTtlMs: 60_000, float: { kind: 'wide' } });
  ledger.nodeChanged(nodeWith('one', 10));
  ledger.classChanged({ name: 'lvm', provisioner: OUR_DRIVERS[0]!, parameters: { volumeType: 'LVM', vgName: 'pool' } });
  for (const name of ['first', 'second']) {
    const claim = { uid: `uid-${name}`, namespace: 'shop', name, storageClass: 'lvm', requested: bytes(6 * GIB) };
    ledger.claimChanged({ ...claim, bound: false, deleting: false });
  }
  const asked: string[] = [];
  const scheduling: Scheduling = {
    notReady: () => undefined,
    concerns: (pod) => ledger.concerns(pod),
    ...(byNumbers && { numbering: ledger }),
    filter: (pod, nodes) => {
      asked.push(pod.uid);
      return ledger.filter(pod, nodes, 0);
    },
    prioritize: (pod, nodes) => ledger.prioritize(pod, nodes),
    refusals: (pod, names) => ledger.lacks(pod, names).refusals,
    freed: () => new Promise<void>((resolve) => ledger.onFreed(resolve)),
    bind: () => Promise.resolve(),
  };
  const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 0 });
  apps.push(app);
  const call = async <T>(verb: string, pod: Pod, names: readonly string[]): Promise<T> => {
    const payload = { Pod: pod, Nodes: null, NodeNames: names };
    return (await app.inject({ method: 'POST', url: `/scheduler/${verb}`, payload })).json<T>();
  };
  return {
    ledger,
    asked,
    filter: (claim: string, uid: string, names: readonly string[] = ['one', 'nobody']) =>
      call<Filtered>('filter', testPod([claim], uid), names),
    prioritize: (claim: string, uid: string, names: readonly string[]) =>
      call<{ Host: string; Score: number }[]>('prioritize', testPod([claim], uid), names),
  };
}

interface Filtered {
  readonly NodeNames: readonly string[];
  readonly FailedNodes: object;
  readonly FailedAndUnresolvableNodes: object;
  readonly Error: string;
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

type Step =
  | { readonly come: string; readonly size: number }
  | { readonly go: string; readonly forgotten: boolean }
  | { readonly ask: readonly string[]; readonly pod: string };

async function answers(
  { ledger, filter, prioritize }: ReturnType<typeof start>,
  steps: readonly Step[],
): Promise<unknown[]> {
  const told: unknown[] = [];
  for (const step of steps) {
    if ('come' in step) ledger.nodeChanged(nodeWith(step.come, step.size));
    else if ('go' in step) {
      ledger.nodeGone(step.go);
      if (step.forgotten) ledger.expire(Infinity);
    } else {
      const filtered = await filter('first', step.pod, step.ask);
      told.push(filtered, await prioritize('first', step.pod, filtered.NodeNames));
    }
  }
  return told;
}

test('the answers are those for the names, whatever numbers nodes had that came and went', async () => {
  const names = ['one', 'two', 'three', 'four'];
  const name = fc.constantFrom(...names);
  const step = fc.oneof(
    fc.record({ come: name, size: fc.constantFrom(5, 7, 20) }),
    fc.record({ go: name, forgotten: fc.boolean() }),
    fc.record({ ask: fc.shuffledSubarray([...names, 'nobody']), pod: fc.constantFrom('pod-1', 'pod-2') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      expect(await answers(start(), steps)).toEqual(await answers(start({ byNumbers: false }), steps));
    }),
    { numRuns: 60 },
  );
});

test('who asks by numbers need not have the names: they are not made of bytes for every call', () => {
  const { ledger } = start();
  const nodes = {
    get names(): string[] {
      throw new Error('somebody asked for the names');
    },
    numbers: () => Int32Array.of(ledger.numberOf('one'), ledger.numberOf('nobody')),
  };
  const pod = podFacts(testPod(['first'], 'pod-1'), OUR_DRIVERS);
  expect(ledger.filter(pod, nodes, 0).refusals).toEqual([undefined, expect.objectContaining({ kind: 'unknown-node' })]);
  expect([...ledger.prioritize(pod, nodes)]).toHaveLength(2);
});
