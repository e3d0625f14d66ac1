import { beforeEach, expect, test } from 'vitest';
import { claim, gib, group, ledgerWith, lvm, node, pod, unit } from '../../capacity/ledger-fixture.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import type { StorageView } from '../follow/views.ts';
import { createPageSource } from './page-source.ts';

const { signal } = new AbortController();
const ask = { search: '', limit: 100, signal };
const everything = { nodes: true, volumes: true, pods: true, classes: true };

/** An informer that a test tells what there is, and which counts what is read of it. */
function informer<V>(keyOf: (value: V) => string) {
  const values = new Map<string, V>();
  const audience: Handlers<V>[] = [];
  let reads = 0;
  return {
    values,
    reads: () => reads,
    get: (key: string) => ((reads += 1), values.get(key)),
    subscribe: (handlers: Handlers<V>) => (audience.push(handlers), () => {}),
    put: (value: V) => {
      const before = values.get(keyOf(value));
      values.set(keyOf(value), value);
      for (const { changed } of audience) changed?.(value, before);
    },
    drop: (key: string) => {
      const last = values.get(key)!;
      values.delete(key);
      for (const { deleted } of audience) deleted?.(last);
    },
  };
}

let ledger: Ledger;
let informers: ReturnType<typeof makeInformers>;
let refusals: Map<string, string>;
let source: ReturnType<typeof createPageSource>;
let lacksCalls: number;
let now: number;

const makeInformers = () => ({
  nodes: informer<{ name: string; labels: {} }>(({ name }) => name),
  storages: informer<StorageView>(({ name }) => name),
  volumes: informer<LocalVolume>(({ metadata }) => metadata.name ?? ''),
  pods: informer<PodFacts>(({ namespace, name }) => `${namespace}/${name}`),
});

beforeEach(() => {
  ledger = ledgerWith({ nodes: [], claims: [claim('large', 12)] });
  informers = makeInformers();
  [refusals, lacksCalls, now] = [new Map(), 0, 1];
  const counted = new Proxy(ledger, {
    get: (of, name: keyof Ledger) => {
      const member = of[name];
      if (name === 'lacks') lacksCalls += 1;
      return typeof member === 'function' ? member.bind(of) : member;
    },
  });
  source = createPageSource({
    informers: informers as never,
    ledger: counted,
    storages: informers.storages,
    refused: { wordsOf: (key) => refusals.get(key) },
    notReady: () => undefined,
    now: () => now,
  });
});

function putNode(storage: ReturnType<typeof node>, more: Partial<StorageView> = {}): void {
  const { name } = storage;
  ledger.nodeChanged(storage);
  informers.nodes.put({ name, labels: {} });
  const told = { isOurs: true, troubles: NO_TROUBLES, disks: {}, problems: [], reportedAt: 1 };
  informers.storages.put({ name, uid: `uid-${name}`, spec: {}, storage, ...told, ...more });
}

function putVolume(name: string, spec: Partial<LocalVolume['spec']> = {}, status?: LocalVolume['status']): void {
  const object: LocalVolume = {
    metadata: { name },
    spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: gib(1), role: 'Volume', ...spec },
    status: status ?? { phase: 'Ready', sizeBytes: gib(1) },
  };
  informers.volumes.put(object);
  ledger.volumeChanged(volumeFacts(object));
}

const putPod = (facts: PodFacts): void => (ledger.podChanged(facts), informers.pods.put(facts));

test('a node shows what fills its groups as the ledger counts it', async () => {
  const observed = [{ name: 'v-seen', size: gib(2) }];
  putNode(node('n1', [group('pool-0', 10, { volumes: observed, reserved: gib(1) })], [unit('Device', '/dev/sdb', 20)]));
  putVolume('v-new', { sizeBytes: gib(3) });
  ledger.claimChanged(claim('chosen', 1, { selectedNode: 'n1' }));
  expect(source.node('n1', everything)).toEqual({
    ...{ name: 'n1', groups: 1, units: 1, notes: [] },
    ...{ capacity: gib(30), used: gib(5), held: gib(1), reserved: gib(1), free: gib(23) },
    groupRows: [
      {
        ...{ name: 'pool-0', total: gib(10), reserved: gib(1), observed: gib(2), recorded: gib(3), taken: gib(5) },
        ...{ other: 0, held: gib(1), free: gib(3) },
      },
    ],
    unitRows: [{ kind: 'Device', path: '/dev/sdb', size: gib(20), standing: 'free', volumes: [] }],
  });
  const { rows } = await source.nodes(ask);
  expect(rows).toEqual([expect.objectContaining({ name: 'n1', free: gib(23) })]);
  expect(source.node('n1', { volumes: false })?.unitRows[0]).not.toHaveProperty('volumes');
  expect(source.node('n2', everything)).toBeUndefined();
});

test('a node says what is to be known before its numbers are believed', () => {
  putNode(node('n1', []), { silent: true, cordon: new Set(['pool-0', 'pool-1']), refused: 2 });
  expect(source.node('n1', everything)?.notes).toEqual(['silent', 'refuses 2', 'cordoned: pool-0 pool-1']);
  putNode(node('n1', []), { failing: ['IoErrors'] });
  expect(source.node('n1', everything)?.notes).toEqual(['a disk fails']);
  putNode(node('n1', []), { failing: ['IoErrors', 'DiskOffline'] });
  expect(source.node('n1', everything)?.notes).toEqual(['2 disks fail']);
  putNode(node('n1', []), { lost: 'burnt' });
  expect(source.node('n1', everything)?.notes).toEqual(['lost: burnt']);
});

test('volumes are in the order of their claims, those without one last, and found by any of their names', async () => {
  putVolume('v-2', { claim: { namespace: 'shop', name: 'a' } });
  putVolume('v-1', { claim: { namespace: 'shop', name: 'b' }, nodeName: 'n2' });
  putVolume('v-0', { vgName: 'Pool-X' });
  putVolume('v-3', { claim: { namespace: 'bank', name: 'z' } });
  const found = async (search: string, of = {}): Promise<string[]> =>
    (await source.volumes({ ...ask, search }, { sees: everything, ...of })).rows.map(({ name }) => name);
  expect(await found('')).toEqual(['v-3', 'v-2', 'v-1', 'v-0']);
  expect([
    await found('shop/'),
    await found('n2'),
    await found('pool-x'),
    await found('v-3'),
    await found('no'),
  ]).toEqual([['v-2', 'v-1'], ['v-1'], ['v-0'], ['v-3'], []]);
  expect(await found('', { node: 'n1', place: 'pool-0' })).toEqual(['v-3', 'v-2']);
  putVolume('v-2', { claim: { namespace: 'shop', name: 'a' }, nodeName: 'n3' });
  informers.volumes.drop('v-3');
  expect([await found(''), await found('', { node: 'n3' }), await found('', { node: 'n1' })]).toEqual([
    ['v-2', 'v-1', 'v-0'],
    ['v-2'],
    ['v-0'],
  ]);
});

test('of 5,000 nodes and 50,000 volumes a page reads one more than it shows', async () => {
  for (let i = 0; i < 5000; i += 1) putNode(node(`node-${String(i).padStart(4, '0')}`, [group('pool-0', 100)]));
  for (let i = 0; i < 50_000; i += 1)
    putVolume(`v${i}`, {
      nodeName: `node-${String(i % 5000).padStart(4, '0')}`,
      claim: { namespace: 'ns', name: `c${i}` },
    });
  const [nodes, volumes] = [informers.storages.reads, informers.volumes.reads];
  let [nodesBefore, before] = [nodes(), volumes()];
  expect(await source.nodes(ask)).toMatchObject({ all: 5000, last: 'node-0099' });
  expect(nodes() - nodesBefore).toBeLessThanOrEqual(101);
  const page = await source.volumes(ask, { sees: { nodes: false } });
  expect([page.rows.length, page.all]).toEqual([100, 50_000]);
  expect(volumes() - before).toBe(101);
  before = volumes();
  const ofNode = await source.volumes(ask, { sees: { nodes: false }, node: 'node-0007' });
  expect(ofNode.rows).toHaveLength(10);
  expect(volumes() - before).toBe(10);

  nodesBefore = nodes();
  const overviews = Array.from({ length: 10 }, () => source.overview(everything, signal));
  expect((await Promise.all(overviews))[9]).toEqual({
    nodes: expect.objectContaining({
      count: 5000,
      noted: 0,
      room: expect.objectContaining({ capacity: 5000 * gib(100) }),
    }),
    volumes: { count: 50_000, notReady: 0 },
    pods: { waiting: 0 },
  });
  await source.overview(everything, signal);
  expect(nodes() - nodesBefore).toBe(5000);

  let isHeard = 0;
  const others = setInterval(() => (isHeard += 1));
  const verdict = await source.whatIf([{ size: gib(40), storageClass: 'lvm' }], { ...ask, sees: everything });
  clearInterval(others);
  expect([verdict.fits, verdict.rows?.length, verdict.more]).toEqual([5000, 100, 4900]);
  expect(isHeard).toBeGreaterThan(5);
  expect(lacksCalls).toBeLessThan(11_000);
});

test('what if says where a pod would go, why not there, and holds nothing', async () => {
  putNode(node('n1', [group('pool-0', 10)]));
  putNode(node('n2', [group('pool-0', 20)]));
  const supposed = [{ size: gib(12), storageClass: 'lvm' }];
  const verdict = await source.whatIf(supposed, { ...ask, sees: everything });
  expect(verdict).toMatchObject({ asks: ['claim 1 (12 GiB, class lvm)'], nodes: 2, fits: 1, more: 0 });
  expect(verdict.rows).toEqual([
    { node: 'n2', fits: true, obstacle: '', score: expect.any(Number) },
    {
      ...{ node: 'n1', fits: false, lacks: gib(2), where: 'pool-0' },
      obstacle: 'not enough room for 12 GiB in any volume group',
    },
  ]);
  expect(ledger.node('n2')?.groups[0]).toMatchObject({ free: gib(20), floating: 0 });
  expect((await source.whatIf(supposed, { ...ask, search: 'n1', sees: everything })).rows).toHaveLength(1);
  expect(await source.whatIf([{ size: gib(30), storageClass: 'lvm' }], { ...ask, sees: { nodes: false } })).toEqual({
    ...{ asks: ['claim 1 (30 GiB, class lvm)'], nodes: 2, fits: 0, more: 0, reason: 'NoRoom' },
    message: expect.stringContaining('Closest is volume group pool-0 of node n2, which lacks 10 GiB of 30 GiB'),
  });
  await expect(
    source.whatIf([{ size: gib(1), storageClass: 'theirs' }], { ...ask, sees: everything }),
  ).rejects.toMatchObject({ kind: 'invalid', message: expect.stringContaining('StorageClass theirs') });
});

test('a pod that waits has the words of its Event, and what is true now when it is opened', async () => {
  putNode(node('n1', [group('pool-0', 10)]));
  const waiting = pod('p', ['large'], { unscheduled: {} });
  putPod(waiting);
  putPod(pod('placed', ['large'], { nodeName: 'n1' }));
  putPod(pod('unasked', ['large']));
  putPod(pod('of-others', [], { unscheduled: {} }));
  const rows = async () => (await source.pods(ask, undefined)).rows;
  const row = { namespace: 'default', name: 'p', asks: ['claim large (12 GiB, class lvm)'] };
  expect(await rows()).toEqual([row]);
  source.onTold(waiting, { reason: 'NoRoom', message: 'Waits with…' });
  expect(await rows()).toEqual([{ ...row, reason: 'NoRoom', message: 'Waits with…' }]);
  const verdict = await source.pod({ namespace: 'default', name: 'p' }, { ...ask, sees: everything });
  expect(verdict).toMatchObject({
    fits: 0,
    reason: 'NoRoom',
    message: expect.stringContaining('lacks 2 GiB of 12 GiB'),
  });
  expect((await source.overview(everything, signal)).pods).toEqual({ waiting: 1 });

  refusals.set('default/large', 'no such thing');
  expect((await rows()).map(({ name }) => name)).toEqual(['p', 'unasked']);
  putPod({ ...waiting, uid: 'another' });
  expect((await rows())[0]).not.toHaveProperty('message');
  informers.pods.drop('default/p');
  expect(await source.pod({ namespace: 'default', name: 'p' }, { ...ask, sees: everything })).toBeUndefined();
  expect((await source.pods(ask, 'other')).rows).toEqual([]);
});

test('the classes are those that are ours', () => {
  ledger.classChanged(lvm('b'));
  ledger.classChanged({ name: 'theirs', provisioner: 'example.org', parameters: {} });
  expect(source.classes()).toEqual(expect.arrayContaining(['b', 'lvm']));
  expect(source.classes()).not.toContain('theirs');
});

test('only whoever may see nodes reads in a volume what is wrong on its node', async () => {
  const volumes = new Map([['pool-0', ['v-1']]]);
  putNode(node('n1', [group('pool-0', 10)]), { troubles: { ...NO_TROUBLES, volumes } });
  putVolume('v-1');
  const faults = async (nodes: boolean) =>
    (await source.volumes(ask, { sees: { nodes } })).rows.flatMap((row) => row.faults.map(({ reason }) => reason));
  expect([await faults(true), await faults(false)]).toEqual([['VolumePartial'], []]);
});

test('names are given as they are: whoever shows them must not take them for more', async () => {
  const name = '<img src=x onerror=alert(1)>';
  putNode(node('n1', [group(name, 10)]), { cordon: new Set([name]) });
  expect(source.node('n1', everything)).toMatchObject({
    groupRows: [{ name }],
    notes: [`cordoned: ${name}`],
  });
  expect((await source.nodes({ ...ask, search: '<img' })).rows).toHaveLength(1);
  putVolume('v', { vgName: name });
  expect((await source.volumes(ask, { sees: everything })).rows[0]).toMatchObject({ place: name });
});
