import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../daemon/endpoint.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { silentLog } from '../../model/log.ts';
import { NO_TRACES } from '../../../test/rig/csi-controller.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createCsiClient, type CsiClient } from '../client.ts';
import { createControllers } from './controller.ts';
import type { WantedVolume } from './wanted-volume.ts';
import { FakeRoom, FakeVolumes } from './fake-volumes.ts';
import {
  ControllerExpandVolumeRequest,
  ControllerGetCapabilitiesRequest,
  CreateVolumeRequest,
  DeleteVolumeRequest,
  GetCapacityRequest,
  GetPluginCapabilitiesRequest,
  GetPluginInfoRequest,
  ProbeRequest,
  ValidateVolumeCapabilitiesRequest,
  VolumeCapability_AccessMode_Mode as Mode,
} from '../gen/csi.ts';
import { createIdentity } from '../identity.ts';
import type { Trace } from '../ports.ts';
import { createCsiServer } from '../server.ts';
import { Code } from '../status.ts';

const never = new AbortController().signal;
const EXTENT = bytes(4 * MIB);
let folder: string;
let client: CsiClient;
let stop: () => Promise<void>;
let volumes: FakeVolumes;
let room: FakeRoom;
let problem: string | undefined;
let trace: Trace;
/** Other PersistentVolumes of the volume that is deleted. */
let others: readonly string[];
let waitForAgentMs: number;
/** Nodes whose agents have stopped reporting. */
let silent: readonly string[];
/** Why nobody would have what is asked for. */
let notWanted: string | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'open-local-controller-'));
  volumes = new FakeVolumes();
  room = new FakeRoom({ n1: bytes(10 * GIB), n2: bytes(4 * GIB) }, EXTENT);
  problem = undefined;
  trace = { kind: 'none' };
  others = [];
  waitForAgentMs = 10_000;
  silent = [];
  notWanted = undefined;
  const endpoint: Endpoint = { kind: 'unix', path: path.join(folder, 'csi.sock') };
  const deps = {
    volumes,
    room,
    claimUid: ({ claim }: Pick<WantedVolume, 'claim'>) => (claim?.name === 'data' ? 'uid-1' : undefined),
    whyNotWanted: async () => notWanted,
    get waitForAgentMs() {
      return waitForAgentMs;
    },
    sources: new KeyedMutex(),
    notReady: () => problem,
    storage: { troublesOf: () => undefined, isSilent: (node: string) => silent.includes(node) },
    traces: { ...NO_TRACES, traceOf: async () => trace, keptBy: () => others },
    topology: { nodesAt: (host: string) => [host.replace(/^host-/, '')], hostnameOf: (node: string) => `host-${node}` },
  };
  const server = createCsiServer({
    name: 'csi controller',
    endpoint,
    services: [
      createIdentity({
        driverName: 'local.csi.aliyun.com',
        version: '1.2.3',
        ready: () => problem === undefined,
      }),
      ...createControllers(deps),
    ],
    log: silentLog,
  });
  await server.start(never);
  client = createCsiClient(endpoint, 20_000);
  stop = () => server.stop();
});
afterEach(async () => {
  client.close();
  await stop();
  await rm(folder, { recursive: true, force: true });
});

const MOUNT = { accessType: { $case: 'mount' as const, value: {} }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } };
const SHARED = { ...MOUNT, accessMode: { mode: Mode.MULTI_NODE_MULTI_WRITER } };
const on = (...names: string[]) => ({
  requisite: names.map((name) => ({ segments: { 'kubernetes.io/hostname': `host-${name}` } })),
});

type Own = Parameters<typeof CreateVolumeRequest.fromPartial>[0];

async function create(name: string, size: number, own: Own = {}) {
  const request = CreateVolumeRequest.fromPartial({
    name,
    capacityRange: { requiredBytes: BigInt(size) },
    volumeCapabilities: [MOUNT],
    parameters: { volumeType: 'LVM' },
    ...own,
  });
  const { volume } = await client.controller.createVolume(request, never);
  return volume;
}

const remove = (volumeId: string) =>
  client.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId }), never);

const expand = (volumeId: string, requiredBytes: number, limitBytes = 0) =>
  client.controller.controllerExpandVolume(
    ControllerExpandVolumeRequest.fromPartial({
      volumeId,
      capacityRange: { requiredBytes: BigInt(requiredBytes), limitBytes: BigInt(limitBytes) },
    }),
    never,
  );

const validate = (volumeId: string, volumeCapabilities: object[] = [MOUNT]) =>
  client.controller.validateVolumeCapabilities(
    ValidateVolumeCapabilitiesRequest.fromPartial({ volumeId, volumeCapabilities }),
    never,
  );

test('the driver says who it is, what it can, and whether it is ready', async () => {
  const info = await client.identity.getPluginInfo(GetPluginInfoRequest.create(), never);
  expect(info).toEqual({ name: 'local.csi.aliyun.com', vendorVersion: '1.2.3', manifest: {} });
  const plugin = await client.identity.getPluginCapabilities(GetPluginCapabilitiesRequest.create(), never);
  expect(plugin.capabilities.map(({ type }) => type)).toEqual([
    { $case: 'service', value: { type: 1 } },
    { $case: 'service', value: { type: 2 } },
    { $case: 'service', value: { type: 3 } },
    { $case: 'service', value: { type: 5 } },
    { $case: 'volumeExpansion', value: { type: 1 } },
  ]);
  const own = await client.controller.controllerGetCapabilities(ControllerGetCapabilitiesRequest.create(), never);
  expect(own.capabilities.map(({ type }) => type?.value.type)).toEqual([
    1, 9, 4, 13, 14, 3, 12, 11, 16, 17, 5, 6, 15, 7,
  ]);
  expect(await client.identity.probe(ProbeRequest.create(), never)).toEqual({ ready: true });
  problem = 'pods are not listed yet';
  expect(await client.identity.probe(ProbeRequest.create(), never)).toEqual({ ready: false });
});

test('until the operator knows the cluster, calls are answered UNAVAILABLE with the reason', async () => {
  problem = 'pods are not listed yet';
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.UNAVAILABLE, details: problem });
  await expect(remove('v')).rejects.toMatchObject({ code: Code.UNAVAILABLE });
});

test('a volume is made where it is asked for, recorded as asked, and its reply says where it is', async () => {
  const volume = await create('pvc-1', GIB + 1, {
    accessibilityRequirements: on('n2'),
    parameters: {
      volumeType: 'LVM',
      iops: '500',
      'csi.storage.k8s.io/pvc/name': 'data',
      'csi.storage.k8s.io/pvc/namespace': 'web',
    },
  });
  expect(volume).toMatchObject({
    volumeId: 'pvc-1',
    capacityBytes: BigInt(GIB + EXTENT),
    volumeContext: { volumeType: 'LVM', vgName: 'pool-0', iops: '500' },
    accessibleTopology: [{ segments: { 'kubernetes.io/hostname': 'host-n2' } }],
  });
  expect(volumes.objects.get('pvc-1')).toMatchObject({
    metadata: {
      name: 'pvc-1',
      labels: { 'csi.aliyun.com/node': 'n2' },
      finalizers: ['csi.aliyun.com/volume-on-node'],
    },
    spec: {
      nodeName: 'n2',
      kind: 'LVM',
      vgName: 'pool-0',
      sizeBytes: GIB + EXTENT,
      layout: 'linear',
      role: 'Volume',
      claim: { namespace: 'web', name: 'data', uid: 'uid-1' },
      limits: { readIops: 500, writeIops: 500 },
      request: { name: 'pvc-1', requiredBytes: GIB + 1 },
    },
  });
  expect(room.asked[0]).toMatchObject({ name: 'pvc-1', claimUid: 'uid-1', nodes: ['n2'] });
});

test('without topology, claim metadata and size, a node is chosen', async () => {
  const volume = await create('v', 0, { capacityRange: undefined });
  expect(volume?.capacityBytes).toBe(BigInt(GIB));
  expect(volume?.accessibleTopology).toEqual([{ segments: { 'kubernetes.io/hostname': 'host-n1' } }]);
});

test('a name that cannot be an id is kept, and found again by it', async () => {
  const name = 'Sanity_'.repeat(18);
  const volume = await create(name, GIB);
  expect(volume?.volumeId).toMatch(/^local-/);
  expect((await create(name, GIB))?.volumeId).toBe(volume?.volumeId);
  expect(volumes.objects.size).toBe(1);
});

test.each([
  ['no name', { name: '' }, 'name is missing'],
  ['no capabilities', { volumeCapabilities: [] }, 'volume_capabilities is missing'],
  ['zero bytes', { capacityRange: { requiredBytes: 0n } }, 'zero bytes'],
  [
    'a limit below the size',
    { capacityRange: { requiredBytes: 9n, limitBytes: 5n } },
    'limit_bytes 5 is below required_bytes 9',
  ],
  ['an unknown volumeType', { parameters: { volumeType: 'Quota' } }, '"Quota" is unknown: use LVM, Device, MountPoint'],
])('a volume with %s is INVALID_ARGUMENT, takes nothing, and harms nobody', async (_, own, details) => {
  const failure = { code: Code.INVALID_ARGUMENT, details: expect.stringContaining(details) };
  await expect(create('v', GIB, own)).rejects.toMatchObject(failure);
  expect([room.taken.size, volumes.objects.size]).toEqual([0, 0]);
  expect((await create('v', GIB))?.volumeId).toBe('v');
});

test('the same call again returns the same volume and takes nothing more, also when the group is full now', async () => {
  await create('v', 10 * GIB, { accessibilityRequirements: on('n1') });
  expect(room.free('n1')).toBe(0);
  const again = await create('v', 10 * GIB, { accessibilityRequirements: on('n1') });
  expect(again?.volumeId).toBe('v');
  expect(room.asked).toHaveLength(1);
});

test('the same call again is the same with a filesystem too; another filesystem is ALREADY_EXISTS', async () => {
  const as = (fsType: string): Own => ({
    volumeCapabilities: [{ ...MOUNT, accessType: { $case: 'mount', value: { fsType } } }],
  });
  await create('v', GIB, as('xfs'));
  expect((await create('v', GIB, as('xfs')))?.volumeId).toBe('v');
  await expect(create('v', GIB, as('ext4'))).rejects.toMatchObject({
    code: Code.ALREADY_EXISTS,
    details: expect.stringContaining('another fs_type: xfs, not ext4'),
  });
});

test('two calls at once for one name are taken one after the other, and make one volume', async () => {
  const gate = Promise.withResolvers<void>();
  volumes.pause = gate.promise;
  const calls = Promise.all([create('v', GIB), create('v', GIB)]);
  await client.identity.probe(ProbeRequest.create(), never); // comes after both on the same connection
  expect(volumes.creates).toBe(1);
  gate.resolve();
  const [a, b] = await calls;
  expect(a).toEqual(b);
  expect(room.asked).toHaveLength(1);
});

test('a volume that another process made unheard is ABORTED, and found by the next call in the room that it has', async () => {
  await create('v', GIB, { accessibilityRequirements: on('n1') });
  volumes.unheard.add('v');
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  expect((await create('v', GIB))?.volumeId).toBe('v');
  expect(room.taken.get('v')).toMatchObject({ node: 'n1' });
});

test.each([
  ['another size', { capacityRange: { requiredBytes: BigInt(2 * GIB) } }, 'required_bytes'],
  ['another limit', { capacityRange: { requiredBytes: BigInt(GIB), limitBytes: BigInt(2 * GIB) } }, 'limit_bytes'],
  ['another kind', { parameters: { volumeType: 'Device' } }, 'volumeType'],
  ['another group', { parameters: { volumeType: 'LVM', vgName: 'pool-1' } }, 'vgName'],
  ['another layout', { parameters: { volumeType: 'LVM', lvmType: 'striping' } }, 'lvmType'],
  ['another node', { accessibilityRequirements: on('n2') }, 'n1'],
])('the same name with %s is ALREADY_EXISTS, naming it', async (_, own, word) => {
  await create('v', GIB);
  const failure = create('v', GIB, own);
  await expect(failure).rejects.toMatchObject({ code: Code.ALREADY_EXISTS, details: expect.stringContaining(word) });
});

describe('a volume that was never whole, and is asked for in other words', () => {
  const FIRST = { volumeType: 'LVM', lvmType: 'striping' };
  const fails = (volume: LocalVolume): void => volumes.fail(volume, 'VolumeInvalid', 'no luck');

  test.each<[string, Own, string, object]>([
    ['its class has another layout', { parameters: { volumeType: 'LVM' } }, 'another lvmType', { layout: 'linear' }],
    ['its class has a limit', { parameters: { ...FIRST, iops: '50' } }, 'another limit', { limits: { readIops: 50 } }],
    ['its attributes changed', { mutableParameters: { iops: '50' } }, 'another limit', { limits: { readIops: 50 } }],
    ['its class has options for mkfs', { parameters: { ...FIRST, mkfsOptions: '-m 1' } }, 'other StorageClass', {}],
  ])('is begun anew: %s', async (_, own, why, spec) => {
    volumes.agent = fails;
    await expect(create('v', GIB, { parameters: FIRST })).rejects.toMatchObject({ code: Code.ABORTED });
    await expect(create('v', GIB, { parameters: FIRST, ...own })).rejects.toMatchObject({
      code: Code.ABORTED,
      details: expect.stringContaining(`volume v is begun anew with the next call: volume v exists with ${why}`),
    });
    expect(volumes.objects.size).toBe(0);
    volumes.agent = (volume) => volumes.obey(volume);
    await create('v', GIB, { parameters: FIRST, ...own });
    expect(volumes.objects.get('v')?.spec).toMatchObject(spec);
  });

  test.each<[string, (volume: LocalVolume) => LocalVolume]>([
    ['is from before its record', (volume) => ({ ...volume, spec: { ...volume.spec, adopted: true } })],
    ['is a snapshot', (volume) => ({ ...volume, spec: { ...volume.spec, role: 'Snapshot' } })],
    ['has another name', (volume) => ({ ...volume, spec: { ...volume.spec, request: { name: 'w' } } })],
    ['was whole', (volume) => ({ ...volume, status: { ...volume.status, sizeBytes: GIB } })],
    ['was not looked at yet', ({ metadata, spec }) => ({ metadata, spec })],
  ])('stays when it %s', async (_, as) => {
    volumes.agent = fails;
    await expect(create('v', GIB, { parameters: FIRST })).rejects.toMatchObject({ code: Code.ABORTED });
    volumes.objects.set('v', as(volumes.objects.get('v')!));
    await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
    expect(volumes.objects.size).toBe(1);
  });
});

test('no room is RESOURCE_EXHAUSTED, with the reason, and takes nothing', async () => {
  const failure = create('v', 5 * GIB, { accessibilityRequirements: on('n2') });
  await expect(failure).rejects.toMatchObject({
    code: Code.RESOURCE_EXHAUSTED,
    details: 'on node n2: not enough room for 5 GiB',
  });
  expect(room.free('n2')).toBe(4 * GIB);
  // Where several nodes were asked, none is named.
  for (const own of [{}, { accessibilityRequirements: on('n1', 'n2') }])
    await expect(create('v', 50 * GIB, own)).rejects.toMatchObject({ details: 'not enough room for 50 GiB' });
});

test('a size that extents push above the limit is OUT_OF_RANGE, and takes nothing', async () => {
  const own = { capacityRange: { requiredBytes: BigInt(GIB + 1), limitBytes: BigInt(GIB + 2) } };
  await expect(create('v', 0, own)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
  expect(room.taken.size).toBe(0);
  const exact = { capacityRange: { requiredBytes: BigInt(GIB), limitBytes: BigInt(GIB) } };
  expect((await create('v', 0, exact))?.capacityBytes).toBe(BigInt(GIB));
});

test('an object that was not made gives the room back; one that perhaps was keeps it', async () => {
  volumes.failCreate = { made: false, fault: new Fault('unavailable', 'forbidden') };
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  expect(room.taken.size).toBe(0);

  volumes.failCreate = { made: true, fault: new Fault('aborted', 'no answer came') };
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  expect(room.taken.size).toBe(1);
  expect((await create('v', GIB))?.volumeId).toBe('v');
});

test('a volume that its node has not begun is let go of once the agent there is silent, and made elsewhere', async () => {
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  silent = ['n2'];
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  silent = ['n1'];
  await expect(create('v', GIB)).rejects.toMatchObject({
    code: Code.RESOURCE_EXHAUSTED,
    details: expect.stringMatching(
      /^node n1 has not made the volume, and its agent has stopped reporting: see the log/,
    ),
  });
  expect(volumes.objects.size).toBe(0);
});

test.each([
  ['was Ready', { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/x/v' }],
  ['has its logical volume', { phase: 'Pending', volumeUuid: 'u-1' }],
] as const)('a volume that %s stays on its node, however long the agent is silent', async (_, status) => {
  waitForAgentMs = 20;
  volumes.agent = (volume) => void (volume.status = status);
  await create('v', GIB).catch(() => {});
  silent = ['n1'];
  await create('v', GIB).catch(() => {});
  expect(volumes.objects.get('v')?.metadata.deletionTimestamp).toBeUndefined();
});

test('a node that is slow is ABORTED; the next call finds the volume', async () => {
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(create('v', GIB)).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('node n1 has not made it yet'),
  });
  waitForAgentMs = 10_000;
  const second = create('v', GIB);
  const object = volumes.objects.get('v');
  if (object) volumes.obey(object);
  expect((await second)?.volumeId).toBe('v');
  expect(room.asked).toHaveLength(1);
});

test('what nobody would have is not begun, with a code that ends the asking; what is there is found', async () => {
  notWanted = 'claim shop/data is gone';
  await expect(create('v', GIB)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: 'claim shop/data is gone: no volume v is made',
  });
  expect(volumes.objects.size).toBe(0);
  expect(room.free('n1')).toBe(10 * GIB);
  notWanted = undefined;
  const made = await create('v', GIB);
  notWanted = 'claim shop/data is gone';
  expect(await create('v', GIB)).toEqual(made);
});

test('a node without the room that was believed to be there gives it back: nothing is left, RESOURCE_EXHAUSTED', async () => {
  volumes.agent = (volume) => volumes.noSpace(volume);
  await expect(create('v', GIB)).rejects.toMatchObject({
    code: Code.RESOURCE_EXHAUSTED,
    details: expect.stringContaining('the group is full'),
  });
  expect(volumes.objects.size).toBe(0);
  expect(room.refusals, 'and is remembered').toEqual([{ name: 'v', whole: false }]);
});

test.each([
  ['GroupForeign', true],
  ['GroupMissing', true],
  ['GroupFaulty', true],
  ['LvmFailed', false],
  ['FromANewerAgent' as 'NoSpace', false],
] as const)(
  'a node that can never make it (%s) is not asked for ever: RESOURCE_EXHAUSTED, and its whole group is refused: %s',
  async (reason, whole) => {
    volumes.agent = (volume) => volumes.fail(volume, reason, 'the group belongs to another machine');
    await expect(create('v', GIB)).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('the group belongs to another machine'),
    });
    expect(volumes.objects.size).toBe(0);
    expect(room.refusals).toEqual([{ name: 'v', whole }]);
  },
);

test('a volume that was ready once is never taken elsewhere, whatever became of its group', async () => {
  volumes.agent = (volume) => {
    volume.status = { phase: 'Failed', sizeBytes: GIB, reason: 'GroupForeign', message: 'the disks moved' };
    volumes.changed();
  };
  waitForAgentMs = 20;
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  expect(volumes.objects.get('v')?.metadata.deletionTimestamp).toBeUndefined();
});

test('a volume that is deleted while it is made is ABORTED at once, though its node still has it', async () => {
  volumes.agent = () => {};
  const call = create('v', GIB);
  await expect.poll(() => volumes.waiting).toBe(1);
  await volumes.remove('v');
  volumes.changed();
  await expect(call).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('was deleted while it was being made'),
  });
});

test('a record that cannot be taken back keeps its room: the call fails with what the API server said', async () => {
  volumes.agent = (volume) => volumes.noSpace(volume);
  volumes.failRemove = new Fault('unavailable', 'the API server is away');
  await expect(create('v', GIB)).rejects.toMatchObject({ code: Code.UNAVAILABLE, details: 'the API server is away' });
});

test.each([
  ['no node would take', 'VolumeInvalid'],
  ['fails without a reason', undefined],
] as const)(
  'a volume that %s is not carried from one to the next: ABORTED with what the node says',
  async (_, reason) => {
    volumes.agent = (volume) => {
      volume.status = { phase: 'Failed', message: 'lvcreate exited with 3', ...(reason && { reason }) };
      volumes.changed();
    };
    await expect(create('v', GIB)).rejects.toMatchObject({
      code: Code.ABORTED,
      details: 'volume v: node n1 says: lvcreate exited with 3',
    });
    expect(volumes.objects.get('v')?.metadata.deletionTimestamp).toBeUndefined();
  },
);

test('deleting waits until the node has removed the volume', async () => {
  await create('v', GIB);
  volumes.agent = () => {};
  const deletion = remove('v');
  let over = false;
  void deletion.then(() => (over = true));
  await expect.poll(() => volumes.objects.get('v')?.metadata.deletionTimestamp).toBeDefined();
  expect(over).toBe(false);
  const object = volumes.objects.get('v');
  if (object) volumes.obey(object);
  expect(await deletion).toEqual({});
  expect(await remove('v')).toEqual({}); // again
});

test('a node that cannot remove the volume is ABORTED with what it says', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = (volume) => {
    volume.status = { ...volume.status, phase: 'Deleting', message: 'the volume is mounted' };
  };
  await expect(remove('v')).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('the volume is mounted'),
  });
});

test('deleting what never was is done; without an id it is INVALID_ARGUMENT', async () => {
  expect(await remove('Any/thing at all')).toEqual({});
  await expect(remove('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
});

describe('deleting what may still be there', () => {
  test.each([
    ['Ephemeral', /inline volume on node n1: it goes with its pod/],
    ['Snapshot', /a snapshot on node n1/],
  ] as const)('refuses a record of role %s, and leaves it alone', async (role, details) => {
    await create('v', GIB);
    const object = volumes.objects.get('v');
    if (object) object.spec.role = role;
    await expect(remove('v')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringMatching(details),
    });
    expect(volumes.objects.get('v')?.metadata.deletionTimestamp).toBeUndefined();
  });

  test('leaves the data alone while another PersistentVolume has it, and says which', async () => {
    await create('v', GIB);
    others = ['by-hand'];
    await expect(remove('v')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringMatching(/PersistentVolume by-hand has it too.*Retain/),
    });
    expect(volumes.objects.get('v')?.metadata.deletionTimestamp).toBeUndefined();
    others = ['by-hand', 'restored'];
    await expect(remove('v')).rejects.toMatchObject({
      details: expect.stringContaining('PersistentVolumes by-hand, restored have it too'),
    });
    others = [];
    expect(await remove('v')).toEqual({});
  });

  test('makes the lost record of a logical volume anew, and removes it once the agent calls it ours', async () => {
    trace = { kind: 'found', node: 'n2', vgName: 'pool-0' };
    const told: string[] = [];
    volumes.agent = (volume) => {
      const { metadata, spec } = volume;
      told.push(
        metadata.deletionTimestamp === undefined ? `${spec.nodeName}/${spec.vgName}/${metadata.name}` : 'removed',
      );
      expect(spec).toMatchObject({ sizeBytes: 1, role: 'Volume' }); // never larger than what is there
      expect(metadata.finalizers).toEqual([VOLUME_FINALIZER]);
      volumes.obey(volume);
    };
    expect(await remove('v')).toEqual({});
    expect(told).toEqual(['n2/pool-0/v', 'removed']);
  });

  test('makes the lost record of a mount point anew, and calls it removed only when the agent found it empty', async () => {
    trace = { kind: 'found', node: 'n2', path: '/mnt/open-local/a' };
    const told: unknown[] = [];
    volumes.agent = (volume) => {
      told.push([
        volume.spec.kind,
        volume.spec.path,
        volume.spec.nodeName,
        volume.metadata.deletionTimestamp !== undefined,
      ]);
      volumes.obey(volume);
    };
    expect(await remove('v')).toEqual({});
    expect(told).toEqual([false, true].map((isLeaving) => ['MountPoint', '/mnt/open-local/a', 'n2', isLeaving]));
    volumes.agent = (volume) => volumes.fail(volume, 'NotBlank', '/mnt/open-local/a holds 3 files and folders.');
    await expect(remove('v')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringMatching(/cannot remove it: .*holds 3 files and folders.*Retain/),
    });
    expect(volumes.objects.size).toBe(0);
  });

  test('says what the agent says of a logical volume that is not ours, and takes the record back', async () => {
    trace = { kind: 'found', node: 'n2', vgName: 'pool-0' };
    volumes.agent = (volume) => volumes.fail(volume, 'NotOurs', 'pool-0/v was not made by open-local.');
    await expect(remove('v')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringMatching(/node n2 cannot remove it: pool-0\/v was not made.*Retain/),
    });
    expect(volumes.objects.size).toBe(0);
  });

  test('is not done when somebody deletes the record that was made for it', async () => {
    trace = { kind: 'found', node: 'n2', vgName: 'pool-0' };
    volumes.agent = (volume) => {
      volumes.objects.delete(volume.metadata.name ?? '');
      volumes.changed();
    };
    await expect(remove('v')).rejects.toMatchObject({
      code: Code.ABORTED,
      details: 'volume v has no LocalVolume any more; the one made for its removal was deleted',
    });
  });

  test('is not done while the agent does not look for it', async () => {
    trace = { kind: 'found', node: 'n2', vgName: 'pool-0' };
    waitForAgentMs = 20;
    volumes.agent = () => {};
    await expect(remove('v')).rejects.toMatchObject({ code: Code.ABORTED });
    expect(volumes.objects.has('v')).toBe(true); // the next call finds it
  });

  test.each([
    ['unknown', Code.UNAVAILABLE],
    ['doubtful', Code.FAILED_PRECONDITION],
  ] as const)('is refused when the trace is %s, with what to do', async (kind, code) => {
    trace = { kind, what: 'node n2 keeps its mouth shut.' };
    await expect(remove('v')).rejects.toMatchObject({
      code,
      details: expect.stringMatching(/volume v .*node n2 keeps its mouth shut\. .*Retain/),
    });
    expect(volumes.creates).toBe(0);
  });
});

test('a name may be used again while its old volume is being removed: the new one comes after', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(remove('v')).rejects.toMatchObject({ code: Code.ABORTED });
  waitForAgentMs = 10_000;
  const second = create('v', 2 * GIB);
  await expect.poll(() => volumes.waiting).toBe(1);
  volumes.agent = (volume) => volumes.obey(volume);
  const old = volumes.objects.get('v');
  room.unplace('v'); // the ledger hears of the deletion
  if (old) volumes.obey(old);
  expect((await second)?.capacityBytes).toBe(BigInt(2 * GIB));
});

test('a volume grows by whole extents, and is not grown twice', async () => {
  await create('v', GIB);
  const grown = { capacityBytes: BigInt(2 * GIB), nodeExpansionRequired: true };
  expect(await expand('v', 2 * GIB - 1)).toEqual(grown);
  expect(await expand('v', 2 * GIB - 1)).toEqual(grown);
  expect(await expand('v', GIB)).toEqual(grown);
  expect(room.free('n1')).toBe(8 * GIB);
});

test.each([
  ['a raw device', { $case: 'block', value: {} }, undefined, false],
  ['a raw device that is encrypted', { $case: 'block', value: {} }, 'luks2', true],
  ['a filesystem', { $case: 'mount', value: {} }, undefined, true],
  ['what nobody says', undefined, undefined, true],
] as const)('growth of %s has something to do on its node: %o, %s, %s', async (_, accessType, encryption, isNeeded) => {
  await create('v', GIB);
  Object.assign(volumes.objects.get('v')?.spec ?? {}, { encryption });
  const volumeCapability = accessType && { accessType, accessMode: { mode: Mode.SINGLE_NODE_WRITER } };
  const asked = { volumeId: 'v', capacityRange: { requiredBytes: BigInt(2 * GIB) }, volumeCapability };
  const request = ControllerExpandVolumeRequest.fromPartial(asked);
  const { nodeExpansionRequired } = await client.controller.controllerExpandVolume(request, never);
  expect(nodeExpansionRequired).toBe(isNeeded);
});

test('a volume that has a whole disk stays as it is, and cannot have more than the disk', async () => {
  await create('v', GIB);
  const object = volumes.objects.get('v');
  if (object) object.spec.kind = 'Device';
  expect((await expand('v', GIB)).capacityBytes).toBe(BigInt(GIB));
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
});

test('a volume that has snapshots grows when they are gone, and takes no room for it before', async () => {
  await create('v', GIB);
  const own = volumes.objects.get('v');
  if (!own) throw new Error('v was not made');
  const spec = { ...own.spec, role: 'Snapshot', source: { volume: 'v' }, restore: 'Mount' } as const;
  volumes.objects.set('s', { ...own, metadata: { ...own.metadata, name: 's' }, spec });
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringMatching(/has snapshots \(s\)/) as string,
  });
  const { restore: _, ...clones } = spec;
  volumes.objects.set('s', { ...own, metadata: { ...own.metadata, name: 's' }, spec: clones });
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  expect((await expand('v', GIB)).capacityBytes).toBe(BigInt(GIB));
  expect(room.free('n1')).toBe(9 * GIB);
  volumes.objects.delete('s');
  expect((await expand('v', 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
});

test('growth that is recorded is waited for, also when a snapshot was taken since', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  const { metadata, spec } = volumes.objects.get('v') as LocalVolume;
  volumes.objects.set('s', {
    metadata: { ...metadata, name: 's' },
    spec: { ...spec, role: 'Snapshot', source: { volume: 'v' }, restore: 'Mount' },
  });
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('node n1 has not grown it yet') as string,
  });
});

test('a clone that is not made yet keeps its source from growing once it has a snapshot of it', async () => {
  await create('v', GIB);
  const { metadata, spec } = volumes.objects.get('v') as LocalVolume;
  volumes.objects.set('c', { metadata: { ...metadata, name: 'c' }, spec: { ...spec, source: { volume: 'v' } } });
  expect((await expand('v', 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
});

test('a mounted snapshot does not grow', async () => {
  await create('v', GIB);
  const object = volumes.objects.get('v') as LocalVolume;
  object.spec.readOnly = true;
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: 'volume v is a snapshot, mounted read-only: it cannot grow',
  });
});

test('a volume that is larger than its claim may have is refused', async () => {
  await create('v', 2 * GIB);
  await expect(expand('v', GIB, GIB)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
});

test('no room to grow says how much, with the code by which csi-resizer takes a smaller size', async () => {
  await create('v', GIB, { accessibilityRequirements: on('n2') });
  await expect(expand('v', 6 * GIB)).rejects.toMatchObject({
    code: Code.OUT_OF_RANGE,
    details: 'volume v cannot grow to 6 GiB: not enough room for 5 GiB more',
  });
  expect(volumes.objects.get('v')?.spec.sizeBytes).toBe(GIB);
  expect((await expand('v', 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
});

test('growth that the node has no room for after all is taken back, and less can be asked for', async () => {
  await create('v', GIB);
  volumes.agent = (volume) => {
    if (volume.spec.sizeBytes > 2 * GIB) volumes.noSpace(volume);
    else volumes.obey(volume);
  };
  await expect(expand('v', 3 * GIB)).rejects.toMatchObject({
    code: Code.OUT_OF_RANGE,
    details: 'node n1 could not grow volume v to 3 GiB: the group is full',
  });
  expect(volumes.objects.get('v')?.spec.sizeBytes).toBe(GIB);
  expect(room.free('n1')).toBe(9 * GIB);
  expect((await expand('v', 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
});

test('a smaller growth is not refused for what the node said of the larger one, which it has not taken back yet', async () => {
  await create('v', GIB);
  volumes.agent = (volume) => {
    if (volume.spec.sizeBytes === 3 * GIB) volumes.noSpace(volume);
  };
  await expect(expand('v', 3 * GIB)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
  expect(volumes.objects.get('v')?.status?.reason).toBe('NoSpace');
  const smaller = expand('v', 2 * GIB);
  await expect.poll(() => [volumes.grows.at(-1), volumes.waiting]).toEqual([2 * GIB, 1]);
  volumes.obey(volumes.objects.get('v') as LocalVolume);
  expect((await smaller).capacityBytes).toBe(BigInt(2 * GIB));
});

test.each([
  ['invalid', /the group is full; sizeBytes may only grow\. A definition .* apply crds. of this version/],
  ['precondition', /the group is full; sizeBytes may only grow$/],
] as const)('growth that cannot be taken back says so, and counts as under way: %s', async (kind, details) => {
  await create('v', GIB);
  volumes.agent = (volume) => volumes.noSpace(volume);
  volumes.failTakeBack = new Fault(kind, 'sizeBytes may only grow');
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({
    code: Code.RESOURCE_EXHAUSTED,
    details: expect.stringMatching(details),
  });
  expect(room.free('n1')).toBe(8 * GIB);
});

test('growth that takes long is ABORTED, and the next call finds it done', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  const object = volumes.objects.get('v');
  if (object) volumes.obey(object);
  expect((await expand('v', 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
  expect(room.free('n1')).toBe(8 * GIB);
});

test('growth that is recorded and under way is not asked for again', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = () => {};
  for (let call = 0; call < 2; call += 1)
    await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  expect(volumes.grows).toEqual([2 * GIB]);
});

test('growth that could not be recorded gives the room back; growth that perhaps was keeps it', async () => {
  await create('v', GIB);
  volumes.failGrow = new Fault('unavailable', 'forbidden');
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  expect(room.free('n1')).toBe(9 * GIB);
  volumes.failGrow = new Fault('aborted', 'no answer came');
  await expect(expand('v', 2 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  expect(room.free('n1')).toBe(8 * GIB);
});

test('growth that another call asked for is waited for, also by a call that needs less', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(expand('v', 3 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  await expect(expand('v', GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  await expect(expand('v', 2 * GIB, 2 * GIB)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
  expect(room.free('n1')).toBe(7 * GIB);
});

test('the same growth again asks for no room, which its group may have lost since', async () => {
  await create('v', GIB);
  waitForAgentMs = 20;
  volumes.agent = () => {};
  await expect(expand('v', 3 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
  room.grow = () => {
    throw new Error('asked again');
  };
  await expect(expand('v', 3 * GIB)).rejects.toMatchObject({ code: Code.ABORTED });
});

test('growth that was refused gives the room back', async () => {
  await create('v', GIB);
  await expect(expand('v', GIB + 1, GIB + 2)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
  expect(room.free('n1')).toBe(9 * GIB);
});

test.each([
  ['no id', '', GIB, Code.INVALID_ARGUMENT],
  ['no volume', 'nothing', GIB, Code.NOT_FOUND],
  ['zero bytes', 'v', 0, Code.INVALID_ARGUMENT],
])('expanding with %s is refused', async (_, id, size, code) => {
  await create('v', GIB);
  await expect(expand(id, size)).rejects.toMatchObject({ code });
});

test('what a volume can be used for is confirmed, or the reason is told', async () => {
  await create('v', GIB);
  const yes = await validate('v');
  expect(yes.confirmed?.volumeCapabilities).toHaveLength(1);
  const no = await validate('v', [MOUNT, SHARED]);
  expect(no.confirmed).toBeUndefined();
  expect(no.message).toContain('access mode ReadWriteMany is not possible');
  await expect(validate('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  await expect(validate('v', [])).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  await expect(validate('nothing')).rejects.toMatchObject({ code: Code.NOT_FOUND });
});

describe('GetCapacity', () => {
  const at = (hostname: string) => ({ segments: { 'kubernetes.io/hostname': hostname } });
  const capacity = async (request: Parameters<typeof GetCapacityRequest.fromPartial>[0]) => {
    const answer = await client.controller.getCapacity(GetCapacityRequest.fromPartial(request), never);
    return [answer.availableCapacity / BigInt(GIB), (answer.maximumVolumeSize ?? 0n) / BigInt(GIB)];
  };

  test.each([
    ['all nodes', {}, [11n, 7n]],
    ['one node', { accessibleTopology: at('host-n2') }, [4n, 4n]],
    ['an empty place, which is all nodes', { accessibleTopology: { segments: {} } }, [11n, 7n]],
    ['a place that is no node', { accessibleTopology: { segments: { zone: 'a' } } }, [0n, 0n]],
    ['a class', { parameters: { volumeType: 'LVM' }, volumeCapabilities: [MOUNT] }, [11n, 7n]],
    ['what no local volume can be', { volumeCapabilities: [SHARED] }, [0n, 0n]],
  ])('of %s', async (_, request, want) => {
    await create('v', 3 * GIB, { accessibilityRequirements: on('n1') });
    expect(await capacity(request)).toEqual(want);
  });

  test('refuses parameters that no class may have', async () => {
    await expect(capacity({ parameters: { volumeType: 'Tape' } })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
    });
  });

  test('says nothing before everything is known', async () => {
    problem = 'not listed yet: nodes';
    await expect(capacity({})).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });
});
