import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createApiServer, type ApiServer } from '../../sandbox/apiserver/api-server.ts';
import type { KubeObject, Node } from '../model/objects.ts';
import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import { createEventRecorder } from './events/events.ts';
import { EVENTS, type EventObject } from './events/event-object.ts';
import { fakeAccess } from './access/fake-access.ts';
import { runLeader } from './lease/lease.ts';
import { LEASES } from './lease/lease-record.ts';
import { createInformer } from './follow/informer.ts';
import { message, one, text } from './protobuf/schema.ts';
import { NODES, type Resource } from './resource.ts';
import { createKubeClient } from './rest/rest-client.ts';

const never = new AbortController().signal;
/** For a busy machine: it is the state that counts. */
const eventually = { timeout: 20_000 };
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let server: ApiServer;
let client: KubeClient;
let stop: AbortController;
let running: Promise<unknown>[];
beforeEach(async () => {
  server = createApiServer({ historyLimit: 50, bookmarkMs: 20 });
  client = createKubeClient(fakeAccess(new URL(await server.listen())), { userAgent: 'test', timeoutMs: 5000 });
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort(new Error('the test is over'));
  await Promise.allSettled(running);
  client.close();
  await server.close();
});

/** Numbers in [0, 1) that are the same in every run. */
const seeded = (seed: number) => (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;

const nodeAt = (name: string, step: number): Node => ({ metadata: { name, labels: { step: String(step) } } });

const nameOf = ({ metadata: { name = '' } }: Node): string => name;
const versionsOf = (nodes: Iterable<Node>): object =>
  Object.fromEntries([...nodes].map((node) => [nameOf(node), node.metadata.resourceVersion]));

/** One random thing that happens to one of eight nodes; the writer's own calls meet no trouble. */
async function writeSomething(random: () => number, step: number): Promise<void> {
  const key = { name: `n${Math.floor(random() * 8)}` };
  const dice = random();
  try {
    if (dice < 0.35) await client.delete(NODES, key, never);
    else await client.patch(NODES, key, { type: 'merge', body: nodeAt(key.name, step) }, never);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create(NODES, nodeAt(key.name, step), never);
  }
}

function troubleSomebody(random: () => number): void {
  const troubles: (() => unknown)[] = [
    () => server.troubles.cutWatches('reset'),
    () => server.troubles.cutWatches('end'),
    () => server.troubles.compact(),
    () => server.troubles.fail({ verb: 'watch' }, { code: 500 }),
    () => server.troubles.fail({ verb: 'list' }, 'reset'),
    () => server.troubles.fail({ verb: 'watch' }, { code: 429, retryAfterSeconds: 0 }),
  ];
  troubles[Math.floor(random() * troubles.length)]?.();
}

test.each([1, 2, 3])(
  'history %d: after cuts, refusals and lost versions the view is what the server has',
  async (seed) => {
    const random = seeded(seed);
    const informer = createInformer<Node, Node>({
      client,
      resource: NODES,
      project: (object) => object,
      log: quiet,
      backoff: { baseMs: 2, maxMs: 8 },
      pageSize: 3,
    });
    // What a handler that believes every word comes to.
    const believed = new Map<string, Node>();
    const contradictions: string[] = [];
    informer.subscribe({
      changed: (now, before) => {
        if (believed.get(nameOf(now)) !== before) contradictions.push(`${nameOf(now)} was not so before`);
        believed.set(nameOf(now), now);
      },
      deleted: (last) => {
        if (believed.get(nameOf(last)) !== last) contradictions.push(`${nameOf(last)} was not so at its end`);
        believed.delete(nameOf(last));
      },
    });
    running.push(informer.run(stop.signal));

    for (let step = 0; step < 200; step += 1) {
      await writeSomething(random, step);
      if (random() < 0.15) troubleSomebody(random);
      await setImmediate();
    }
    server.troubles.clear();

    const { items } = await client.list<Node>(NODES, {}, never);
    await expect.poll(() => versionsOf(informer.values.values()), eventually).toEqual(versionsOf(items));
    expect(versionsOf(believed.values())).toEqual(versionsOf(items));
    expect(contradictions).toEqual([]);
    expect(informer.health().handlerErrors).toBe(0);
  },
);

test('a server that has no protobuf is followed in JSON', async () => {
  const schema = message<Node>({ metadata: one(1, message<Node['metadata']>({ name: text(1) })) });
  const nodeOf = (name: string) => ({ metadata: { name }, spec: { unschedulable: true } });
  await client.create(NODES, nodeOf('listed'), never);
  const nodes = createInformer({ client, resource: NODES, project: (node) => node, schema, log: quiet });
  running.push(nodes.run(stop.signal));
  await nodes.whenSynced(never);
  await client.create(NODES, nodeOf('watched'), never);
  await expect.poll(() => [...nodes.values.keys()], eventually).toEqual(['listed', 'watched']);
  for (const node of nodes.values.values()) expect(node).toMatchObject({ spec: { unschedulable: true } });
});

test('an object of more than 2 MiB goes and comes whole: created, listed, watched and written again', async () => {
  const resource: Resource<KubeObject & { data: Record<string, string> }> = {
    group: '',
    version: 'v1',
    plural: 'configmaps',
    kind: 'ConfigMap',
    namespaced: true,
  };
  const key = { name: 'large', namespace: 'default' };
  // Characters of several bytes, so that every chunk may end inside of one.
  const large = '→é'.repeat(500_000);
  const informer = createInformer({ client, resource, project: ({ data }) => data, log: quiet });
  const made = await client.create(resource, { metadata: key, data: { large } }, never);
  running.push(informer.run(stop.signal));
  await informer.whenSynced(never);
  expect(informer.values.get('default/large')?.['large'] === large).toBe(true);
  await client.update(resource, { ...made, data: { large: `${large}!` } }, never);
  await expect.poll(() => informer.values.get('default/large')?.['large']?.length, eventually).toBe(large.length + 1);
  expect((await client.get(resource, key, never)).data['large'] === `${large}!`).toBe(true);
});

test('a Lease is taken, renewed and given back', async () => {
  const seen: (string | undefined)[] = [];
  const lease = async (): Promise<string | undefined> =>
    (await client.get(LEASES, { namespace: 'kube-system', name: 'operator' }, never)).spec?.holderIdentity;
  const options = { client, namespace: 'kube-system', name: 'operator', log: quiet, retryMs: 5 };
  await runLeader({ ...options, identity: 'a', onElected: async () => void seen.push(await lease()) }, stop.signal);
  seen.push(await lease());
  await runLeader({ ...options, identity: 'b', onElected: async () => void seen.push(await lease()) }, stop.signal);
  expect(seen).toEqual(['a', '', 'b']);
});

test('Events are accepted and folded', async () => {
  const recorder = createEventRecorder({ client, source: { component: 'test' }, log: quiet });
  running.push(recorder.run(stop.signal));
  const subject = { apiVersion: 'v1', kind: 'Node', name: 'n1' };
  const events = async (): Promise<(number | undefined)[]> =>
    (await client.list<EventObject>(EVENTS, { namespace: 'default' }, never)).items.map(({ count }) => count);
  recorder.record({ subject, type: 'Normal', reason: 'Grown', message: 'the group grew' });
  await expect.poll(events, eventually).toEqual([1]);
  recorder.record({ subject, type: 'Normal', reason: 'Grown', message: 'the group grew' });
  await expect.poll(events, eventually).toEqual([2]);
});
