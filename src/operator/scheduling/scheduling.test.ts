import { present } from '../../model/present.ts';
import { beforeEach, expect, test } from 'vitest';
import { Ledger } from '../../capacity/ledger.ts';
import type { Scheduling } from '../../extender/scheduling.ts';
import { ApiError } from '../../kube/errors.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { Pod } from '../../model/objects.ts';
import { createScheduling, type SchedulingDeps } from './scheduling.ts';
import { createViews } from '../follow/views.ts';
import { createWaitingPods } from './waiting-pods.ts';

const DRIVER = 'local.csi.aliyun.com';
const never = new AbortController().signal;
let ledger: Ledger;
let scheduling: Scheduling;
let heard: Map<string, PodFacts>;
let pods: Map<string, Pod>;
let bindings: unknown[];
let trouble: Error | undefined;
let deaf: string | undefined;

const notFound = (): ApiError => new ApiError({ code: 404, reason: 'NotFound', message: 'no such pod' });

const client: SchedulingDeps['client'] = {
  get: async (_, { namespace, name }) => {
    const pod = pods.get(`${namespace}/${name}`);
    if (pod) return pod as never;
    throw notFound();
  },
  createSub: async (_, key, subresource, body) => {
    if (trouble) throw trouble;
    bindings.push({ key, subresource, body });
  },
};

const podWith = (name: string, claimNames: readonly string[] = [`data-${name}`]): Pod => ({
  metadata: { namespace: 'web', name, uid: `uid-${name}` },
  spec: { volumes: claimNames.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
});

const factsOf = (name: string, nodeName?: string): PodFacts => ({
  uid: `uid-${name}`,
  namespace: 'web',
  name,
  finished: false,
  volumes: [{ kind: 'claim', claimName: `data-${name}` }],
  ...present({ nodeName }),
});

function addClaim(pod: string, size = 6 * GIB): void {
  ledger.claimChanged({
    uid: `claim-${pod}`,
    namespace: 'web',
    name: `data-${pod}`,
    storageClass: 'fast',
    requested: bytes(size),
    bound: false,
    deleting: false,
  });
}

beforeEach(() => {
  [heard, pods, bindings, trouble, deaf] = [new Map(), new Map(), [], undefined, undefined];
  ledger = new Ledger({ strategy: 'binpack', drivers: [DRIVER], holdTtlMs: 60_000, float: { kind: 'wide' } });
  for (const name of ['n1', 'n2']) {
    const group = {
      name: 'pool-0',
      total: bytes(10 * GIB),
      available: bytes(10 * GIB),
      reserved: bytes(0),
      volumes: [],
    };
    ledger.nodeChanged({ name, groups: [{ ...group, extentSize: bytes(4 * MIB) }], units: [] });
  }
  ledger.classChanged({ name: 'fast', provisioner: DRIVER, parameters: { volumeType: 'LVM' } });
  scheduling = createScheduling({
    ledger,
    client,
    drivers: [DRIVER],
    heard: (pod) => heard.get(pod),
    notReady: () => undefined,
    deafToClaims: () => deaf,
    now: () => 0,
  });
});

function hear(name: string): PodFacts {
  const facts = factsOf(name);
  heard.set(`web/${name}`, facts);
  ledger.podChanged(facts);
  return facts;
}

const filter = (pod: PodFacts) =>
  scheduling.filter(pod, { names: ['n1', 'n2'] }).refusals.map((refusal) => refusal?.kind);
const bind = (name: string, node: string) =>
  scheduling.bind({ namespace: 'web', name, uid: `uid-${name}`, node }, never);
const held = (node: string) => ledger.node(node)?.groups[0]?.settled;

test('a binding is written as kube-scheduler writes it, with the room kept on that node only', async () => {
  addClaim('a');
  expect(filter(hear('a'))).toEqual([undefined, undefined]);
  await bind('a', 'n2');
  expect(bindings).toEqual([
    {
      key: { namespace: 'web', name: 'a' },
      subresource: 'binding',
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace: 'web', name: 'a', uid: 'uid-a' },
        target: { apiVersion: 'v1', kind: 'Node', name: 'n2' },
      },
    },
  ]);
  expect([held('n1'), held('n2')]).toEqual([0, 6 * GIB]);
});

test('a pod may have others evicted where it holds no room, if there is room', () => {
  addClaim('a');
  addClaim('b', 7 * GIB);
  const pod = hear('a');
  scheduling.filter(pod, { names: ['n1'] });
  scheduling.filter(hear('b'), { names: ['n3'] });
  const refused = () => scheduling.refusals(pod, ['n1', 'n2', 'n3']).map((refusal) => refusal?.kind);
  expect(refused()).toEqual([undefined, undefined, 'unknown-node']);
  scheduling.filter(hear('b'), { names: ['n2'] });
  expect(refused()).toEqual([undefined, 'group-too-small', 'unknown-node']);
});

test('a pod without volumes of ours is bound without a question', async () => {
  heard.set('web/plain', { ...factsOf('plain'), volumes: [] });
  await bind('plain', 'n9');
  expect(bindings).toHaveLength(1);
});

test('a pod that was not heard of is asked for', async () => {
  addClaim('late');
  pods.set('web/late', podWith('late'));
  await bind('late', 'n1');
  expect(held('n1')).toBe(6 * GIB);
  pods.set('web/plain', podWith('plain', []));
  await bind('plain', 'n9');
  expect(bindings).toHaveLength(2);
});

test('a pod that is another one by now, or gone, is not bound', async () => {
  pods.set('web/a', { ...podWith('a'), metadata: { namespace: 'web', name: 'a', uid: 'younger' } });
  await expect(bind('a', 'n1')).rejects.toMatchObject({ kind: 'not-found' });
  await expect(bind('b', 'n1')).rejects.toMatchObject({ kind: 'not-found' });
  expect(bindings).toEqual([]);
});

test('a binding whose room is gone is refused with the reason, and not written', async () => {
  addClaim('a');
  addClaim('b');
  filter(hear('a'));
  await bind('a', 'n1');
  hear('b');
  await expect(bind('b', 'n1')).rejects.toMatchObject({ kind: 'exhausted', message: expect.stringContaining('6 GiB') });
  expect(bindings).toHaveLength(1);
});

test('a binding that the API server refuses gives the room back', async () => {
  addClaim('a');
  filter(hear('a'));
  trouble = new ApiError({ code: 409, reason: 'Conflict', message: 'pod a is already assigned' });
  await expect(bind('a', 'n1')).rejects.toMatchObject({ kind: 'conflict' });
  expect([held('n1'), held('n2')]).toEqual([0, 0]);
  trouble = undefined;
  await bind('a', 'n1'); // the pod is still known: it may be bound without another filter
  expect(held('n1')).toBe(6 * GIB);
});

test('a pod that is bound there already is bound: its room, all taken by itself, is not asked for again', async () => {
  addClaim('a', 10 * GIB);
  const facts = hear('a');
  filter(facts);
  await bind('a', 'n1');
  ledger.volumeChanged({
    name: 'v',
    node: 'n1',
    kind: 'LVM',
    where: 'pool-0',
    size: bytes(10 * GIB),
    claimUid: 'claim-a',
  });
  const bound = { ...podWith('a'), spec: { ...podWith('a').spec, nodeName: 'n1' } };
  const view = createViews([DRIVER]).pod(bound);
  heard.set('web/a', view);
  ledger.podChanged(view);
  pods.set('web/a', bound);
  trouble = new ApiError({ code: 409, reason: 'Conflict', message: 'pod a is already assigned' });
  await bind('a', 'n1');
  await expect(bind('a', 'n2')).rejects.toMatchObject({ kind: 'conflict' });
  expect([held('n1'), held('n2')]).toEqual([0, 0]);
});

test('an operator that may not bind says what to do, and keeps the room: kube-scheduler binds the pod itself', async () => {
  addClaim('a');
  filter(hear('a'));
  trouble = new ApiError({ code: 403, reason: 'Forbidden', message: 'pods "a" is forbidden' });
  await expect(bind('a', 'n1')).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/^pod web\/a: .*leave bindVerb out.*extender\.bind=true.*-k deploy\/bind/),
  });
  expect([held('n1'), held('n2')]).toEqual([6 * GIB, 0]);
  ledger.podChanged(factsOf('a', 'n1'));
  expect([held('n1'), held('n2')]).toEqual([6 * GIB, 0]);
});

test('a binding without an answer is looked at: done is done, else the room stays kept', async () => {
  addClaim('a');
  filter(hear('a'));
  trouble = new ApiError({ code: 0, reason: 'Timeout', message: 'no answer' });
  pods.set('web/a', podWith('a'));
  await expect(bind('a', 'n1')).rejects.toMatchObject({ kind: 'aborted' });
  expect(held('n1')).toBe(6 * GIB);
  pods.set('web/a', { ...podWith('a'), spec: { nodeName: 'n1' } });
  await bind('a', 'n1');
});

test('a claim that was not heard of keeps its pod waiting, unless none is heard of: then there is no answer', () => {
  const pod = hear('late');
  expect(filter(pod)).toEqual(['claim-missing', 'claim-missing']);
  deaf = 'the API server tells nothing of them';
  expect(() => filter(pod)).toThrow(/does not know the pod's claims: the API server tells nothing of them/);
  addClaim('known');
  expect(filter(hear('known'))).toEqual([undefined, undefined]);
  addClaim('large', 60 * GIB);
  expect(filter(hear('large'))).toEqual(['group-too-small', 'group-too-small']);
});

test('a pod that fits nowhere waits until it fits, has its node or is gone', () => {
  const told: { changed?: (pod: PodFacts, before: undefined) => void; deleted?: (pod: PodFacts) => void }[] = [];
  let now = 0;
  const waiting = createWaitingPods({ subscribe: (handlers) => (told.push(handlers), () => {}) }, () => now);
  waiting.asked('uid-a', false);
  waiting.asked('uid-b', false);
  waiting.asked('uid-c', false);
  waiting.asked('uid-a', true);
  told[0]?.changed?.(factsOf('b'), undefined);
  told[0]?.changed?.(factsOf('b', 'n1'), undefined);
  expect(waiting.any()).toBe(true);
  told[0]?.deleted?.(factsOf('c'));
  expect(waiting.any()).toBe(false);
  // Its end was heard before the question about it came.
  waiting.asked('uid-c', false);
  waiting.asked('uid-d', false);
  now = 14 * 60_000;
  waiting.asked('uid-d', false);
  now = 15 * 60_000;
  expect(waiting.any()).toBe(true);
  waiting.asked('uid-d', true);
  expect(waiting.any()).toBe(false);
});

test('who waits for room is woken when some is freed, and leaves with its signal', async () => {
  addClaim('a');
  filter(hear('a'));
  const woken = scheduling.freed(never);
  ledger.podGone('uid-a');
  await woken;
  const impatient = new AbortController();
  const waiting = scheduling.freed(impatient.signal);
  impatient.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
