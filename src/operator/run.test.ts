import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../test/rig/our-api.ts';
import { createWithStatus, defineKind } from '../../test/rig/snapshot-kinds.ts';
import { createCsiClient, type CsiClient } from '../csi/client.ts';
import {
  ControllerExpandVolumeRequest,
  CreateVolumeRequest,
  DeleteSnapshotRequest,
  DeleteVolumeRequest,
  GetPluginInfoRequest,
  ProbeRequest,
  VolumeCapability_AccessMode_Mode as Mode,
} from '../csi/gen/csi.ts';
import { Code } from '../csi/status.ts';
import { silentLog } from '../model/log.ts';
import { unlessGone } from '../kube/find.ts';
import { createInformer } from '../kube/follow/informer.ts';
import {
  CLAIMS,
  CSI_NODES,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOTS,
  VOLUMES,
} from '../kube/resource.ts';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { KubeObject, NodeLocalStorage, PersistentVolume, Pod, StorageClass } from '../model/objects.ts';
import { DEFAULT_DRIVER, EXTENDER_CALLED, LOG_LEVEL, VOLUME_FINALIZER } from '../model/well-known.ts';
import { parseOperatorConfig } from './config.ts';
import { textAt, type TlsSecret } from './serving/keep-certificates.ts';
import { createFakeClock, type FakeClock } from '../wait/fake-clock.ts';
import { EVENTS } from '../kube/events/event-object.ts';
import { runFakeAgent } from './fake-agent.ts';
import { runOperator } from './run.ts';
import { eventually } from '../../test/rig/eventually.ts';

const never = new AbortController().signal;
const SIZE = bytes(8 * GIB);
let ours: OurApi;
let csi: CsiClient;
let clock: FakeClock;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  ours = await startOurApi();
  clock = createFakeClock();
  collections = 0;
  csi = createCsiClient({ kind: 'unix', path: path.join(ours.folder, 'csi.sock') }, 20_000);
});
afterEach(async () => {
  csi.close();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await ours.close();
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface Operator {
  readonly extender: string;
  readonly ops: string;
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

const levels: (string | undefined)[] = [];
let collections = 0;

async function startOperator(...flags: readonly string[]): Promise<Operator> {
  const [extender, ops] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const args = [
    `--extender-listen=${extender}`,
    `--metrics-listen=${ops}`,
    `--csi-endpoint=unix://${path.join(ours.folder, 'csi.sock')}`,
    '--strategy=spread',
    '--namespace=default',
    ...flags,
  ];
  const stopping = new AbortController();
  const deps = {
    client: ours.client,
    version: '1.2.3',
    log: silentLog,
    clock,
    setLogLevel: (asked?: string) => void levels.push(asked),
    collectGarbage: () => void (collections += 1),
  };
  const ended = runOperator(parseOperatorConfig(args, {}), deps, stopping.signal);
  ended.catch(() => {}); // looked at by the test, if at all
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended.catch(() => {});
  };
  cleanups.push(stop);
  return { extender: `http://${extender}/scheduler`, ops: `http://${ops}`, ended, stop };
}

const isReady = async ({ ops }: Operator): Promise<boolean> =>
  fetch(`${ops}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

async function startReady(...flags: readonly string[]): Promise<Operator> {
  const operator = await startOperator('--no-leader-election', ...flags);
  await eventually(async () => expect(await isReady(operator)).toBe(true));
  // A client that found nobody at the socket answers by itself (UNAVAILABLE) until its back-off is over.
  await eventually(async () => expect((await csi.identity.probe(ProbeRequest.create(), never)).ready).toBe(true));
  return operator;
}

function startFakeAgent(): void {
  const stopping = new AbortController();
  const running = runFakeAgent(ours.client, silentLog, stopping.signal);
  cleanups.push(() => {
    stopping.abort();
    return running;
  });
}

const CLASS: StorageClass = {
  metadata: { name: 'open-local-lvm' },
  provisioner: 'local.csi.aliyun.com',
  parameters: { volumeType: 'LVM' },
  volumeBindingMode: 'WaitForFirstConsumer',
};

/** Nodes whose agents have made and reported one group each. */
async function addNodes(...names: readonly string[]): Promise<void> {
  await ours.client.create(STORAGE_CLASSES, CLASS, never);
  for (const name of names) {
    await ours.client.create(NODES, { metadata: { name } }, never);
    await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, never);
    const group = { name: 'pool-0', physicalVolumes: ['/dev/sdb'], total: SIZE, available: SIZE, allocatable: SIZE };
    const status = {
      nodeStorageInfo: { volumeGroups: [{ ...group, extentSize: 4 * MIB }] },
      filteredStorageInfo: { volumeGroups: ['pool-0'] },
    };
    await ours.client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { status } }, never, 'status');
  }
}

async function addPod(name: string, size = '6Gi', storageClassName = 'open-local-lvm'): Promise<Pod> {
  const claim = { metadata: { namespace: 'default', name: `data-${name}` } };
  const spec = {
    accessModes: ['ReadWriteOnce'],
    storageClassName,
    resources: { requests: { storage: size } },
  };
  await ours.client.create(CLAIMS, { ...claim, spec }, never);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: `data-${name}` } }];
  return ours.client.create(
    PODS,
    { metadata: { namespace: 'default', name }, spec: { volumes, containers: [{ name: 'web', image: 'web' }] } },
    never,
  );
}

interface FilterReply {
  readonly NodeNames: readonly string[] | null;
  readonly FailedNodes: Readonly<Record<string, string>> | null;
  readonly FailedAndUnresolvableNodes: Readonly<Record<string, string>> | null;
  readonly Error: string;
}

async function ask<T>(operator: Operator, verb: string, body: unknown): Promise<T> {
  const reply = await fetch(`${operator.extender}/${verb}`, { method: 'POST', body: JSON.stringify(body) });
  return (await reply.json()) as T;
}

const filter = (operator: Operator, pod: Pod, ...nodes: string[]) =>
  ask<FilterReply>(operator, 'filter', { Pod: pod, Nodes: null, NodeNames: nodes });

const createVolume = (name: string, size: number, node?: string, parameters = CLASS.parameters ?? {}) =>
  csi.controller.createVolume(
    CreateVolumeRequest.fromPartial({
      name,
      capacityRange: { requiredBytes: BigInt(size) },
      parameters,
      volumeCapabilities: [
        { accessType: { $case: 'mount', value: {} }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } },
      ],
      ...(node === undefined
        ? {}
        : { accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': node } }] } }),
    }),
    never,
  );

const deleteVolume = (volumeId: string) =>
  csi.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId }), never);

const expandVolume = (volumeId: string, size: number) =>
  csi.controller.controllerExpandVolume(
    ControllerExpandVolumeRequest.fromPartial({ volumeId, capacityRange: { requiredBytes: BigInt(size) } }),
    never,
  );

const volume = (name: string): LocalVolume | undefined =>
  ours.api.stored('localvolumes', name) as LocalVolume | undefined;

test('how much is logged follows an annotation of the init config', async () => {
  const named = (name: string, level: string) => ({
    metadata: { name, annotations: { [LOG_LEVEL]: level } },
    spec: {},
  });
  await ours.client.create(INIT_CONFIGS, named('other', 'error'), never);
  await ours.client.create(INIT_CONFIGS, named('open-local', 'debug'), never);
  await startReady();
  expect([...new Set(levels.splice(0))]).toEqual(['debug']);
});

test('a pod finds its node, its volume is made there, grows, and gives its room back', async () => {
  await addNodes('n1', 'n2');
  startFakeAgent();
  const operator = await startReady();
  const pod = await addPod('web-0');

  await eventually(async () => expect((await filter(operator, pod, 'n1', 'n2')).NodeNames).not.toEqual([]));
  const [node = ''] = (await filter(operator, pod, 'n1', 'n2')).NodeNames ?? [];
  const bound = await ask<{ Error: string }>(operator, 'bind', {
    PodNamespace: 'default',
    PodName: 'web-0',
    PodUID: pod.metadata.uid,
    Node: node,
  });
  expect(bound.Error).toBe('');
  expect((ours.api.stored('pods', 'web-0', 'default') as Pod).spec?.nodeName).toBe(node);

  // As external-provisioner asks without --extra-create-metadata: the claim is known by the volume's name alone.
  const { uid } = ours.api.stored('persistentvolumeclaims', 'data-web-0', 'default')?.metadata ?? {};
  const name = `pvc-${uid}`;
  const { volume: made } = await createVolume(name, 6 * GIB, node);
  expect(made?.accessibleTopology).toEqual([{ segments: { 'kubernetes.io/hostname': node } }]);
  expect(volume(name)?.spec).toMatchObject({ nodeName: node, vgName: 'pool-0', sizeBytes: 6 * GIB });
  await expect(createVolume('pvc-2', 6 * GIB, node)).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  expect((await expandVolume(name, 7 * GIB)).capacityBytes).toBe(BigInt(7 * GIB));
  await expect(expandVolume(name, 9 * GIB)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });

  const page = await (await fetch(`${operator.ops}/metrics`)).text();
  expect(page).toContain(`local_volume_group_used{nodename="${node}",vgname="pool-0"} ${7 * GIB}`);
  expect(page).toContain(`local_allocated_num{nodename="${node}"} 1`);
  expect(page).toContain('open_local_leader 1');
  expect(page).toContain('open_local_build_info{program="operator",version="1.2.3",');

  await deleteVolume(name);
  expect(volume(name)).toBeUndefined();
  expect((await createVolume('pvc-2', 8 * GIB, node)).volume?.capacityBytes).toBe(BigInt(8 * GIB));
});

test('a volume whose record was taken away by hand is removed all the same, and not called removed before', async () => {
  await addNodes('n1');
  startFakeAgent();
  await startReady();
  await createVolume('pvc-1', GIB, 'n1');
  const lv = { name: 'pvc-1', vgname: 'pool-0', total: GIB, condition: 'DiskReady' };
  const { status } = ours.api.stored('nodelocalstorages', 'n1') as NodeLocalStorage;
  const [group] = status?.nodeStorageInfo?.volumeGroups ?? [];
  const nodeStorageInfo = { volumeGroups: [{ ...group, logicalVolumes: [lv] }] };
  const report = { type: 'merge', body: { status: { nodeStorageInfo } } } as const;
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, report, never, 'status');
  const noFinalizer = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
  // Its finalizer comes back until the object is gone.
  await eventually(async () => {
    await unlessGone(ours.client.patch(LOCAL_VOLUMES, { name: 'pvc-1' }, noFinalizer, never));
    await unlessGone(ours.client.delete(LOCAL_VOLUMES, { name: 'pvc-1' }, never));
    expect(volume('pvc-1')).toBeUndefined();
  });

  // Without a PersistentVolume nobody says that the logical volume is ours.
  await eventually(async () =>
    expect(deleteVolume('pvc-1')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringContaining('node n1 reports logical volume pool-0/pvc-1'),
    }),
  );
  await ours.client.create(VOLUMES, pvOf('pvc-1', 'n1'), never);
  const made: string[] = [];
  const watching = new AbortController();
  const records = createInformer({
    client: ours.client,
    resource: LOCAL_VOLUMES,
    project: (one) => one,
    log: silentLog,
  });
  records.subscribe({ changed: ({ metadata }) => void made.push(metadata.name ?? '') });
  const running = records.run(watching.signal);
  await eventually(async () => expect(await deleteVolume('pvc-1')).toEqual({}));
  await eventually(() => expect(made).toContain('pvc-1')); // for the agent
  expect(volume('pvc-1')).toBeUndefined();
  watching.abort();
  await running;
});

test('a snapshot that was given to another namespace too stays when the first lets it go', async () => {
  const { client } = ours;
  for (const kind of [VOLUME_SNAPSHOTS, VOLUME_SNAPSHOT_CONTENTS]) await defineKind(client, kind);
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Snapshot' } as const;
  await client.create(
    LOCAL_VOLUMES,
    { metadata: { name: 'snap-a' }, spec: { ...spec, source: { volume: 'v' } } },
    never,
  );
  for (const name of ['first', 'second'])
    await createWithStatus(client, VOLUME_SNAPSHOT_CONTENTS, {
      metadata: { name },
      spec: { driver: 'local.csi.aliyun.com', volumeSnapshotRef: { namespace: name, name: 'monday' } },
      status: { snapshotHandle: 'snap-a' },
    });
  await startReady();
  await expect(
    csi.controller.deleteSnapshot(DeleteSnapshotRequest.fromPartial({ snapshotId: 'snap-a' }), never),
  ).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION, details: expect.stringContaining('second') as unknown });
});

test('when the record of a volume cannot be written, its room is free again', async () => {
  await addNodes('n1');
  startFakeAgent();
  await startReady();
  ours.api.troubles.fail({ verb: 'create', resource: 'localvolumes' }, { code: 403 });
  await expect(createVolume('pvc-1', SIZE, 'n1')).rejects.toMatchObject({ code: expect.any(Number) });
  expect((await createVolume('pvc-2', SIZE, 'n1')).volume?.capacityBytes).toBe(BigInt(SIZE));
});

test('when a volume cannot be asked to grow, the room for it is free again', async () => {
  await addNodes('n1');
  startFakeAgent();
  await startReady();
  await createVolume('pvc-1', 2 * GIB, 'n1');
  ours.api.troubles.fail({ verb: 'patch', resource: 'localvolumes' }, { code: 403 });
  await expect(expandVolume('pvc-1', SIZE)).rejects.toMatchObject({ code: expect.any(Number) });
  expect((await createVolume('pvc-2', 6 * GIB, 'n1')).volume?.capacityBytes).toBe(BigInt(6 * GIB));
  expect(volume('pvc-1')?.spec.sizeBytes).toBe(2 * GIB);
});

test('classes and volumes under the name of the driver before us count as our own', async () => {
  await addNodes('n1', 'n2');
  await ours.client.create(
    STORAGE_CLASSES,
    { ...CLASS, metadata: { name: 'legacy' }, provisioner: 'yodaplugin.csi.alibabacloud.com' },
    never,
  );
  // Made before us: no LocalVolume records it, and its node's report does not show it yet.
  const old = pvOf('local-1', 'n1');
  const csiSource = { ...old.spec?.csi, driver: 'yodaplugin.csi.alibabacloud.com', volumeHandle: 'local-1' };
  const spec = { ...old.spec, capacity: { storage: '6Gi' }, csi: csiSource };
  await ours.client.create(VOLUMES, { ...old, spec }, never);
  const operator = await startReady('--wait-ms=0');
  const [first, second] = [await addPod('web-0', '6Gi', 'legacy'), await addPod('web-1', '6Gi', 'legacy')];
  await eventually(async () => {
    const reply = await filter(operator, first, 'n1', 'n2');
    expect(reply).toMatchObject({ NodeNames: ['n2'], Error: '' }); // pvc of 6 GiB beside 6 GiB of 8 does not fit
  });
  expect((await filter(operator, second, 'n1', 'n2')).NodeNames).toEqual([]);
});

test('a pod of the old name is bound, its volume made, and counted once beside inline volumes of that name', async () => {
  await addNodes('n1', 'n2');
  startFakeAgent();
  const provisioner = 'yodaplugin.csi.alibabacloud.com';
  await ours.client.create(STORAGE_CLASSES, { ...CLASS, metadata: { name: 'legacy' }, provisioner }, never);
  // Under the old name the operator serves it too, and volumes of the new name count beside its own.
  const operator = await startReady(`--driver-name=${provisioner}`);
  expect((await csi.identity.getPluginInfo(GetPluginInfoRequest.create(), never)).name).toBe(provisioner);
  await ours.client.create(VOLUMES, pvOf('of-the-new-name', 'n1'), never);

  const pod = await addPod('web-0', '4Gi', 'legacy');
  await eventually(async () => expect((await filter(operator, pod, 'n1')).NodeNames).toEqual(['n1']));
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const binding = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: 'n1' };
  expect(await ask(operator, 'bind', binding)).toEqual({ Error: '' });
  const bound: Pod | undefined = ours.api.stored('pods', name, namespace);
  expect(bound?.spec?.nodeName).toBe('n1');
  const claim = { 'csi.storage.k8s.io/pvc/name': `data-${name}`, 'csi.storage.k8s.io/pvc/namespace': namespace };
  const made = await createVolume('pvc-1', 4 * GIB, 'n1', { ...CLASS.parameters, ...claim });
  expect(made.volume?.volumeId).toBe('pvc-1');

  // Of 8 GiB the PersistentVolume has 1 and the claim 4.
  const inline = async (size: string): Promise<Pod> => {
    const source = { driver: provisioner, volumeAttributes: { vgName: 'pool-0', size } };
    return ours.client.create(
      PODS,
      {
        metadata: { namespace, name: `inline-${size.toLowerCase()}` },
        spec: { volumes: [{ name: 'data', csi: source }], containers: [{ name: 'web', image: 'web' }] },
      },
      never,
    );
  };
  const [large, fitting] = [await inline('4Gi'), await inline('3Gi')];
  await eventually(async () => expect((await filter(operator, large, 'n1', 'n2')).NodeNames).toEqual(['n2']));
  expect((await filter(operator, fitting, 'n1')).NodeNames).toEqual(['n1']);
  expect((await filter(operator, await inline('1Gi'), 'n1')).NodeNames).toEqual([]);
});

const pvOf = (name: string, node: string): PersistentVolume => ({
  metadata: { name },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    csi: {
      driver: CLASS.provisioner,
      volumeHandle: name,
      volumeAttributes: { volumeType: 'LVM', vgName: 'pool-0' },
    },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }],
      },
    },
  },
});

test('a pod that fits nowhere is refused for good, with the reason', async () => {
  await addNodes('n1');
  const operator = await startReady();
  const pod = await addPod('web-0', '9Gi');
  const reply = await eventually(async () => {
    const reply = await filter(operator, pod, 'n1', 'n9');
    expect(reply.FailedAndUnresolvableNodes?.['n1']).toContain('9 GiB');
    return reply;
  });
  expect(reply.Error).toBe('');
  expect(Object.keys({ ...reply.FailedNodes, ...reply.FailedAndUnresolvableNodes }).toSorted()).toEqual(['n1', 'n9']);
});

test('a StorageClass with an unknown volumeType is told where its user looks: at the pod and at the claim', async () => {
  await addNodes('n1');
  const parameters = { volumeType: 'Quota' };
  await ours.client.create(STORAGE_CLASSES, { ...CLASS, metadata: { name: 'wrong' }, parameters }, never);
  const operator = await startReady();
  const pod = await addPod('web-0', '1Gi', 'wrong');
  await eventually(async () => {
    const { FailedNodes, FailedAndUnresolvableNodes } = await filter(operator, pod, 'n1');
    expect({ ...FailedNodes, ...FailedAndUnresolvableNodes }['n1']).toContain('volumeType: "Quota" is unknown');
  });
  await expect(createVolume('pvc-1', GIB, 'n1', parameters)).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: expect.stringContaining('volumeType: "Quota" is unknown'),
  });
  startFakeAgent();
  expect((await createVolume('pvc-1', GIB, 'n1')).volume?.volumeId).toBe('pvc-1');
});

test('room held for a pod of which nothing more is heard is free again after its time', async () => {
  await addNodes('n1');
  const operator = await startReady('--hold-ttl=200ms', '--wait-ms=0');
  const [first, second] = [await addPod('web-0'), await addPod('web-1')];
  await eventually(async () => expect((await filter(operator, first, 'n1')).NodeNames).toEqual(['n1']));
  await eventually(async () => expect((await filter(operator, second, 'n1')).NodeNames).toEqual(['n1']));
  const page = await (await fetch(`${operator.ops}/metrics`)).text();
  expect(page).toMatch(/^open_local_expired_holds_total [1-9]/m);
});

test('a successor keeps the room of an inline volume whose pod kube-scheduler is binding', async () => {
  await addNodes('n1');
  const csi = { driver: CLASS.provisioner, volumeAttributes: { vgName: 'pool-0', size: '6Gi' } };
  const create = (name: string): Promise<Pod> =>
    ours.client.create(
      PODS,
      {
        metadata: { namespace: 'default', name },
        spec: { volumes: [{ name: 'scratch', csi }], containers: [{ name: 'web', image: 'web' }] },
      },
      never,
    );
  const { metadata } = await create('chosen');
  const body = { status: { nominatedNodeName: 'n1' } };
  const key = { namespace: 'default', name: metadata.name ?? '' };
  await ours.client.patch(PODS, key, { type: 'merge', body }, never, 'status');
  const operator = await startReady('--wait-ms=0');
  expect((await filter(operator, await create('other'), 'n1')).NodeNames).toEqual([]);
});

test('until everything is listed, every answer is an error that says what is missing', async () => {
  await addNodes('n1');
  const pod = await addPod('web-0');
  const held = ours.api.troubles.fail({ verb: 'list', resource: 'persistentvolumes' }, { code: 503 }, 1000);
  const operator = await startOperator('--no-leader-election');
  await eventually(async () => {
    const reply = await filter(operator, pod, 'n1');
    expect(reply.Error).toContain('not listed yet: pvs');
  });
  expect(await csi.identity.probe(ProbeRequest.create(), never)).toEqual({ ready: false });
  await expect(createVolume('v', GIB)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  const ready = await fetch(`${operator.ops}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain('[-]cluster failed: not listed yet: pvs');
  expect(collections).toBe(0);

  held.remove();
  await eventually(async () => expect((await filter(operator, pod, 'n1')).NodeNames).toEqual(['n1']));
  expect(await csi.identity.probe(ProbeRequest.create(), never)).toEqual({ ready: true });
});

test('what reading the cluster left behind is collected once, before the replica is ready', async () => {
  const operator = await startReady();
  expect(collections).toBe(1);
  await addNodes('n1');
  await eventually(async () => expect((await filter(operator, await addPod('web-0'), 'n1')).NodeNames).toEqual(['n1']));
  expect(collections).toBe(1);
});

test('after a restart nothing is promised twice: room of a chosen node and of recorded volumes is known again', async () => {
  await addNodes('n1');
  startFakeAgent();
  const first = await startReady();
  await createVolume('pvc-1', 2 * GIB, 'n1');
  const pod = await addPod('web-0', '5Gi');
  await eventually(async () => expect((await filter(first, pod, 'n1')).NodeNames).toEqual(['n1']));
  const chosen = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } };
  await ours.client.patch(CLAIMS, { namespace: 'default', name: 'data-web-0' }, { type: 'merge', body: chosen }, never);
  await first.stop();
  // The client finds nobody at the socket, and is in back-off when the second operator begins to serve.
  await expect(csi.identity.probe(ProbeRequest.create(), never)).rejects.toMatchObject({ code: Code.UNAVAILABLE });

  await startReady();
  await expect(createVolume('pvc-2', 2 * GIB, 'n1')).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  expect((await createVolume('pvc-3', GIB, 'n1')).volume?.volumeId).toBe('pvc-3');
});

test('stopping finishes the calls under way', async () => {
  await addNodes('n1');
  const operator = await startReady();
  const made = createVolume('pvc-1', GIB, 'n1');
  await eventually(() => expect(volume('pvc-1')).toBeDefined());
  const stopped = operator.stop();
  // One write and no agent that first has to list and watch: a call under way has 5 s to finish.
  const status = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/pvc-1' };
  await ours.client.patch(LOCAL_VOLUMES, { name: 'pvc-1' }, { type: 'merge', body: { status } }, never, 'status');
  expect((await made).volume?.volumeId).toBe('pvc-1');
  await stopped;
  expect(await isReady(operator)).toBe(false);
});

test('the nlsc reaches the nodes through the running operator', async () => {
  const config = await readFile(path.join(import.meta.dirname, '../../examples/nlsc.yaml'), 'utf8');
  const { parse } = await import('yaml');
  await ours.client.create(NODES, { metadata: { name: 'n1' } }, never);
  await startReady();
  await ours.client.create(INIT_CONFIGS, parse(config), never);
  const stored = (): NodeLocalStorage | undefined => ours.api.stored('nodelocalstorages', 'n1');
  await eventually(() => expect(stored()?.spec?.resourceToBeInited?.vgs).toHaveLength(1));
});

interface Slice extends KubeObject {
  readonly endpoints?: { readonly addresses: readonly string[] }[];
  readonly ports?: { readonly name: string; readonly port: number }[];
}
const SERVICE = 'open-local-scheduler-extender';
/** Where the extender's Service leads: `ADDRESS PORT`; empty when nowhere. */
function led(): string {
  const slice: Slice | undefined = ours.api.stored('endpointslices', `${SERVICE}-leader`, 'default');
  return slice?.endpoints?.map(({ addresses }) => `${addresses[0]} ${slice.ports?.[0]?.port}`).join() ?? '';
}

test('both replicas are Ready, one is called; when it stops, the other takes over', async () => {
  await addNodes('n1');
  const pod = await addPod('web-0');
  const first = await startOperator('--pod-ip=192.0.2.1');
  await eventually(() => expect(led()).toBe(`192.0.2.1 ${new URL(first.extender).port}`));
  const second = await startOperator(
    `--csi-endpoint=unix://${path.join(ours.folder, 'second.sock')}`,
    '--pod-ip=192.0.2.2',
  );
  await eventually(async () => expect(await isReady(second)).toBe(true));
  expect(await isReady(first)).toBe(true);
  await expect(filter(second, pod, 'n1')).rejects.toThrow('fetch failed');
  expect(led()).toContain('192.0.2.1');
  await first.stop();
  expect(led()).toBe('');
  await eventually(() => expect(led()).toBe(`192.0.2.2 ${new URL(second.extender).port}`));
  const lease = (): KubeObject | undefined => ours.api.stored('leases', 'open-local-operator', 'default');
  expect(lease()?.metadata.annotations).toBeUndefined();
  expect((await filter(second, pod, 'n1')).NodeNames).toEqual(['n1']);
  await eventually(() => expect(lease()?.metadata.annotations).toHaveProperty([EXTENDER_CALLED]));
});

test('the replica that waits answers its sidecars that it is not ready, and on the same connection later', async () => {
  const first = await startOperator();
  await eventually(async () => expect(await isReady(first)).toBe(true));
  const socket = path.join(ours.folder, 'second.sock');
  const second = await startOperator(`--csi-endpoint=unix://${socket}`);
  const sidecar = createCsiClient({ kind: 'unix', path: socket }, 20_000);
  cleanups.push(() => sidecar.close());
  await eventually(async () => expect(await isReady(second)).toBe(true));
  const probe = () => sidecar.identity.probe({}, never);
  expect(await probe()).toEqual({ ready: false });
  await expect(sidecar.controller.controllerGetCapabilities({}, never)).rejects.toThrow('this replica does not lead');
  await first.stop();
  await eventually(async () => expect(await probe()).toEqual({ ready: true }));
});

test('with a Secret of its own the operator serves by TLS those who have the certificate that it made', async () => {
  await addNodes('n1');
  const pod = await addPod('web-0');
  const flags = ['--extender-tls-secret=tls', `--extender-tls-dir=${path.join(ours.folder, 'tls')}`];
  const operator = await startReady(...flags, '--extender-allowed-clients=system:kube-scheduler');
  const secret: TlsSecret | undefined = ours.api.stored('secrets', 'tls-client', 'default');
  const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => textAt(secret ?? { metadata: {} }, name));
  const body = JSON.stringify({ Pod: pod, NodeNames: ['n1'] });
  const { hostname, port } = new URL(operator.extender);
  const answer = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const tls = { cert, key, ca, servername: 'open-local-scheduler-extender.default.svc', agent: false as const };
    const call = request({ hostname, port, path: '/scheduler/filter', method: 'POST', headers, ...tls }, (response) => {
      text(response).then(resolve, reject);
    });
    call.on('error', reject);
    call.end(body);
  });
  expect(JSON.parse(answer)).toMatchObject({ NodeNames: ['n1'], Error: '' });
  const page = await (await fetch(`${operator.ops}/metrics`)).text();
  expect(page).toMatch(/^open_local_certificate_end_timestamp_seconds\{certificate="server"\} \d{10}$/m);
});

test('a replica that cannot read the Lease is not Ready, and says so', async () => {
  const held = ours.api.troubles.fail({ verb: 'get', resource: 'leases' }, { code: 503 }, 1000);
  const operator = await startOperator('--pod-ip=192.0.2.1');
  await eventually(async () => {
    const reply = await fetch(`${operator.ops}/readyz`);
    expect(await reply.text()).toContain('[-]leader failed: the Lease was not read yet');
  });
  held.remove();
  await eventually(async () => expect(await isReady(operator)).toBe(true));
});

const lease = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };

test('others take the Lease over after as long as the flag says', async () => {
  const operator = await startOperator('--lease-duration=1m');
  await eventually(async () => expect(await isReady(operator)).toBe(true));
  const key = { namespace: 'default', name: 'open-local-operator' };
  expect(await ours.client.get(lease, key, never)).toMatchObject({ spec: { leaseDurationSeconds: 60 } });
});

test('a replica that loses its Lease ends', async () => {
  const operator = await startOperator();
  await eventually(async () => expect(await isReady(operator)).toBe(true));
  const body = { spec: { holderIdentity: 'somebody-else' } };
  const key = { namespace: 'default', name: 'open-local-operator' };
  await ours.client.patch(lease, key, { type: 'merge', body }, never);
  await expect(operator.ended).rejects.toMatchObject({ kind: 'aborted' });
});

test('an address that is taken ends the operator with an error that names it', async () => {
  const first = await startReady();
  const taken = first.ops.replace('http://', '');
  const second = await startOperator('--no-leader-election', `--metrics-listen=${taken}`);
  await expect(second.ended).rejects.toThrow('EADDRINUSE');
});

/** Lets the time pass in which a pod that waits is told nothing. */
async function passPatience(): Promise<void> {
  for (const ms of [15_000, 1000]) {
    await clock.untilAsleep();
    await clock.advance(ms);
  }
}

const eventsOn = async (name: string, kind = 'Pod') =>
  (await ours.client.list(EVENTS, { namespace: 'default' }, never)).items
    .filter(({ involvedObject: on }) => on.kind === kind && on.name === name)
    .map(({ reason, message, source }) => ({ reason, message, by: source.component }));

test('a pod that asks for more than any group has is told why, though kube-scheduler never asked', async () => {
  await addNodes('n1', 'n2');
  await startReady();
  await addPod('web-0', '9Gi');
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no free storage' }];
  const key = { namespace: 'default', name: 'web-0' };
  await ours.client.patch(PODS, key, { type: 'merge', body: { status: { conditions } } }, never, 'status');
  await passPatience();
  const [told] = await eventually(async () => {
    const found = await eventsOn('web-0');
    expect(found).toHaveLength(1);
    return found;
  });
  expect(told).toMatchObject({ reason: 'NoRoom', by: 'open-local-operator' });
  expect(told?.message).toContain('Waits with claim data-web-0 (9 GiB, class open-local-lvm). On all 2 nodes:');
  expect(told?.message).toContain('lacks 1 GiB of 9 GiB: 8 GiB of 8 GiB free');
});

test('a node whose agent is silent gets no new volume, and lets go of those that it never began', async () => {
  await addNodes('n1', 'n2');
  const report = (name: string, lastHeartbeatTime: string) => {
    const status = { conditions: [], nodeStorageInfo: { state: { lastHeartbeatTime } } };
    return ours.client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { status } }, never, 'status');
  };
  for (const name of ['n1', 'n2']) await report(name, '2026-01-01T00:00:00Z');
  // The looks are the machine's, four in a second; the time that they see is the test's.
  const operator = await startReady('--silent-after=500ms');
  const pod = await addPod('web-0');
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' } as const;
  await ours.client.create(LOCAL_VOLUMES, { metadata: { name: 'pvc-1', finalizers: [VOLUME_FINALIZER] }, spec }, never);
  let beat = 0;
  await eventually(async () => {
    await report('n2', new Date((beat += 1000)).toISOString());
    await clock.advance(250);
    expect((await filter(operator, pod, 'n1', 'n2')).NodeNames).toEqual(['n2']);
  });
  await eventually(async () =>
    expect(await eventsOn('n1', 'NodeLocalStorage')).toMatchObject([
      { reason: 'AgentSilent', by: 'open-local-operator' },
    ]),
  );

  await expect(createVolume('pvc-1', GIB, 'n1')).rejects.toMatchObject({
    code: Code.RESOURCE_EXHAUSTED,
    details: expect.stringContaining('node n1 has not made the volume, and its agent has stopped reporting'),
  });
  expect(volume('pvc-1')).toBeUndefined();
  await expect(createVolume('pvc-1', GIB, 'n1')).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });

  await report('n1', '2026-01-01T00:05:00Z');
  await eventually(async () => expect((await filter(operator, pod, 'n1')).NodeNames).toEqual(['n1']));
});

test('a node whose kubelet does not know the driver, as while its agent is replaced, gets no pod for a new volume', async () => {
  await addNodes('n1', 'n2');
  const register = (...drivers: readonly string[]) =>
    ours.client.patch(
      CSI_NODES,
      { name: 'n1' },
      { type: 'merge', body: { spec: { drivers: drivers.map((name) => ({ name, nodeID: 'n1', topologyKeys: [] })) } } },
      never,
    );
  await ours.client.create(CSI_NODES, { metadata: { name: 'n1' }, spec: { drivers: [] } }, never);
  const operator = await startReady();
  const pod = await addPod('web-0');
  await eventually(async () => expect((await filter(operator, pod, 'n1', 'n2')).NodeNames).toEqual(['n2']));
  await register(DEFAULT_DRIVER);
  await eventually(async () => expect((await filter(operator, pod, 'n1')).NodeNames).toEqual(['n1']));
});

test('a pod whose claim CreateVolume refuses is told its words', async () => {
  await addNodes('n1');
  await startReady();
  await addPod('web-0', '6Gi');
  await eventually(async () => {
    const parameters = { 'csi.storage.k8s.io/pvc/name': 'data-web-0', 'csi.storage.k8s.io/pvc/namespace': 'default' };
    const refusal = createVolume('pvc-1', 6 * GIB, 'n1', { volumeType: 'LVM', vgName: 'no-such', ...parameters });
    await expect(refusal).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  });
  await passPatience();
  await eventually(async () =>
    expect(await eventsOn('web-0')).toMatchObject([
      {
        reason: 'ClaimRefused',
        message: expect.stringContaining(
          'CreateVolume refused claim data-web-0: on node n1: there is no volume group no-such.',
        ),
      },
    ]),
  );
});

test('a claim that is gone gets no second volume, and is not taken for the one that has its name since', async () => {
  await addNodes('n1');
  startFakeAgent();
  await startReady();
  const parameters = { 'csi.storage.k8s.io/pvc/name': 'data-web-0', 'csi.storage.k8s.io/pvc/namespace': 'default' };
  const again = () => createVolume(name, GIB, 'n1', { ...CLASS.parameters, ...parameters });
  await addPod('web-0', '1Gi');
  const { uid } = ours.api.stored('persistentvolumeclaims', 'data-web-0', 'default')?.metadata ?? {};
  const name = `pvc-${uid}`;
  await again();
  await ours.client.delete(CLAIMS, { namespace: 'default', name: 'data-web-0' }, never);
  await ours.client.delete(PODS, { namespace: 'default', name: 'web-0' }, never);
  // Begun for it, it is made all the same: its PersistentVolume is how it is deleted.
  expect((await again()).volume?.volumeId).toBe(name);
  await deleteVolume(name);
  await addPod('web-0', '1Gi');
  await expect(again()).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(`claim default/data-web-0 (uid ${uid}) is gone`),
  });
  expect(volume(name)).toBeUndefined();
});

test('of two nodes that have one hostname label, a volume goes to the one that the scheduler chose, or to none', async () => {
  // One has the hostname for its name, too.
  await addNodes('twin', 'n2');
  const metadata = { labels: { 'kubernetes.io/hostname': 'twin' } };
  await ours.client.patch(NODES, { name: 'n2' }, { type: 'merge', body: { metadata } }, never);
  startFakeAgent();
  const operator = await startReady();
  const makeFor = async (podName: string) => {
    const name = `data-${podName}`;
    const metadata = { annotations: { 'volume.kubernetes.io/selected-node': 'n2' } };
    const pod = await addPod(podName);
    await ours.client.patch(CLAIMS, { namespace: 'default', name }, { type: 'merge', body: { metadata } }, never);
    // The claim is heard of with its node.
    await eventually(async () => expect((await filter(operator, pod, 'twin')).NodeNames ?? []).toEqual([]));
    const { uid } = ours.api.stored('persistentvolumeclaims', name, 'default')?.metadata ?? {};
    const claim = { 'csi.storage.k8s.io/pvc/name': name, 'csi.storage.k8s.io/pvc/namespace': 'default' };
    return createVolume(`pvc-${uid}`, 6 * GIB, 'twin', { ...CLASS.parameters, ...claim });
  };
  const made = await makeFor('web-0');
  expect(volume(made.volume?.volumeId ?? '')?.spec.nodeName).toBe('n2');
  await expect(makeFor('web-1')).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
});

test('a volume that may be anywhere is made on a cordoned node only if no other has room', async () => {
  await addNodes('n1', 'n2', 'n3');
  const body = { spec: { unschedulable: true } };
  for (const name of ['n1', 'n2']) await ours.client.patch(NODES, { name }, { type: 'merge', body }, never);
  startFakeAgent();
  await startReady();
  await createVolume('pvc-1', 6 * GIB);
  expect(volume('pvc-1')?.spec.nodeName).toBe('n3');
  await createVolume('pvc-2', 6 * GIB);
  expect(volume('pvc-2')?.spec.nodeName).not.toBe('n3');
});

test('the page asks the API server who looks, and shows what the operator knows; a replica that waits says who leads', async () => {
  await addNodes('n1');
  startFakeAgent();
  const pages = [await freePort(), await freePort()] as const;
  const first = await startOperator('--identity=operator-1', `--page-listen=127.0.0.1:${pages[0]}`);
  await eventually(async () => expect(await (await fetch(`${first.ops}/metrics`)).text()).toContain('n1'));
  ours.api.load({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'me', namespace: 'default' } });
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'looks' } };
  const rules = [{ apiGroups: ['csi.aliyun.com'], resources: ['nodelocalstorages'], verbs: ['list'] }];
  const subjects = [{ kind: 'ServiceAccount', name: 'me', namespace: 'default' }];
  ours.api.load({ ...rbac, kind: 'ClusterRole', rules } as never);
  ours.api.load({
    ...rbac,
    kind: 'ClusterRoleBinding',
    roleRef: { kind: 'ClusterRole', name: 'looks' },
    subjects,
  } as never);
  const [, server] = /server: "?([^\s"]+)/.exec(ours.api.kubeconfig()) ?? [];
  const request = JSON.stringify({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: {},
    spec: {},
  });
  const url = `${server}/api/v1/namespaces/default/serviceaccounts/me/token`;
  const given = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: request });
  const { status } = (await given.json()) as { status: { token: string } };
  const ask = (port: number, path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${status.token}` } });

  expect(await (await ask(pages[0], '/api/nodes')).json()).toMatchObject({ all: 1, rows: [{ name: 'n1' }] });
  expect((await ask(pages[0], '/api/volumes')).status).toBe(403);
  expect((await fetch(`http://127.0.0.1:${pages[0]}/api/nodes`)).status).toBe(401);

  await startOperator('--identity=operator-2', '--csi-endpoint=none', `--page-listen=127.0.0.1:${pages[1]}`);
  await eventually(async () => {
    const answer = await ask(pages[1], '/api/nodes');
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ leader: 'operator-1' })]);
  });
});

test.each([
  [['--page-listen=0.0.0.0:1'], /--page-listen: tokens of people go there: give --extender-tls-dir/],
  [['--page-listen=127.0.0.1:1', '--page-service=page'], /--page-service: no other pod reaches the page/],
])('the flags %j are refused', (flags, says) => {
  expect(() => parseOperatorConfig(flags, {})).toThrow(says);
});
