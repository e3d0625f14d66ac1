import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { GIB, MIB } from '../model/bytes.ts';
import { inlineVolumeId } from '../model/inline-volume.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { KEEP, LOG_LEVEL, NODE_LABEL, REMOVE_STRAYS, VOLUME_FINALIZER } from '../model/well-known.ts';
import { createApiServer, type ApiServer } from '../../sandbox/apiserver/api-server.ts';
import { createCsiClient, type CsiClient } from '../csi/client.ts';
import * as csi from '../csi/gen/csi.ts';
import { RegistrationService } from '../csi/gen/pluginregistration.ts';
import { silentLog } from '../model/log.ts';
import { run } from '../exec/run.ts';
import { EVENTS } from '../kube/events/event-object.ts';
import { loadKubeconfig } from '../kube/access/kubeconfig.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { createKubeClient } from '../kube/rest/rest-client.ts';
import type { KubeClient } from '../kube/client.ts';
import { parseAgentConfig } from './config.ts';
import { createPorts } from './ports.ts';
import { runAgent } from './run.ts';
import { OUR_TAG } from '../lvm/names.ts';
import { eventually } from '../../test/rig/eventually.ts';

const NODE = 'node-a';
const never = new AbortController().signal;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Rig {
  readonly api: ApiServer;
  readonly client: KubeClient;
  readonly csi: CsiClient;
  readonly folder: string;
  /** Starts the agent; the returned function ends it as a signal would. */
  start(ports?: typeof createPorts, now?: () => number): () => Promise<void>;
  nls(): NodeLocalStorage | undefined;
  volume(name: string): LocalVolume | undefined;
  /** What the level of the log was set to, in order. */
  readonly levels: readonly (string | undefined)[];
}

async function rig(
  spec: NodeLocalStorage['spec'],
  interval = '100ms',
  flags: (folder: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<Rig> {
  const folder = await mkdtemp(path.join(tmpdir(), 'agent-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const crds = ['localvolumes', 'nodelocalstorages', 'nodelocalstorageinitconfigs'];
  const texts = crds.map((name) => readFile(path.join(import.meta.dirname, `../../crds/${name}.yaml`), 'utf8'));
  const api = createApiServer({ crds: await Promise.all(texts) });
  await api.listen();
  cleanups.push(() => api.close());
  const kubeconfig = path.join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test', timeoutMs: 5000 });
  cleanups.push(async () => client.close());
  await writeFile(
    path.join(folder, 'disks.json'),
    JSON.stringify({
      disks: [
        { name: '/dev/sim-a', sizeBytes: 10 * GIB, mediaType: 'ssd' },
        { name: '/dev/sim-b', sizeBytes: 10 * GIB, mediaType: 'hdd', signature: 'ext4' },
      ],
    }),
  );
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: NODE }, spec: { nodeName: NODE, ...spec } }, never);
  const args = {
    'node-name': NODE,
    'csi-endpoint': `unix://${folder}/csi.sock`,
    'metrics-endpoint': `unix://${folder}/metrics.sock`,
    'simulated-disks': `${folder}/disks.json`,
    'simulated-mounts': `${folder}/mounts.json`,
    'mount-root': `${folder}/mnt`,
    regexp: '^sim-.$',
    interval,
    'snapshot-interval': '50ms',
    ...flags(folder),
  };
  const config = parseAgentConfig(
    Object.entries(args).map(([name, value]) => `--${name}=${value}`),
    {},
  );
  const levels: (string | undefined)[] = [];
  const setLogLevel = (asked: string | undefined): void => void levels.push(asked);
  const csiClient = createCsiClient({ kind: 'unix', path: `${folder}/csi.sock` }, 5000);
  cleanups.push(async () => csiClient.close());
  return {
    api,
    client,
    csi: csiClient,
    folder,
    start: (ports = createPorts, now = () => performance.now()) => {
      const stop = new AbortController();
      const deps = { client, run, version: '1', log: silentLog, setLogLevel, ports, now };
      const ended = runAgent(config, deps, stop.signal);
      const end = async (): Promise<void> => {
        stop.abort();
        await ended;
      };
      cleanups.push(end);
      return end;
    },
    nls: () => api.stored('nodelocalstorages', NODE),
    volume: (name) => api.stored('localvolumes', name) as LocalVolume | undefined,
    levels,
  };
}

const localVolume = (name: string, sizeBytes: number): LocalVolume => ({
  metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName: NODE, kind: 'LVM', vgName: 'pool-0', sizeBytes, role: 'Volume' },
});

const available = (it: Rig): number | undefined =>
  it.nls()?.status?.nodeStorageInfo?.volumeGroups?.find(({ name }) => name === 'pool-0')?.available;

const SPEC: NodeLocalStorage['spec'] = {
  listConfig: { vgs: { include: ['pool-.*'] }, devices: { include: ['/dev/sim-.'] } },
  resourceToBeInited: { vgs: [{ name: 'pool-0', devices: ['/dev/sim-a', '/dev/sim-b'] }] },
};
const FREE = 10 * GIB - 4 * MIB;

test("how much is logged follows an annotation of the node's object", async () => {
  const it = await rig(SPEC);
  it.start();
  for (const level of ['debug', null]) {
    const metadata = { annotations: { [LOG_LEVEL]: level } };
    await eventually(() => expect(it.levels.length).toBeGreaterThan(0));
    await it.client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'merge', body: { metadata } }, never);
    await eventually(() => expect(it.levels.at(-1)).toBe(level ?? undefined));
  }
  expect(it.levels).toContain('debug');
});

test('a group is made of the blank disk, and the refused one is named in a condition', async () => {
  const it = await rig(SPEC);
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  const { status } = it.nls() ?? {};
  expect(status?.filteredStorageInfo).toMatchObject({
    volumeGroups: ['pool-0'],
    devices: ['/dev/sim-a', '/dev/sim-b'],
    updateStatusInfo: { updateStatus: 'accepted' },
  });
  expect(status?.nodeStorageInfo?.deviceInfo).toMatchObject([
    { name: '/dev/sim-a', mediaType: 'ssd', inUse: 'belongs to volume group pool-0' },
    { name: '/dev/sim-b', mediaType: 'hdd', inUse: 'carries filesystem ext4' },
  ]);
  expect(status?.conditions).toMatchObject([
    { type: 'ConfigAccepted', status: 'True' },
    { type: 'VolumeGroup/pool-0', status: 'False', reason: 'DeviceRefused' },
  ]);
  expect(status?.conditions?.[1]?.message).toMatch(/^\/dev\/sim-b carries filesystem ext4: left alone\. If its data/);
  await eventually(async () => {
    const { items } = await it.client.list(EVENTS, {}, never);
    expect(items).toMatchObject([
      { reason: 'DeviceRefused', involvedObject: { kind: 'NodeLocalStorage', name: NODE } },
    ]);
  });
});

test('a disk that fails is told in status, conditions, faults and one Event, until it does not', async () => {
  const it = await rig(SPEC);
  let offline = true;
  const ports: typeof createPorts = (config, deps) => ({
    ...createPorts(config, deps),
    signs: {
      kernel: async (name) => ({ offline: offline && name === 'sim-a' }),
      filesystemErrors: async () => new Map(),
      smart: async () => ({ kind: 'none', why: '' }),
    },
  });
  it.start(ports);
  await eventually(() => expect(it.nls()?.status?.failingDisks).toHaveLength(1));
  const { failingDisks, conditions, summary } = it.nls()?.status ?? {};
  expect(failingDisks?.[0]).toMatchObject({
    device: '/dev/sim-a',
    reason: 'DiskOffline',
    carries: ['/dev/sim-a', 'pool-0'],
  });
  const { message = '' } = failingDisks?.[0] ?? {};
  expect(conditions).toContainEqual(
    expect.objectContaining({ type: 'Disk/sim-a', status: 'False', reason: 'DiskOffline', message }),
  );
  expect(summary).toMatchObject({ refused: 1, faults: 'DeviceRefused,DiskOffline' });
  const eventsOf = async () => {
    const { items } = await it.client.list(EVENTS, {}, never);
    return items.filter(({ reason }) => reason === 'DiskOffline');
  };
  await eventually(async () => expect(await eventsOf()).toHaveLength(1));
  offline = false;
  await eventually(() => expect(it.nls()?.status).not.toHaveProperty('failingDisks'));
  expect(it.nls()?.status?.summary?.faults).toBe('DeviceRefused');
  expect(await eventsOf()).toMatchObject([{ message: `Disk/sim-a: ${message}`, type: 'Warning' }]);
});

test('a volume is made, grown, used and removed, and the room is back to the byte', async () => {
  const it = await rig(SPEC);
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));

  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB + 1), never);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
  expect(it.volume('v1')?.status).toEqual({
    phase: 'Ready',
    sizeBytes: GIB + 4 * MIB,
    summary: { size: '1028Mi' },
    devicePath: '/dev/pool-0/v1',
    groupUuid: 'simulated-pool-0',
    volumeUuid: expect.stringContaining('v1') as string,
  });
  await eventually(() => expect(available(it)).toBe(FREE - GIB - 4 * MIB));

  const volumeCapability = csi.VolumeCapability.create({
    accessType: { $case: 'mount', value: {} },
    accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
  });
  const staging = { volumeId: 'v1', stagingTargetPath: `${it.folder}/staging` };
  const target = { volumeId: 'v1', targetPath: `${it.folder}/pod/mount` };
  const stage = csi.NodeStageVolumeRequest.create({ ...staging, volumeCapability });
  const publish = csi.NodePublishVolumeRequest.create({ ...staging, ...target, volumeCapability });
  await mkdir(`${it.folder}/pod`);
  await it.csi.node.nodeStageVolume(stage, never);
  await it.csi.node.nodePublishVolume(publish, never);
  expect(it.volume('v1')?.metadata.annotations).toMatchObject({ 'csi.aliyun.com/formatted': 'ext4' });

  await it.client.patch(
    LOCAL_VOLUMES,
    { name: 'v1' },
    { type: 'merge', body: { spec: { sizeBytes: 2 * GIB } } },
    never,
  );
  await eventually(() => expect(it.volume('v1')?.status?.sizeBytes).toBe(2 * GIB));
  const grown = await it.csi.node.nodeExpandVolume(
    csi.NodeExpandVolumeRequest.create({
      volumeId: 'v1',
      volumePath: target.targetPath,
      capacityRange: { requiredBytes: BigInt(2 * GIB) },
    }),
    never,
  );
  expect(grown.capacityBytes).toBe(BigInt(2 * GIB));
  const stats = await it.csi.node.nodeGetVolumeStats(
    csi.NodeGetVolumeStatsRequest.create({ volumeId: 'v1', volumePath: target.targetPath }),
    never,
  );
  expect(stats.usage[0]?.total).toBe(BigInt(2 * GIB));

  await it.csi.node.nodeUnpublishVolume(csi.NodeUnpublishVolumeRequest.create(target), never);
  await it.csi.node.nodeUnstageVolume(csi.NodeUnstageVolumeRequest.create(staging), never);
  await it.client.delete(LOCAL_VOLUMES, { name: 'v1' }, never);
  await eventually(() => expect(it.volume('v1')).toBeUndefined());
  await eventually(() => expect(available(it)).toBe(FREE));
});

test('volumes that come together share a report', async () => {
  const it = await rig(SPEC, '1h');
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  const reports = it.api.troubles.delay({ verb: 'patch', resource: 'nodelocalstorages', subresource: 'status' }, 0);
  const names = Array.from({ length: 16 }, (_, i) => `v${i}`);
  await Promise.all(names.map((name) => it.client.create(LOCAL_VOLUMES, localVolume(name, 4 * MIB), never)));
  await eventually(() => expect(available(it)).toBe(FREE - 16 * 4 * MIB));
  await eventually(() => expect(names.map((name) => it.volume(name)?.status?.phase)).toEqual(names.map(() => 'Ready')));
  expect(reports.hits()).toBeLessThan(names.length);
});

test('a volume too large for its group fails with a reason, and can be removed', async () => {
  const it = await rig(SPEC);
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  await it.client.create(LOCAL_VOLUMES, localVolume('big', 11 * GIB), never);
  await eventually(() => expect(it.volume('big')?.status).toMatchObject({ phase: 'Failed', reason: 'NoSpace' }));
  await it.client.delete(LOCAL_VOLUMES, { name: 'big' }, never);
  await eventually(() => expect(it.volume('big')).toBeUndefined());
});

test('a volume that is held serves on though it is deleted, and goes when it is let go', async () => {
  const it = await rig(SPEC);
  it.start();
  const held = localVolume('v1', GIB);
  await it.client.create(
    LOCAL_VOLUMES,
    { ...held, metadata: { ...held.metadata, annotations: { [KEEP]: 'until DeleteVolume' } } },
    never,
  );
  await eventually(() => expect(available(it)).toBe(FREE - GIB));
  await it.client.delete(LOCAL_VOLUMES, { name: 'v1' }, never);
  const patch = (body: object) => it.client.patch(LOCAL_VOLUMES, { name: 'v1' }, { type: 'merge', body }, never);
  // It grows: so the agent has heard of its end, and looked after it.
  await patch({ spec: { sizeBytes: 2 * GIB } });
  await eventually(() => expect(available(it)).toBe(FREE - 2 * GIB));
  await eventually(() => expect(it.volume('v1')?.status).toMatchObject({ phase: 'Ready', sizeBytes: 2 * GIB }));
  await patch({ metadata: { annotations: { [KEEP]: null } } });
  await eventually(() => expect(it.volume('v1')).toBeUndefined());
  await eventually(() => expect(available(it)).toBe(FREE));
});

test.each([
  ['removed', 'VolumeLost', 'is gone, and its data with it', (text: string) => without('v1', text)],
  ['renamed', 'VolumeMismatch', 'rename it back', (text: string) => text.replace('"name": "v1"', '"name": "other"')],
])('a logical volume that somebody %s is told to be so, and serves again when it is back', async (...row) => {
  const [, reason, told, changed] = row;
  const it = await rig(SPEC);
  it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
  const disks = path.join(it.folder, 'disks.json');
  const whole = await readFile(disks, 'utf8');
  await writeFile(disks, changed(whole));
  await eventually(() => expect(it.volume('v1')?.status).toMatchObject({ phase: 'Failed', reason }));
  expect(it.volume('v1')?.status?.message).toContain(told);
  await writeFile(disks, whole);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
});

test('a group of which a disk has a damaged copy of the metadata serves, and it is told, be it listed or matched', async () => {
  const it = await rig(SPEC);
  it.start((...args) => {
    const { lvm, ...ports } = createPorts(...args);
    const report: typeof lvm.report = async (signal) => {
      const { groups, ...rest } = await lvm.report(signal);
      return {
        ...rest,
        groups: groups.map((group) => ({
          ...group,
          devices: group.devices.map((pv) => ({ ...pv, damagedCopy: true as const })),
        })),
      };
    };
    return { ...ports, lvm: { ...lvm, report } };
  });
  const told = () => it.nls()?.status?.conditions?.filter(({ type }) => type === 'VolumeGroup/pool-0');
  const expected = expect.objectContaining({ status: 'False', reason: 'MetadataDamaged' });
  await eventually(() => expect(told()).toEqual([expected]));
  const since = Number(it.nls()?.metadata.generation);
  const body = { spec: { resourceToBeInited: { vgs: [] } } };
  await it.client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'merge', body }, never);
  await eventually(() => expect(told()).toEqual([expect.objectContaining({ observedGeneration: since + 1 })]));
  expect(told()).toEqual([expected]);
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
});

/** The disks of a node without a logical volume. */
const without = (name: string, text: string): string =>
  JSON.stringify(
    JSON.parse(text, (_, value: unknown) =>
      Array.isArray(value) ? value.filter((each) => each?.name !== name) : value,
    ),
  );

test('volumes that nobody speaks of any more are told, keep their room, and are adopted or removed on purpose', async () => {
  const it = await rig(SPEC);
  const stop = it.start();
  const names = ['v-adopted', 'v-removed'];
  for (const name of names) await it.client.create(LOCAL_VOLUMES, localVolume(name, GIB), never);
  await eventually(() => expect(names.map((name) => it.volume(name)?.status?.phase)).toEqual(['Ready', 'Ready']));
  await stop();
  for (const name of names) {
    await it.client.delete(LOCAL_VOLUMES, { name }, never);
    const body = { metadata: { finalizers: null } };
    await it.client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, never);
  }

  it.start();
  const told = () => it.nls()?.status?.conditions?.find(({ type }) => type === 'StrayVolumes')?.message ?? '';
  await eventually(() => expect(names.filter((name) => told().includes(name))).toEqual(names));
  expect(available(it)).toBe(FREE - 2 * GIB);
  // As the condition says, which has no word of a finalizer.
  expect(told()).toContain(`with the label ${NODE_LABEL}=${NODE}.`);
  const { spec } = localVolume('v-adopted', GIB);
  const metadata = { name: 'v-adopted', labels: { [NODE_LABEL]: NODE }, finalizers: ['example.org/other'] };
  await it.client.create(LOCAL_VOLUMES, { metadata, spec }, never);
  await eventually(() => expect(it.volume('v-adopted')?.status?.phase).toBe('Ready'));
  expect(it.volume('v-adopted')?.metadata.finalizers).toEqual(['example.org/other', VOLUME_FINALIZER]);
  // The claim of the other was given to another node, since nothing was heard of this one.
  const elsewhere = { ...spec, nodeName: 'elsewhere' };
  const labels = { [NODE_LABEL]: 'elsewhere' };
  const theirs = { metadata: { name: 'v-removed', labels, finalizers: [VOLUME_FINALIZER] }, spec: elsewhere };
  const made = await it.client.create(LOCAL_VOLUMES, theirs, never);
  const uuids = [...told().matchAll(/UUID ([^)]+)\)/g)].map(([, uuid = '']) => uuid);
  const body = { metadata: { annotations: { [REMOVE_STRAYS]: uuids.join(',') } } };
  await it.client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'merge', body }, never);
  await eventually(() => expect(available(it)).toBe(FREE - GIB));
  await eventually(() => expect(told()).toBe(''));
  expect(it.volume('v-adopted')?.status?.phase).toBe('Ready');
  expect(it.volume('v-removed')).toEqual(made);
});

test('a volume of which nobody speaks since the agent looked is told without waiting for the clock', async () => {
  const it = await rig(SPEC, '1h');
  it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  await eventually(() => expect(available(it)).toBe(FREE - GIB));
  const body = { metadata: { finalizers: null } };
  await it.client.patch(LOCAL_VOLUMES, { name: 'v1' }, { type: 'merge', body }, never);
  await it.client.delete(LOCAL_VOLUMES, { name: 'v1' }, never);
  const told = () => it.nls()?.status?.conditions?.find(({ type }) => type === 'StrayVolumes')?.message;
  await eventually(() => expect(told()).toContain('pool-0/v1 (1 GiB'));
});

test('a node that cannot be looked at says so, keeps what was known, and recovers', async () => {
  const it = await rig(SPEC);
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  const disks = path.join(it.folder, 'disks.json');
  const whole = await readFile(disks, 'utf8');
  await writeFile(disks, '{');
  const state = () => it.nls()?.status?.nodeStorageInfo?.state;
  await eventually(() => expect(state()).toMatchObject({ type: 'DiskFault', reason: 'DiscoveryFailed' }));
  expect(state()?.message).toContain(disks);
  expect(available(it)).toBe(FREE);
  await writeFile(disks, whole);
  await eventually(() => expect(state()?.type).toBe('DiskReady'));
});

test('a kubelet that does not know the driver is told of, until it does', async () => {
  const it = await rig(SPEC, '100ms', (folder) => ({
    ...{ 'kubelet-dir': folder, 'registration-endpoint': `unix://${folder}/reg.sock` },
  }));
  let nowMs = 0;
  it.start(createPorts, () => nowMs);
  await eventually(() => expect(available(it)).toBe(FREE));
  const registered = () => it.nls()?.status?.conditions?.find(({ type }) => type === 'DriverRegistered');
  expect(registered()).toBeUndefined();
  nowMs = 120_000;
  await eventually(() => expect(registered()).toMatchObject({ status: 'False', reason: 'DriverNotRegistered' }));
  expect(registered()?.message).toContain(`it has not looked at ${it.folder}/reg.sock.`);

  const kubelet = new Client(`unix://${it.folder}/reg.sock`, credentials.createInsecure());
  cleanups.push(async () => kubelet.close());
  const { path: method, requestSerialize, responseDeserialize } = RegistrationService.notifyRegistrationStatus;
  kubelet.makeUnaryRequest(
    method,
    requestSerialize,
    responseDeserialize,
    { pluginRegistered: true, error: '' },
    () => {},
  );
  await eventually(() => expect(registered()).toBeUndefined());
});

test('an invalid pattern, a duplicate group and a device listed twice are told, and nothing is written', async () => {
  const it = await rig({
    listConfig: { vgs: { include: ['po(ol'] } },
    resourceToBeInited: {
      vgs: [
        { name: 'pool-0', devices: ['/dev/sim-a'] },
        { name: 'pool-0', devices: ['/dev/sim-b'] },
        { name: 'pool-1', devices: ['/dev/sim-a'] },
      ],
    },
  });
  it.start();
  await eventually(() =>
    expect(it.nls()?.status?.conditions).toMatchObject([
      { type: 'ConfigAccepted', status: 'False', message: expect.stringContaining('"po(ol"') as string },
      { type: 'VolumeGroup/pool-0', status: 'False', reason: 'DuplicateGroup' },
      {
        type: 'VolumeGroup/pool-1',
        status: 'False',
        message: expect.stringContaining('/dev/sim-a is listed more than once') as string,
      },
    ]),
  );
  expect(it.nls()?.status?.nodeStorageInfo?.volumeGroups).toEqual([]);
});

test('a mount point is made, reported, and mounted again after a boot', async () => {
  const it = await rig({});
  const point = path.join(it.folder, 'mnt/data-0');
  const spec = { resourceToBeInited: { mountpoints: [{ path: point, device: '/dev/sim-a', fsType: 'xfs' }] } };
  await it.client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'merge', body: { spec } }, never);
  const end = it.start();
  const info = () => it.nls()?.status?.nodeStorageInfo;
  const seen = { name: point, total: 10 * GIB, fsType: 'xfs', device: '/dev/sim-a', condition: 'DiskReady' };
  await eventually(() => expect(info()?.mountPoints).toMatchObject([seen]));
  expect(it.nls()?.status?.conditions).toMatchObject([
    { type: 'ConfigAccepted' },
    { type: `MountPoint/${point}`, status: 'True', reason: 'Ready' },
  ]);
  expect(info()?.deviceInfo?.[0]).toMatchObject({ name: '/dev/sim-a', inUse: `is mounted at ${point}` });

  await end();
  const mounts = path.join(it.folder, 'mounts.json');
  const before = JSON.parse(await readFile(mounts, 'utf8')) as object;
  await writeFile(mounts, JSON.stringify({ ...before, mounts: [] }));
  it.start();
  await eventually(async () => expect(await readFile(mounts, 'utf8')).toContain(`"target": "${point}"`));
});

test('a mount point that another program unmounts at once is told, and not called mounted', async () => {
  const it = await rig({});
  const point = path.join(it.folder, 'mnt/data-0');
  const spec = { resourceToBeInited: { mountpoints: [{ path: point, device: '/dev/sim-a', fsType: 'xfs' }] } };
  await it.client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'merge', body: { spec } }, never);
  it.start((...args) => {
    const ports = createPorts(...args);
    const mount: typeof ports.mounts.mount = async (wanted, signal) => {
      await ports.mounts.mount(wanted, signal);
      await ports.mounts.unmount(wanted.target, signal);
    };
    return { ...ports, mounts: { ...ports.mounts, mount } };
  });
  await eventually(() =>
    expect(it.nls()?.status?.conditions).toMatchObject([
      { type: 'ConfigAccepted' },
      {
        ...{ type: `MountPoint/${point}`, status: 'False', reason: 'MountFailed' },
        message: expect.stringContaining('another program unmounts it') as string,
      },
    ]),
  );
});

test('an inline volume lives from publish to unpublish, as an object of its own', async () => {
  const it = await rig(SPEC);
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  const id = inlineVolumeId('u-1', 'scratch');
  await mkdir(`${it.folder}/pod`);
  const publish = (size: string) =>
    it.csi.node.nodePublishVolume(
      csi.NodePublishVolumeRequest.fromPartial({
        volumeId: id,
        targetPath: `${it.folder}/pod/scratch`,
        volumeCapability: {
          accessType: { $case: 'mount', value: { fsType: '' } },
          accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
        },
        volumeContext: { 'csi.storage.k8s.io/ephemeral': 'true', vgName: 'pool-0', size, bps: '1Mi' },
      }),
      never,
    );
  await expect(publish('11Gi')).rejects.toMatchObject({
    code: 8,
    details: expect.stringMatching(/has .* for it, and 11 GiB are asked for/) as string,
  });
  await eventually(() => expect(it.volume(id)).toBeUndefined());

  await publish('1Gi');
  await publish('1Gi'); // again: done
  expect(it.volume(id)).toMatchObject({
    metadata: { labels: { [NODE_LABEL]: NODE }, annotations: { 'csi.aliyun.com/formatted': 'ext4' } },
    spec: { role: 'Ephemeral', vgName: 'pool-0', sizeBytes: GIB, limits: { readBps: MIB, writeBps: MIB } },
    status: { phase: 'Ready' },
  });
  await eventually(() => expect(available(it)).toBe(FREE - GIB));

  const unpublish = { volumeId: id, targetPath: `${it.folder}/pod/scratch` };
  await it.csi.node.nodeUnpublishVolume(csi.NodeUnpublishVolumeRequest.fromPartial(unpublish), never);
  await it.csi.node.nodeUnpublishVolume(csi.NodeUnpublishVolumeRequest.fromPartial(unpublish), never);
  await eventually(() => expect(it.volume(id)).toBeUndefined());
  await eventually(() => expect(available(it)).toBe(FREE));
});

test('an agent started anew goes on where the last one was', async () => {
  const it = await rig(SPEC);
  const end = it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  await end();
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  it.start();
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
});

test('the kubelet reaches an agent whose socket somebody removed', async () => {
  const it = await rig(SPEC);
  it.start();
  const socket = path.join(it.folder, 'csi.sock');
  const reach = async (): Promise<boolean> => {
    const connected = connect(socket); // the kubelet connects for each call
    await once(connected, 'connect');
    return connected.destroy().destroyed;
  };
  await eventually(reach);
  await rm(socket);
  await eventually(async () => expect(await reach()).toBe(true));
});

test('metrics and health are served on a unix socket', async () => {
  const it = await rig(SPEC);
  it.start();
  await eventually(() => expect(available(it)).toBe(FREE));
  expect(await get(`${it.folder}/metrics.sock`, '/readyz')).toContain('[+]objects ok');
  expect(await get(`${it.folder}/metrics.sock`, '/metrics')).toContain(
    `open_local_agent_volume_group_bytes{group="pool-0",of="free"} ${FREE}`,
  );
});

function get(socketPath: string, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path: target, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

interface State {
  readonly disks: readonly object[];
  readonly groups: readonly {
    readonly name: string;
    readonly uuid?: string;
    readonly volumes: readonly { name: string }[];
  }[];
}

/** Changes the machine behind the agent's back. */
async function edit(it: Rig, change: (state: State) => object): Promise<void> {
  const file = path.join(it.folder, 'disks.json');
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')) as State)));
}

const stateOf = async (it: Rig): Promise<State> =>
  JSON.parse(await readFile(path.join(it.folder, 'disks.json'), 'utf8')) as State;
const conditionOf = (it: Rig) => it.nls()?.status?.conditions?.find(({ type }) => type === 'VolumeGroup/pool-0');

/** A disk from another node, with a group of the same name on it. */
const withForeignGroup = ({ disks, groups, ...rest }: State): object => ({
  ...rest,
  disks: [{ name: '/dev/sim-z', sizeBytes: 10 * GIB }, ...disks],
  groups: [{ name: 'pool-0', uuid: 'foreign', devices: ['/dev/sim-z'], volumes: [] }, ...groups],
});

test('a second group of the name: nothing is lost, made or removed until one of them is renamed', async () => {
  const it = await rig(SPEC);
  it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('kept', GIB), never);
  await it.client.create(LOCAL_VOLUMES, localVolume('leaving', GIB), never);
  await eventually(() => {
    for (const name of ['kept', 'leaving']) expect(it.volume(name)?.status?.phase).toBe('Ready');
    expect(it.nls()?.status?.knownGroups).toEqual([{ name: 'pool-0', uuid: 'simulated-pool-0' }]);
  });

  await edit(it, withForeignGroup);
  await eventually(() => expect(conditionOf(it)?.reason).toBe('DuplicateName'));
  expect(conditionOf(it)?.message).toMatch(/foreign on \/dev\/sim-z and simulated-pool-0 on \/dev\/sim-a/);
  const reported = it.nls()?.status?.nodeStorageInfo?.volumeGroups;
  expect(reported).toMatchObject([{ name: 'pool-0', uuid: 'simulated-pool-0', condition: 'DiskFault' }]);
  expect(it.volume('kept')?.status).toMatchObject({ phase: 'Ready', groupUuid: 'simulated-pool-0' });
  expect(it.volume('kept')?.status).not.toHaveProperty('reason');

  await it.client.create(LOCAL_VOLUMES, localVolume('new', GIB), never);
  await it.client.delete(LOCAL_VOLUMES, { name: 'leaving' }, never);
  await eventually(() => {
    expect(it.volume('new')?.status).toMatchObject({ phase: 'Failed', reason: 'GroupMismatch' });
    expect(it.volume('leaving')?.status).toMatchObject({ phase: 'Deleting', reason: 'GroupMismatch' });
  });
  const [theirs, ours] = (await stateOf(it)).groups;
  expect(theirs).toMatchObject({ uuid: 'foreign', volumes: [] });
  expect(ours?.volumes.map(({ name }) => name).toSorted()).toEqual(['kept', 'leaving']);

  await edit(it, ({ groups: [foreign, ...groups], ...rest }) => ({
    ...rest,
    groups: [{ ...foreign, name: 'other' }, ...groups],
  }));
  await eventually(() => {
    expect(it.volume('leaving')).toBeUndefined();
    expect(it.volume('new')?.status).toMatchObject({ phase: 'Ready', groupUuid: 'simulated-pool-0' });
  });
});

test("a group that is another node's at the same time gets and loses nothing here until it is this node's alone", async () => {
  const it = await rig(SPEC);
  const end = it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('kept', GIB), never);
  await eventually(() => expect(available(it)).toBe(FREE - GIB));

  const volumeGroups = it.nls()?.status?.nodeStorageInfo?.volumeGroups ?? [];
  const tell = (status: object) =>
    it.client.patch(
      NODE_LOCAL_STORAGES,
      { name: 'n2' },
      { type: 'json', body: [{ op: 'add', path: '/status', value: status }] },
      never,
      'status',
    );
  await it.client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n2' }, spec: { nodeName: 'n2' } }, never);
  await tell({ nodeStorageInfo: { volumeGroups } });
  const { spec } = localVolume('theirs', GIB);
  const theirs = { metadata: { name: 'theirs', labels: { [NODE_LABEL]: 'n2' } }, spec: { ...spec, nodeName: 'n2' } };
  await it.client.create(LOCAL_VOLUMES, theirs, never);
  const body = [{ op: 'add', path: '/status', value: { phase: 'Ready', volumeUuid: 'lv-theirs' } }] as const;
  await it.client.patch(LOCAL_VOLUMES, { name: 'theirs' }, { type: 'json', body }, never, 'status');
  const volume = { name: 'theirs', uuid: 'lv-theirs', tags: [OUR_TAG], stripes: 1, segments: [] };
  await edit(it, ({ groups: [group, ...groups], ...rest }) => ({
    ...rest,
    groups: [{ ...group, volumes: [...(group?.volumes ?? []), volume] }, ...groups],
  }));
  await eventually(() => expect(conditionOf(it)?.reason).toBe('SharedGroup'));
  expect(it.nls()?.status?.nodeStorageInfo?.volumeGroups).toMatchObject([{ name: 'pool-0', condition: 'DiskFault' }]);

  await end();
  await it.client.create(LOCAL_VOLUMES, localVolume('new', GIB), never);
  await it.client.delete(LOCAL_VOLUMES, { name: 'kept' }, never);
  it.start();
  await eventually(() => {
    expect(it.volume('new')?.status).toMatchObject({ phase: 'Failed', reason: 'GroupMismatch' });
    expect(it.volume('kept')?.status).toMatchObject({ phase: 'Deleting', reason: 'GroupMismatch' });
  });
  await tell({ nodeStorageInfo: { volumeGroups: [] } });
  await eventually(() => {
    expect(it.volume('kept')).toBeUndefined();
    expect(it.volume('new')?.status).toMatchObject({ phase: 'Ready' });
  });
});

test('a group that takes the name of one that is gone gets no volume, and loses none', async () => {
  const it = await rig(SPEC);
  it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
  await eventually(() => expect(it.nls()?.status?.knownGroups).toHaveLength(1));

  let gone: object = {};
  await edit(it, (state) => {
    gone = state.groups[0] ?? {};
    return withForeignGroup({ ...state, groups: [] });
  });
  await eventually(() => {
    expect(conditionOf(it)).toMatchObject({ status: 'False', reason: 'OtherGroup' });
    expect(it.volume('v1')?.status).toMatchObject({ phase: 'Failed', reason: 'GroupMissing' });
  });
  expect(it.volume('v1')?.status?.message).toMatch(/simulated-pool-0, which has the volume, .*foreign has its name/);
  expect(it.nls()?.status?.nodeStorageInfo?.volumeGroups).toEqual([]);
  await it.client.create(LOCAL_VOLUMES, localVolume('new', GIB), never);
  await eventually(() => expect(it.volume('new')?.status).toMatchObject({ phase: 'Failed', reason: 'GroupMismatch' }));

  await edit(it, (state) => ({ ...state, groups: [gone] }));
  await eventually(() => {
    for (const name of ['v1', 'new']) expect(it.volume(name)?.status).toMatchObject({ phase: 'Ready' });
  });
});

const snapshotOf = (source: string, name: string): LocalVolume => {
  const volume = localVolume(name, 256 * MIB);
  const copyOnWrite = { thresholdPercent: 50, stepBytes: GIB };
  return { ...volume, spec: { ...volume.spec, role: 'Snapshot', source: { volume: source }, copyOnWrite } };
};

test('a snapshot is taken, told while it fills, read, and kept with its source until nothing needs them', async () => {
  const it = await rig(SPEC);
  it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
  await it.client.create(LOCAL_VOLUMES, snapshotOf('v1', 'snap'), never);
  await eventually(() => expect(it.volume('snap')?.status?.phase).toBe('Ready'));
  expect(it.volume('snap')?.status).toMatchObject({
    ...{ sizeBytes: 256 * MIB, devicePath: '/dev/pool-0/snap' },
    snapshot: { takenAt: expect.any(String) as string, usedBytes: 8192, sourceBytes: GIB, overflowed: false },
  });
  await eventually(() => expect(available(it)).toBe(10 * GIB - 4 * MIB - GIB - 256 * MIB));

  const reader = localVolume('reader', 4 * GIB);
  const spec = { ...reader.spec, source: { snapshot: 'snap' }, readOnly: true };
  await it.client.create(LOCAL_VOLUMES, { ...reader, spec }, never);
  await eventually(() => expect(it.volume('reader')?.status?.phase).toBe('Ready'));
  expect(it.volume('reader')?.status?.devicePath).toBe('/dev/pool-0/snap');

  const file = `${it.folder}/disks.json`;
  const fillUp = async (more: string): Promise<void> => {
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/"usedBytes": ?\d+/, `"usedBytes": ${more}`));
  };
  await fillUp(String(130 * MIB));
  await eventually(() => expect(it.volume('snap')?.status?.snapshot?.usedBytes).toBe(130 * MIB));
  const larger = { type: 'merge', body: { spec: { sizeBytes: 512 * MIB } } } as const;
  await it.client.patch(LOCAL_VOLUMES, { name: 'snap' }, larger, never);
  await eventually(() => expect(it.volume('snap')?.status?.sizeBytes).toBe(512 * MIB));

  await it.client.delete(LOCAL_VOLUMES, { name: 'v1' }, never);
  await it.client.delete(LOCAL_VOLUMES, { name: 'snap' }, never);
  await eventually(() => expect(it.volume('v1')?.status?.reason).toBe('KeptBySnapshot'));
  await eventually(() => expect(it.volume('snap')?.status?.reason).toBe('KeptByReader'));
  await fillUp('1, "overflowed": true');
  await eventually(() => expect(it.volume('reader')?.status?.reason).toBe('SnapshotOverflowed'));
  expect(it.volume('reader')?.status?.phase).toBe('Failed');

  await it.client.delete(LOCAL_VOLUMES, { name: 'reader' }, never);
  await eventually(() => expect([it.volume('v1'), it.volume('snap')]).toEqual([undefined, undefined]));
  await eventually(() => expect(available(it)).toBe(10 * GIB - 4 * MIB));
});

test('what waits for the last snapshot hears when it is gone', async () => {
  const it = await rig(SPEC, '1h');
  it.start();
  await it.client.create(LOCAL_VOLUMES, localVolume('v1', GIB), never);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
  await it.client.create(LOCAL_VOLUMES, snapshotOf('v1', 'snap'), never);
  await eventually(() => expect(it.volume('snap')?.status?.phase).toBe('Ready'));
  await it.client.delete(LOCAL_VOLUMES, { name: 'v1' }, never);
  await eventually(() => expect(it.volume('v1')?.status?.reason).toBe('KeptBySnapshot'));
  await it.client.delete(LOCAL_VOLUMES, { name: 'snap' }, never);
  await eventually(() => expect(it.volume('v1')).toBe(undefined));
});
