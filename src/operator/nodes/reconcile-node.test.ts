import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { silentLog } from '../../model/log.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { INIT_CONFIGS, NODE_LOCAL_STORAGES, NODES, STORAGE_CLASSES } from '../../kube/resource.ts';
import type { InitConfig, NodeConfig, NodeLocalStorage } from '../../model/objects.ts';
import { PARAM_FS_TYPE, PARAM_STAGE_SECRET } from '../../model/well-known.ts';
import { createInformers, followAll, allSynced, type Informers } from '../follow/informers.ts';
import { createNodeReconciler } from './reconcile-node.ts';
import { tellNotUnderstood } from './not-understood.ts';
import { eventually } from '../../../test/rig/eventually.ts';

const never = new AbortController().signal;
let ours: OurApi;
let events: Occurrence[];
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  ours = await startOurApi();
  events = [];
  now = 0;
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await ours.close();
});

/** What the operator counts. */
let storages: Informers['storages'];
/** Wall clock in ms. */
let now: number;

async function start(update = true): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const { client } = ours;
  const informers = createInformers({ client, drivers: [], log: silentLog });
  ({ storages } = informers);
  const recorder = { record: (event: Occurrence) => void events.push(event) };
  tellNotUnderstood({ informers, drivers: ['local.csi.aliyun.com'], events: recorder });
  const reconciler = createNodeReconciler({
    client,
    informers,
    initConfig: 'open-local',
    update,
    events: recorder,
    log: silentLog,
    date: () => new Date(now),
  });
  const following = followAll(informers, stopping.signal);
  await allSynced(informers, stopping.signal);
  const running = reconciler.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all([running, following]);
  };
  stops.push(stop);
  return stop;
}

const group = (name: string, ...devices: string[]): NodeConfig => ({
  resourceToBeInited: { vgs: [{ name, devices }] },
});

const addNode = (name: string, labels: Record<string, string> = {}) =>
  ours.client.create(NODES, { metadata: { name, labels } }, never);
const relabel = (name: string, labels: Record<string, string | null>) =>
  ours.client.patch(NODES, { name }, { type: 'merge', body: { metadata: { labels } } }, never);
const configure = (spec: NonNullable<InitConfig['spec']>, name = 'open-local') =>
  ours.client.create(INIT_CONFIGS, { metadata: { name }, spec }, never);
const reconfigure = (spec: NonNullable<InitConfig['spec']>) =>
  ours.client.patch(
    INIT_CONFIGS,
    { name: 'open-local' },
    { type: 'json', body: [{ op: 'add', path: '/spec', value: spec }] },
    never,
  );
const stored = (name: string): NodeLocalStorage | undefined => ours.api.stored('nodelocalstorages', name);
const groupOf = (name: string) => stored(name)?.spec?.resourceToBeInited?.vgs?.[0]?.name;
const configured = (): InitConfig | undefined => ours.api.stored('nodelocalstorageinitconfigs', 'open-local');
const condition = () => configured()?.status?.conditions?.[0];

test('every node gets its storage, by its labels, and a node that comes later too', async () => {
  await addNode('n1');
  await configure({
    globalConfig: group('pool'),
    nodesConfig: [{ selector: { matchLabels: { disk: 'fast' } }, ...group('fast') }],
  });
  await start();
  await eventually(() => expect(stored('n1')?.spec).toEqual({ nodeName: 'n1', ...group('pool') }));
  await addNode('n2', { disk: 'fast' });
  await eventually(() => expect(groupOf('n2')).toBe('fast'));
});

test('a relabelled node follows at once', async () => {
  await addNode('n1');
  await configure({
    globalConfig: group('pool'),
    nodesConfig: [{ selector: { matchLabels: { disk: 'fast' } }, ...group('fast') }],
  });
  await start();
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
  await relabel('n1', { disk: 'fast' });
  await eventually(() => expect(groupOf('n1')).toBe('fast'));
  await relabel('n1', { disk: null });
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
});

test('a changed config reaches every node, as a whole', async () => {
  await addNode('n1');
  await configure({ globalConfig: { ...group('pool'), listConfig: { vgs: { include: ['pool'] } } } });
  await start();
  await eventually(() => expect(stored('n1')?.spec?.listConfig).toBeDefined());
  await reconfigure({ globalConfig: group('other') });
  await eventually(() => expect(stored('n1')?.spec).toEqual({ nodeName: 'n1', ...group('other') }));
});

test('what a person changed or deleted is brought back at once', async () => {
  await addNode('n1');
  await configure({ globalConfig: group('pool') });
  await start();
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
  const patch = { type: 'merge', body: { spec: { resourceToBeInited: null } } } as const;
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, patch, never);
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
  const { uid } = stored('n1')?.metadata ?? {};
  await ours.client.delete(NODE_LOCAL_STORAGES, { name: 'n1' }, never);
  await eventually(() => expect(stored('n1')?.metadata.uid ?? uid).not.toBe(uid));
});

test('without --update-nls the config is for new nodes only', async () => {
  await addNode('n1');
  await configure({ globalConfig: group('pool') });
  await start(false);
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
  await reconfigure({ globalConfig: group('other') });
  await addNode('n2');
  await eventually(() => expect(groupOf('n2')).toBe('other'));
  expect(groupOf('n1')).toBe('pool');
});

test('only the config of the given name counts', async () => {
  await addNode('n1');
  await configure({ globalConfig: group('wrong') }, 'another');
  await configure({ globalConfig: group('pool') });
  await start();
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
});

test('a node that is gone takes its storage along, also when it went while nobody looked', async () => {
  await addNode('n1');
  await addNode('n2');
  await configure({ globalConfig: group('pool') });
  const stop = await start();
  await eventually(() => expect([stored('n1'), stored('n2')]).not.toContain(undefined));
  await ours.client.delete(NODES, { name: 'n1' }, never);
  await eventually(() => expect(stored('n1')).toBeUndefined());
  await stop();
  await ours.client.delete(NODES, { name: 'n2' }, never);
  await start();
  await eventually(() => expect(stored('n2')).toBeUndefined());
});

const RESERVED = { 'csi.aliyun.com/storage-reserved': '{"pool":"10Gi"}' };

/** A node with a reservation, whose Node object is deleted; resolves once its storage counts no more. */
async function nodeThatWent(): Promise<() => Promise<void>> {
  await addNode('n1');
  await configure({ globalConfig: group('pool') });
  const stop = await start();
  await eventually(() => expect(stored('n1')).toBeDefined());
  const body = { metadata: { annotations: { ...RESERVED, 'csi.aliyun.com/lost': 'burnt' } } };
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body }, never);
  await ours.client.delete(NODES, { name: 'n1' }, never);
  await eventually(() => expect(stored('n1')?.metadata.labels).toEqual({ 'csi.aliyun.com/gone-since': '0' }));
  await eventually(() => expect(storages.get('n1')).toBeUndefined());
  return stop;
}

test.each(['the same leader', 'the next one'])(
  'a Node object that is made anew finds what people said of its storage: %s',
  async (leader) => {
    const stop = await nodeThatWent();
    if (leader === 'the next one') {
      await stop();
      await start();
    }
    expect(storages.get('n1')).toBeUndefined();
    await addNode('n1');
    await eventually(() => expect(storages.get('n1')).toBeDefined());
    expect(stored('n1')?.metadata.labels ?? {}).toEqual({});
    expect(stored('n1')?.metadata.annotations).toEqual(RESERVED);
    expect(groupOf('n1')).toBe('pool');
  },
);

test('a Node object that is made anew a day later is another machine’s', async () => {
  await nodeThatWent();
  const { uid } = stored('n1')?.metadata ?? {};
  now = 24 * 3_600_000;
  await addNode('n1');
  await eventually(() => expect(storages.get('n1')).toBeDefined());
  expect(stored('n1')?.metadata.annotations).toBeUndefined();
  expect(stored('n1')?.metadata.uid).not.toBe(uid);
});

test('what is kept of a node that does not come back is deleted a day later, with the next that goes', async () => {
  await nodeThatWent();
  await addNode('n2');
  await eventually(() => expect(stored('n2')).toBeDefined());
  now = 24 * 3_600_000;
  await ours.client.delete(NODES, { name: 'n2' }, never);
  await eventually(() => expect([stored('n1'), stored('n2')]).toEqual([undefined, undefined]));
});

test('the config counts its nodes and those that refuse something, and tells nobody twice', async () => {
  await addNode('n1');
  await addNode('n2');
  await configure({ globalConfig: group('pool') });
  await start();
  await eventually(() => expect(configured()?.status?.nodes).toEqual({ all: 2, refused: 0 }));
  const body = { status: { summary: { total: '1Gi', free: '1Gi', refused: 1 } } };
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body }, never, 'status');
  await eventually(() => expect(configured()?.status?.nodes).toEqual({ all: 2, refused: 1 }));
  expect(condition()).toMatchObject({ status: 'True', reason: 'PartlyUsed' });
  expect(events.filter(({ reason }) => reason === 'PartlyUsed')).toHaveLength(1);
});

test('a node that is only not heard of keeps its storage', async () => {
  await start();
  ours.api.troubles.silenceWatches({ resource: 'nodes' });
  const asked = ours.api.troubles.delay({ verb: 'get', resource: 'nodes', name: 'n1' }, 0);
  await addNode('n1');
  await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n1' } }, never);
  await eventually(() => expect(asked.hits()).toBe(1));
  await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'orphan' } }, never);
  await eventually(() => expect(stored('orphan')).toBeUndefined());
  expect(stored('n1')).toBeDefined();
});

test('a node whose storage cannot be written now is tried again', async () => {
  ours.api.troubles.fail({ verb: 'create', resource: 'nodelocalstorages' }, { code: 503 });
  await addNode('n1');
  await configure({ globalConfig: group('pool') });
  await start();
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
});

test.each([
  ['an invalid regular expression', { listConfig: { vgs: { include: ['('] } } }, 'listConfig.vgs.include[0]: "("'],
  [
    'a duplicate group',
    { resourceToBeInited: { vgs: [group('p'), group('p')].flatMap((g) => g.resourceToBeInited?.vgs ?? []) } },
    'volume group p is listed more than once',
  ],
  ['a device listed twice', group('p', '/dev/sdb', '/dev/sdb'), 'device /dev/sdb is listed 2 times'],
])('%s is told on the config; every node keeps what it has, and corrections apply', async (_, bad, problem) => {
  await addNode('n1');
  await configure({ globalConfig: group('pool') });
  await start();
  await eventually(() => expect(condition()?.status).toBe('True'));
  await eventually(() => expect(groupOf('n1')).toBe('pool'));

  await reconfigure({ globalConfig: bad });
  await eventually(() => expect(condition()).toMatchObject({ type: 'Accepted', status: 'False', reason: 'Invalid' }));
  expect(condition()?.message).toContain(problem);
  const subject = expect.objectContaining({ kind: 'NodeLocalStorageInitConfig', name: 'open-local' });
  await eventually(() => expect(events.at(-1)).toMatchObject({ type: 'Warning', reason: 'Invalid', subject }));
  await addNode('n2'); // gets the last good one
  await eventually(() => expect(groupOf('n2')).toBe('pool'));
  expect(groupOf('n1')).toBe('pool');

  await reconfigure({ globalConfig: group('better') });
  await eventually(() => expect([groupOf('n1'), groupOf('n2')]).toEqual(['better', 'better']));
  await eventually(() => expect(condition()?.status).toBe('True'));
});

test('a reservation that cannot be read is told on its object, once', async () => {
  await start();
  const annotations = { 'csi.aliyun.com/storage-reserved': '{"pool-0":"a lot"}' };
  const status = {
    nodeStorageInfo: {
      volumeGroups: [{ name: 'pool-0', physicalVolumes: [], total: 1, available: 1, allocatable: 1 }],
    },
    filteredStorageInfo: { volumeGroups: ['pool-0'] },
  };
  await addNode('n1');
  await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n1', annotations } }, never);
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body: { status } }, never, 'status');
  await eventually(() =>
    expect(events).toContainEqual(
      expect.objectContaining({ reason: 'NotUnderstood', message: expect.stringContaining('"a lot" for pool-0') }),
    ),
  );
  const groups = status.nodeStorageInfo.volumeGroups.map((group) => ({ ...group, available: 0 }));
  const again = { type: 'merge', body: { status: { nodeStorageInfo: { volumeGroups: groups } } } } as const;
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, again, never, 'status');
  const other = { 'csi.aliyun.com/storage-reserved': '{"pool-0":"much"}' };
  const edit = { type: 'merge', body: { metadata: { annotations: other } } } as const;
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, edit, never);
  await eventually(() => expect(events.at(-1)?.message).toContain('"much"'));
  expect(events.map(({ message }) => /"a lot"|"much"/.exec(message)?.[0])).toEqual(['"a lot"', '"much"']);
});

test('a StorageClass of ours with wrong parameters is told on it, another driver’s is not', async () => {
  await start();
  const create = (name: string, provisioner: string) =>
    ours.client.create(
      STORAGE_CLASSES,
      { metadata: { name }, provisioner, parameters: { volumeType: 'LVM', bps: '10m' } },
      never,
    );
  await create('theirs', 'nfs.example');
  await create('slow', 'local.csi.aliyun.com');
  await eventually(() =>
    expect(events.filter(({ reason }) => reason === 'NotUnderstood')).toEqual([
      expect.objectContaining({
        subject: expect.objectContaining({ kind: 'StorageClass', name: 'slow' }),
        message: expect.stringContaining('bps: "10m" is not a whole number; did you mean 10M?'),
      }),
    ]),
  );
});

test('a StorageClass for nodes by a label that csi-provisioner does not know is told so', async () => {
  await start();
  const allowedTopologies = [{ matchLabelExpressions: [{ key: 'topology.kubernetes.io/zone', values: ['a'] }] }];
  const spec = { provisioner: 'local.csi.aliyun.com', parameters: { volumeType: 'LVM' }, allowedTopologies };
  await ours.client.create(STORAGE_CLASSES, { metadata: { name: 'zonal' }, ...spec }, never);
  await eventually(() =>
    expect(events.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^allowedTopologies has the key topology.kubernetes.io.zone.*no volume of this class/),
    ]),
  );
});

test('a StorageClass with a parameter for which csi-provisioner refuses every claim is told so', async () => {
  await start();
  const spec = { provisioner: 'local.csi.aliyun.com', parameters: { volumeType: 'LVM', [`${PARAM_FS_TYPE}:`]: 'xfs' } };
  await ours.client.create(STORAGE_CLASSES, { metadata: { name: 'colons' }, ...spec }, never);
  await eventually(() =>
    expect(events.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^csi-provisioner refuses every claim.*fstype:.*no volume of this class/),
    ]),
  );
});

test('a parameter of a StorageClass that nobody reads is told on it, once', async () => {
  await start();
  const secret = { [PARAM_STAGE_SECRET.name]: 'key', [PARAM_STAGE_SECRET.namespace]: 'keys' };
  const parameters = { volumeType: 'LVM', vgname: 'pool-0', fsType: 'xfs', ...secret };
  const spec = { provisioner: 'local.csi.aliyun.com', parameters };
  await ours.client.create(STORAGE_CLASSES, { metadata: { name: 'odd' }, ...spec }, never);
  await ours.client.create(
    STORAGE_CLASSES,
    { metadata: { name: 'later' }, ...spec, parameters: { ...parameters, colour: 'red' } },
    never,
  );
  await eventually(() => expect(events).toHaveLength(3));
  expect(events.map(({ subject, message }) => `${subject.name}: ${message.split(':')[0]}`)).toEqual([
    'odd: StorageClass parameter vgname is unknown and has no effect',
    'later: StorageClass parameter vgname is unknown and has no effect',
    'later: StorageClass parameter colour is unknown and has no effect',
  ]);
});

test('a config with another name than the flag’s changes nothing and is told so', async () => {
  await addNode('n1');
  await configure({ globalConfig: group('pool') });
  await configure({ globalConfig: group('other') }, 'another');
  await start();
  const another = (): InitConfig | undefined => ours.api.stored('nodelocalstorageinitconfigs', 'another');
  await eventually(() =>
    expect(another()?.status?.conditions).toMatchObject([{ type: 'Accepted', status: 'False', reason: 'NotUsed' }]),
  );
  const subject = expect.objectContaining({ kind: 'NodeLocalStorageInitConfig', name: 'another' });
  await eventually(() =>
    expect(events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'NotUsed', subject })),
  );
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
});

test('parts without effect are told, and the rest is applied', async () => {
  await addNode('n1');
  await configure({ globalConfig: { ...group('pool'), spdkConfig: { deviceType: 'aio' } } });
  await start();
  await eventually(() => expect(groupOf('n1')).toBe('pool'));
  await eventually(() => expect(condition()).toMatchObject({ status: 'True', reason: 'PartlyUsed' }));
  expect(condition()?.message).toContain('spdkConfig is not supported');
  expect(condition()?.message).toContain('volume group pool is made, but');
});
