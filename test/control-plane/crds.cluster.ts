import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { run } from '../../src/exec/run.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { INIT_CONFIGS, LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES, type Resource } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';
import { applyFolder } from './system/deployed.ts';
import { kubectl, serviceAccountKubeconfig } from './cluster/identities.ts';
import { CHECKOUT } from './cluster/program.ts';
import { layOutOldKinds, OLD_NODE, OLD_STATUS, oldObjects } from './old-kinds.ts';

const never = new AbortController().signal;
let cluster: Cluster;
let client: KubeClient;
/** Objects of open-local as they were under its own definitions. */
let before: readonly KubeObject[];
/** The same once ours were applied by the server, and what it said without --force-conflicts. */
let serverSide: readonly KubeObject[];
let unforced: string;
beforeAll(async () => {
  cluster = await startCluster();
  client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'test' });
  // A cluster that switches: the definitions of open-local are there before ours.
  const established = (): Promise<string> =>
    kubectl(cluster, 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  before = await layOutOldKinds(client, established);
  const applying = ['apply', '--server-side', '-k', path.join(CHECKOUT, 'crds')];
  unforced = await kubectl(cluster, ...applying).catch(String);
  await kubectl(cluster, ...applying, '--force-conflicts');
  serverSide = await oldObjects(client);
  await applyFolder(cluster, 'deploy');
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});

test('no field of open-local’s objects is lost by our definitions, by whichever apply they come', async () => {
  expect(unforced).toMatch(/conflict/i);
  expect(serverSide).toEqual(before);
  expect(await oldObjects(client)).toEqual(before);
  // Its agent writes its whole status over ours, as after the way back.
  const ours = { status: { conditions: [], knownGroups: [{ name: 'g', uuid: 'u' }] } };
  await client.patch(NODE_LOCAL_STORAGES, { name: OLD_NODE }, { type: 'merge', body: ours }, never, 'status');
  const whole = [{ op: 'replace', path: '/status', value: OLD_STATUS }];
  await client.patch(NODE_LOCAL_STORAGES, { name: OLD_NODE }, { type: 'json', body: whole }, never, 'status');
  expect(await oldObjects(client)).toEqual(before);
});

type Fields = Readonly<Record<string, unknown>>;
type Made = KubeObject & { spec?: Fields };

let count = 0;
const named = (fields: Fields): Made => ({ metadata: { name: `object-${(count += 1)}` }, ...fields });
const create = (resource: Resource, fields: Fields): Promise<KubeObject> =>
  client.create(resource, named(fields), never);

/** Outcome of a write: the object's own fields, or the server's words. */
const outcome = (written: Promise<KubeObject>): Promise<unknown> =>
  written.then(
    (object) => Object.fromEntries(Object.entries(object).filter(([name]) => name === 'spec' || name === 'status')),
    (error: unknown) => (error instanceof ApiError ? `${error.code} ${error.message}` : error),
  );
/** Matches a refusal by validation that names the field. */
const refused = (says: string): unknown =>
  expect.stringMatching(new RegExp(`^422 [^]*${says.replaceAll(/[[\].]/g, '\\$&')}`));

const LVM = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 4096, role: 'Volume' };
const DEVICE = { nodeName: 'n1', kind: 'Device', path: '/dev/sdc', sizeBytes: 4096, role: 'Volume' };
const FULL = {
  ...LVM,
  layout: 'linear',
  source: { snapshot: 's' },
  fsType: 'ext4',
  claim: { namespace: 'default', name: 'c', uid: 'u' },
  limits: { readBps: 1, writeBps: 1, readIops: 1, writeIops: 1 },
  request: { name: 'r', requiredBytes: 0, limitBytes: 0 },
};
const without = (spec: Fields, field: string): Fields =>
  Object.fromEntries(Object.entries(spec).filter(([name]) => name !== field));

test.each<[string, Fields]>([
  ['the least of an LVM volume', LVM],
  ['the least of a Device', DEVICE],
  ['all there is', FULL],
  ['a mount point', { ...DEVICE, kind: 'MountPoint', path: '/mnt/open-local/a' }],
])('a LocalVolume is accepted: %s', async (_, spec) => {
  await expect(create(LOCAL_VOLUMES, { spec })).resolves.toMatchObject({ spec });
});

test.each<[string, Fields | undefined, string]>([
  ['no spec', undefined, 'spec: Required'],
  ...(['nodeName', 'kind', 'sizeBytes', 'role'] as const).map((field): [string, Fields, string] => [
    `no ${field}`,
    without(LVM, field),
    `spec.${field}: Required`,
  ]),
  ['an empty nodeName', { ...LVM, nodeName: '' }, 'spec.nodeName'],
  ['a long nodeName', { ...LVM, nodeName: 'n'.repeat(254) }, 'spec.nodeName'],
  ['an unknown kind', { ...LVM, kind: 'Quota' }, 'spec.kind'],
  ['an unknown role', { ...LVM, role: 'Owner' }, 'spec.role'],
  ['an unknown layout', { ...LVM, layout: 'raid' }, 'spec.layout'],
  ['an empty vgName', { ...LVM, vgName: '' }, 'spec.vgName'],
  ['a long vgName', { ...LVM, vgName: 'v'.repeat(128) }, 'spec.vgName'],
  ['a vgName that is an option', { ...LVM, vgName: '-v' }, 'spec.vgName'],
  ['a relative path', { ...DEVICE, path: 'dev/sdc' }, 'spec.path'],
  ['an empty path', { ...DEVICE, path: '' }, 'spec.path'],
  ['a long path', { ...DEVICE, path: `/${'p'.repeat(256)}` }, 'spec.path'],
  ['no size', { ...LVM, sizeBytes: 0 }, 'spec.sizeBytes'],
  ['a long fsType', { ...LVM, fsType: 'x'.repeat(33) }, 'spec.fsType'],
  ['two sources', { ...LVM, source: { volume: 'a', snapshot: 'b' } }, 'a volume has one source'],
  ['a claim without a name', { ...LVM, claim: { namespace: 'default' } }, 'spec.claim.name: Required'],
  ['a claim without a namespace', { ...LVM, claim: { name: 'c' } }, 'spec.claim.namespace: Required'],
  ...(['readBps', 'writeBps', 'readIops', 'writeIops'] as const).map((field): [string, Fields, string] => [
    `a limit ${field} of nothing`,
    { ...LVM, limits: { [field]: 0 } },
    `spec.limits.${field}`,
  ]),
  ['a request without a name', { ...LVM, request: {} }, 'spec.request.name: Required'],
  ['a negative requirement', { ...LVM, request: { name: 'r', requiredBytes: -1 } }, 'spec.request.requiredBytes'],
  ['a negative limit', { ...LVM, request: { name: 'r', limitBytes: -1 } }, 'spec.request.limitBytes'],
  ['LVM with a path', { ...LVM, path: '/dev/sdc' }, 'an LVM volume names its vgName'],
  ['LVM without a group', without(LVM, 'vgName'), 'an LVM volume names its vgName'],
  ['a Device with a group', { ...DEVICE, vgName: 'pool-0' }, 'an LVM volume names its vgName'],
  ['a Device without a path', without(DEVICE, 'path'), 'an LVM volume names its vgName'],
])('a LocalVolume is refused: %s', async (_, spec, says) => {
  await expect(create(LOCAL_VOLUMES, spec ? { spec } : {})).rejects.toMatchObject({
    code: 422,
    message: expect.stringContaining(says),
  });
});

test.each<[string, Fields, Fields, string | undefined]>([
  ['grows', LVM, { sizeBytes: 8192 }, undefined],
  ['gets other limits', FULL, { limits: { readBps: 5, writeBps: 5, readIops: 5, writeIops: 5 } }, undefined],
  ['shrinks', LVM, { sizeBytes: 4095 }, 'sizeBytes may only grow, or be taken back'],
  ['moves', LVM, { nodeName: 'n2' }, 'nodeName, kind and role are immutable'],
  ['changes its role', LVM, { role: 'Snapshot' }, 'nodeName, kind and role are immutable'],
  ['changes its kind', DEVICE, { kind: 'MountPoint' }, 'nodeName, kind and role are immutable'],
  ['changes its group', LVM, { vgName: 'pool-1' }, 'vgName is immutable'],
  ['changes its path', DEVICE, { path: '/dev/sdd' }, 'path is immutable'],
  ['changes its layout', FULL, { layout: 'striped' }, 'layout is immutable'],
  ['gets a layout', LVM, { layout: 'striped' }, 'layout is immutable'],
  ['changes its fsType', FULL, { fsType: 'xfs' }, 'fsType is immutable'],
  ['loses its fsType', FULL, { fsType: null }, 'fsType is immutable'],
  ['changes its source', FULL, { source: { snapshot: 't' } }, 'source is immutable'],
  ['changes its claim', FULL, { claim: { name: 'd' } }, 'claim is immutable'],
  ['changes its request', FULL, { request: { requiredBytes: 1 } }, 'request is immutable'],
])('a LocalVolume that %s', async (_, spec, change, says) => {
  const { metadata } = await create(LOCAL_VOLUMES, { spec });
  const patched = client.patch(
    LOCAL_VOLUMES,
    { name: metadata.name ?? '' },
    { type: 'merge', body: { spec: change } },
    never,
  );
  expect(await outcome(patched)).toEqual(says === undefined ? { spec: { ...spec, ...change } } : refused(says));
});

test.each<[string, Fields, boolean]>([
  [
    'what an agent writes',
    { phase: 'Ready', sizeBytes: 4096, devicePath: '/dev/a/b', progress: 100, reason: 'R', message: 'm' },
    true,
  ],
  ['an unknown phase', { phase: 'Lost' }, false],
  ['a negative size', { sizeBytes: -1 }, false],
  ['progress above 100', { progress: 101 }, false],
  ['progress below 0', { progress: -1 }, false],
])('the status of a LocalVolume: %s', async (_, status, isGood) => {
  const { metadata } = await create(LOCAL_VOLUMES, { spec: LVM });
  const patched = client.patch(
    LOCAL_VOLUMES,
    { name: metadata.name ?? '' },
    { type: 'merge', body: { status } },
    never,
    'status',
  );
  expect(await outcome(patched)).toEqual(isGood ? { spec: LVM, status } : refused('status.'));
});

const many = Array.from({ length: 51 }, (_, i) => `x${i}`);
const GROUP = { name: 'pool-0', devices: ['/dev/sdb'] };
const POINT = { device: '/dev/sdc', path: '/mnt/open-local/a' };
/** Fields that globalConfig, an entry of nodesConfig and the spec of a NodeLocalStorage share. */
const CONFIGS: readonly (readonly [string, Fields, string | undefined])[] = [
  [
    'groups and mount points',
    { resourceToBeInited: { vgs: [GROUP], mountpoints: [{ ...POINT, fsType: 'ext4', options: ['noatime'] }] } },
    undefined,
  ],
  [
    'filters',
    {
      listConfig: { vgs: { include: ['a.*'], exclude: ['b'] }, devices: { include: [] }, mountPoints: { exclude: [] } },
    },
    undefined,
  ],
  ['spdk', { spdkConfig: { deviceType: '', rpcSocket: '/x' } }, undefined],
  ['too many filters', { listConfig: { vgs: { include: many } } }, 'listConfig.vgs.include'],
  ['too many exceptions', { listConfig: { devices: { exclude: many } } }, 'listConfig.devices.exclude'],
  [
    'too many groups',
    { resourceToBeInited: { vgs: many.map((name) => ({ ...GROUP, name })) } },
    'resourceToBeInited.vgs',
  ],
  ['too many devices', { resourceToBeInited: { vgs: [{ ...GROUP, devices: many }] } }, 'devices'],
  ['a group without a name', { resourceToBeInited: { vgs: [without(GROUP, 'name')] } }, 'name: Required'],
  ['a group without devices', { resourceToBeInited: { vgs: [without(GROUP, 'devices')] } }, 'devices: Required'],
  ['an empty name', { resourceToBeInited: { vgs: [{ ...GROUP, name: '' }] } }, 'vgs[0].name'],
  ['a long name', { resourceToBeInited: { vgs: [{ ...GROUP, name: 'n'.repeat(129) }] } }, 'vgs[0].name'],
  [
    'a relative mount path',
    { resourceToBeInited: { mountpoints: [{ ...POINT, path: 'mnt' }] } },
    'mountpoints[0].path',
  ],
  [
    'a relative device',
    { resourceToBeInited: { mountpoints: [{ ...POINT, device: 'sdc' }] } },
    'mountpoints[0].device',
  ],
  [
    'a mount point without a device',
    { resourceToBeInited: { mountpoints: [without(POINT, 'device')] } },
    'device: Required',
  ],
  ['a mount point without a path', { resourceToBeInited: { mountpoints: [without(POINT, 'path')] } }, 'path: Required'],
  [
    'too many mount points',
    { resourceToBeInited: { mountpoints: many.map((name) => ({ ...POINT, path: `/${name}` })) } },
    'mountpoints',
  ],
  ['a long spdk type', { spdkConfig: { deviceType: 'd'.repeat(9) } }, 'spdkConfig.deviceType'],
];
const PLACES: readonly (readonly [string, Resource, (config: Fields) => Fields])[] = [
  ['globalConfig', INIT_CONFIGS, (config) => ({ globalConfig: config })],
  ['nodesConfig', INIT_CONFIGS, (config) => ({ nodesConfig: [{ selector: { matchLabels: { a: 'b' } }, ...config }] })],
  ['NodeLocalStorage', NODE_LOCAL_STORAGES, (config) => ({ nodeName: 'n1', ...config })],
];
test.each(
  PLACES.flatMap(([place, resource, specOf]) =>
    CONFIGS.map(([what, config, says]) => [place, what, resource, specOf(config), says] as const),
  ),
)('in %s: %s', async (_place, _what, resource, spec, says) => {
  const created = create(resource, { spec });
  expect(await outcome(created)).toEqual(says === undefined ? { spec } : refused(says));
});

test('every object of deploy/ stands in the API server as it is written', async () => {
  const folder = path.join(CHECKOUT, 'deploy');
  const names = (await kubectl(cluster, 'get', '-k', folder, '-o', 'name')).trim().split('\n');
  expect(names.length).toBeGreaterThan(20);
  expect(await kubectl(cluster, 'diff', '-k', folder)).toBe('');
});

test('the examples are accepted with every field known', async () => {
  const file = path.join(CHECKOUT, 'examples/nlsc.yaml');
  const applied = await kubectl(cluster, 'apply', '--validate=strict', '-f', file);
  expect(applied).toContain('created');
  const [document] = parseAllDocuments(await readFile(file, 'utf8'));
  const { spec } = (document?.toJS() ?? {}) as { spec?: Fields };
  await expect(client.get(INIT_CONFIGS, { name: 'open-local' }, never)).resolves.toMatchObject({ spec });
});

test('kubectl shows room, refusals, sizes and limits as people read them', async () => {
  const told = async (resource: Resource, fields: Fields, status: Fields): Promise<string> => {
    const { metadata } = await create(resource, fields);
    const { name = '' } = metadata;
    await client.patch(resource, { name }, { type: 'merge', body: { status } }, never, 'status');
    return kubectl(cluster, 'get', resource.plural, name);
  };
  const summary = { total: '59.9Gi', free: '44.9Gi', refused: 2, faults: 'InUse,OnOfferedDisk' };
  expect(await told(NODE_LOCAL_STORAGES, { spec: {} }, { summary })).toMatch(
    /TOTAL +FREE +REFUSED +FAULTS .*\n.* 59\.9Gi +44\.9Gi +2 +InUse,OnOfferedDisk /,
  );
  const volume = { phase: 'Ready', progress: 40, summary: { size: '5Gi', limits: '50Mi/s, 1000 IO/s' } };
  expect(await told(LOCAL_VOLUMES, { spec: LVM }, volume)).toMatch(
    /SIZE +PHASE +PROGRESS +LIMITS .*ROLE .*\n.* 5Gi +Ready +40 +50Mi\/s, 1000 IO\/s +.*Volume /,
  );
  const at = { lastTransitionTime: '2026-01-01T00:00:00Z', message: 'one is', reason: 'Accepted' };
  const conditions = [{ type: 'Accepted', status: 'True', ...at }];
  expect(await told(INIT_CONFIGS, { spec: {} }, { conditions, nodes: { all: 9, refused: 1 } })).toMatch(
    /ACCEPTED +REASON +NODES +REFUSED +AGE\n.* True +Accepted +9 +1 /,
  );
});

describe("an agent's token", () => {
  const INLINE = { ...LVM, role: 'Ephemeral' };
  let agent: KubeClient;
  beforeAll(async () => {
    for (const name of ['n1', 'n2']) {
      await client.create(NODES, { metadata: { name } }, never);
      await client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, never);
    }
    agent = await agentOf('n1');
  });
  afterAll(() => agent?.close());

  const agentOf = async (node?: string): Promise<KubeClient> => {
    const access = await loadKubeconfig(await serviceAccountKubeconfig(cluster, 'open-local-agent', node), { run });
    return createKubeClient(access, { userAgent: 'agent' });
  };
  const nameOf = ({ metadata: { name = '' } }: KubeObject): string => name;
  const ownVolume = (spec: Fields = LVM): Promise<string> => create(LOCAL_VOLUMES, { spec }).then(nameOf);
  const othersVolume = (): Promise<string> => ownVolume({ ...LVM, nodeName: 'n2' });
  const patch = (resource: Resource, name: string, body: Fields, status?: 'status') =>
    agent.patch(resource, { name }, { type: 'merge', body }, never, status);
  const marked = { metadata: { annotations: { 'csi.aliyun.com/formatted': 'ext4' } } };

  test.each<[string, () => Promise<unknown>]>([
    ['reports its node', () => patch(NODE_LOCAL_STORAGES, 'n1', { status: { conditions: [] } }, 'status')],
    [
      'reports a volume of its node',
      async () => patch(LOCAL_VOLUMES, await ownVolume(), { status: { phase: 'Ready' } }, 'status'),
    ],
    ['marks a volume of its node', async () => patch(LOCAL_VOLUMES, await ownVolume(), marked)],
    ['marks its node', () => patch(NODE_LOCAL_STORAGES, 'n1', marked)],
    [
      'makes and removes an inline volume of its node',
      async () => {
        const { metadata } = await agent.create(LOCAL_VOLUMES, named({ spec: INLINE }), never);
        await agent.delete(LOCAL_VOLUMES, { name: metadata.name ?? '' }, never);
      },
    ],
  ])('%s', async (_, write) => {
    await expect(write()).resolves.not.toThrow();
  });

  const OTHERS = 'only objects of its own node';
  const INLINE_ONLY = 'inline volumes only';
  test.each<[string, string, () => Promise<unknown>]>([
    ['reports no other node', OTHERS, () => patch(NODE_LOCAL_STORAGES, 'n2', { status: { conditions: [] } }, 'status')],
    [
      'reports no volume of another node',
      OTHERS,
      async () => patch(LOCAL_VOLUMES, await othersVolume(), { status: { phase: 'Ready' } }, 'status'),
    ],
    ['marks no other node', OTHERS, () => patch(NODE_LOCAL_STORAGES, 'n2', marked)],
    [
      'changes nothing that its node is asked to have',
      'may not change what',
      () => patch(NODE_LOCAL_STORAGES, 'n1', { spec: { listConfig: {} } }),
    ],
    ['marks no volume of another node', OTHERS, async () => patch(LOCAL_VOLUMES, await othersVolume(), marked)],
    ['makes no volume for a claim', INLINE_ONLY, () => agent.create(LOCAL_VOLUMES, named({ spec: LVM }), never)],
    [
      'makes no inline volume on another node',
      OTHERS,
      () => agent.create(LOCAL_VOLUMES, named({ spec: { ...INLINE, nodeName: 'n2' } }), never),
    ],
    [
      'removes no volume of a claim',
      INLINE_ONLY,
      async () => agent.delete(LOCAL_VOLUMES, { name: await ownVolume() }, never),
    ],
    [
      'removes no inline volume of another node',
      OTHERS,
      async () => agent.delete(LOCAL_VOLUMES, { name: await ownVolume({ ...INLINE, nodeName: 'n2' }) }, never),
    ],
    [
      'asks nothing of itself',
      'what a volume or a node is asked to be',
      async () => patch(LOCAL_VOLUMES, await ownVolume(), { spec: { sizeBytes: 2 * LVM.sizeBytes } }),
    ],
  ])('%s', async (_, says, write) => {
    await expect(write()).rejects.toMatchObject({ message: expect.stringContaining(says) as string });
  });

  test('that is bound to no node writes nothing', async () => {
    const stray = await agentOf();
    try {
      const body = { status: { conditions: [] } };
      await expect(
        stray.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body }, never, 'status'),
      ).rejects.toMatchObject({ message: expect.stringContaining(OTHERS) as string });
      await expect(stray.create(LOCAL_VOLUMES, named({ spec: INLINE }), never)).rejects.toThrow(OTHERS);
    } finally {
      stray.close();
    }
  });
});
