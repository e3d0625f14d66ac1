import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import {
  CLAIMS,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  VOLUME_SNAPSHOTS,
} from '../../src/kube/resource.ts';
import { bytes, GIB } from '../../src/model/bytes.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../src/model/objects.ts';
import type { VolumeSnapshot } from '../../src/model/snapshot-objects.ts';
import { GONE_SINCE } from '../../src/model/well-known.ts';
import { CHECKOUT } from './cluster/program.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { mark, readRequests, type ApiRequest } from './instruments/audit.ts';
import { inWords, refused, rightsOf, unused, type Right, type Role } from './instruments/rights.ts';
import { claimSpec, createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';
import { createGroupSnapshots } from './instruments/group-snapshots.ts';
import { startLoneAgent } from './system/lone-agent.ts';
import { startSystem, type System } from './system/system.ts';

/**
 * What deploy/ allows each program is what it asks the API server for, in a life with all that there is: two replicas
 * with every sidecar, an agent with a token of its own, volumes of every kind, snapshots, clones, limits, a leader that
 * goes, and a node that is lost.
 */
const never = new AbortController().signal;
const WITHIN_MS = 90_000;
const AUDITED = 'audited';
const LOST = 'gone-1';
const ACCOUNTS = ['open-local-operator', 'open-local-agent'].map((name) => `system:serviceaccount:open-local:${name}`);

let system: System;
let agent: { stop(): Promise<void> } | undefined;
beforeAll(async () => {
  const openLocal = inject('openLocal');
  const disks = `/dev/sdb:${60 * 1024 + 1}Mi:ssd`;
  system = await startSystem({
    openLocal,
    groups: [
      { prefix: 'node', count: 1, disks },
      { prefix: 'gone', count: 1, disks },
    ],
    ...{ asPods: true, snapshots: 'with groups', audit: true, extender: { ignorable: true } },
  });
  await system.kubectl('apply', '-f', path.join(CHECKOUT, 'examples/limits.yaml'));
  await system.client.patch(
    INIT_CONFIGS,
    { name: 'open-local' },
    { type: 'merge', body: { spec: { nodesConfig: [AUDITED_CONFIG] } } },
    never,
  );
  const all = ['/dev/sdb', '/dev/sdc', '/dev/sdd'].map((name) => ({
    ...{ name, size: bytes(60 * GIB), mediaType: 'ssd' as const },
  }));
  agent = await startLoneAgent(system, openLocal, { name: AUDITED, labels: {}, disks: all });
}, 240_000);
afterAll(async () => {
  await agent?.stop();
  await system?.stop();
});

const AUDITED_CONFIG = {
  selector: { matchLabels: { 'kubernetes.io/hostname': AUDITED } },
  listConfig: {
    vgs: { include: ['open-local-pool-[0-9]+'] },
    devices: { include: ['/dev/sdd'] },
    mountPoints: { include: ['/mnt/open-local/disk'] },
  },
  resourceToBeInited: {
    vgs: [{ name: 'open-local-pool-0', devices: ['/dev/sdb'] }],
    mountpoints: [{ path: '/mnt/open-local/disk', device: '/dev/sdc', fsType: 'ext4' }],
  },
};

const on = (node: string): { nodeSelector: Record<string, string> } => ({
  nodeSelector: { 'kubernetes.io/hostname': node },
});
const INLINE = {
  name: 'inline',
  csi: { driver: 'local.csi.aliyun.com', volumeAttributes: { vgName: 'open-local-pool-0', size: '1Gi' } },
};
const PODS_WANTED: readonly PodWish[] = [
  { name: 'plain', sizes: ['1Gi'], spec: on(AUDITED) },
  { name: 'device', sizes: ['1Gi'], storageClass: 'open-local-device-ssd', spec: on(AUDITED) },
  { name: 'mounted', sizes: ['1Gi'], storageClass: 'open-local-mountpoint-ssd', spec: on(AUDITED) },
  { name: 'doomed', sizes: ['1Gi'], spec: on(LOST) },
];

/** A claim, and a pod that wants it. */
async function claimed(name: string, spec: PersistentVolumeClaim['spec'] & object): Promise<void> {
  await system.client.create(CLAIMS, { metadata: { namespace: 'default', name: `${name}-0` }, spec }, never);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: `${name}-0` } }];
  await createPods(system, [{ name, sizes: [], spec: { volumes } }]);
  await untilRunning(system, [name], WITHIN_MS);
}

const change = (claim: string, spec: object): Promise<unknown> =>
  system.client.patch(CLAIMS, { namespace: 'default', name: claim }, { type: 'merge', body: { spec } }, never);

async function live(): Promise<void> {
  const { client, stores } = system;
  await createPods(system, PODS_WANTED);
  await createPods(system, [{ name: 'inline', sizes: [], spec: { ...on(AUDITED), volumes: [INLINE] } }]);
  const names = [...PODS_WANTED.map(({ name }) => name), 'inline'];
  await untilRunning(system, names, WITHIN_MS);

  await change('plain-0', { resources: { requests: { storage: '2Gi' } } });
  await until('the claim has grown', [stores.claims], WITHIN_MS, () => capacity('plain-0') === '2Gi');
  await change('plain-0', { volumeAttributesClassName: 'open-local-silver' });
  await until('the limits are there', [stores.localVolumes], WITHIN_MS, () =>
    stores.localVolumes.list().some(({ spec }) => spec.claim?.name === 'plain-0' && spec.limits?.readIops === 1000),
  );

  const snapshot = {
    metadata: { namespace: 'default', name: 'snap' },
    spec: { volumeSnapshotClassName: 'open-local-lvm', source: { persistentVolumeClaimName: 'plain-0' } },
  } as VolumeSnapshot;
  await client.create(VOLUME_SNAPSHOTS, snapshot, never);
  const source = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'snap' };
  await claimed('restored', { ...claimSpec('2Gi'), dataSource: source });
  await deletePods(system, [{ name: 'restored', sizes: ['2Gi'] }]);
  const taken = stores.localVolumes.list().find(({ spec }) => spec.role === 'Snapshot')?.metadata.name ?? '';
  const full = { status: { snapshot: { overflowed: true } } };
  await client.patch(LOCAL_VOLUMES, { name: taken }, { type: 'merge', body: full }, never, 'status');
  await until('it is told that it overflowed', [stores.events], WITHIN_MS, () =>
    stores.events
      .list()
      .some(({ reason, involvedObject }) => reason === 'SnapshotLost' && involvedObject.name === 'snap'),
  );
  await client.delete(VOLUME_SNAPSHOTS, { namespace: 'default', name: 'snap' }, never);
  await until('the snapshot is gone', [stores.localVolumes], WITHIN_MS, () =>
    stores.localVolumes.list().every(({ spec }) => spec.role !== 'Snapshot'),
  );
  const group = createGroupSnapshots(system);
  await group.take('group', ['plain-0']);
  await group.untilReady('group');
  await group.remove('group');
  await group.take('apart', ['plain-0', 'doomed-0']);
  await group.untilRefused('apart');
  await group.remove('apart');
  await claimed('clone', { ...claimSpec('2Gi'), dataSource: { kind: 'PersistentVolumeClaim', name: 'plain-0' } });
  await claimed('limited', { ...claimSpec('1Gi'), volumeAttributesClassName: 'open-local-silver' });

  // A claim that fits nowhere is told, and asked for again by the provisioner.
  await createPods(system, [{ name: 'vast', sizes: ['900Gi'] }]);
  await until('it is told', [stores.events], WITHIN_MS, () =>
    stores.events.list().some(({ involvedObject }) => involvedObject.name === 'vast'),
  );

  // What every node should have changes, and a class goes.
  const wider = { spec: { globalConfig: { listConfig: { vgs: { include: ['open-local-pool-[0-9]+', 'more'] } } } } };
  await client.patch(INIT_CONFIGS, { name: 'open-local' }, { type: 'merge', body: wider }, never);
  await system.kubectl('delete', 'storageclass', 'open-local-lvm-io-throttling');
  // An earlier version's Service had a selector, and Kubernetes wrote where it led.
  await system.kubectl('apply', '-f', await leftBehind());

  // The leader goes, and the next takes the Lease and the Service.
  const leader = system.leader().name;
  await client.delete(PODS, { namespace: 'open-local', name: leader }, never);
  await until('another leads', [stores.pods], WITHIN_MS, () => system.extender.ready() !== undefined && next(leader));

  // A node that never comes back.
  await system.nodes.find(({ name }) => name === 'nodes-gone')?.stop();
  const body = { metadata: { annotations: { 'csi.aliyun.com/lost': 'burnt' } } };
  await client.patch(NODE_LOCAL_STORAGES, { name: LOST }, { type: 'merge', body }, never);
  await client.delete(PODS, { namespace: 'default', name: 'doomed' }, never, { gracePeriodSeconds: 0 });
  await client.delete(CLAIMS, { namespace: 'default', name: 'doomed-0' }, never);
  await until('its volume is let go', [stores.localVolumes], WITHIN_MS, () =>
    stores.localVolumes.list().every(({ spec }) => spec.nodeName !== LOST),
  );
  await client.delete(NODES, { name: LOST }, never);
  const keptSince = () => stores.nodeStorages.get(LOST)?.metadata.labels?.[GONE_SINCE];
  await until('its report is kept aside', [stores.nodeStorages], WITHIN_MS, () => keptSince() !== undefined);
  // Days later a machine of that name is another one.
  const old = { metadata: { labels: { [GONE_SINCE]: '0' } } };
  await client.patch(NODE_LOCAL_STORAGES, { name: LOST }, { type: 'merge', body: old }, never);
  await client.create(NODES, { metadata: { name: LOST } }, never);
  const isAnother = (): boolean => stores.nodeStorages.get(LOST) !== undefined && keptSince() === undefined;
  await until('it has an object of its own', [stores.nodeStorages], WITHIN_MS, isAnother);
  await client.delete(NODES, { name: LOST }, never);
  await until('which goes with it', [stores.nodeStorages], WITHIN_MS, () => !stores.nodeStorages.get(LOST));

  await client.delete(PODS, { namespace: 'default', name: 'inline' }, never);
  await deletePods(system, [
    ...PODS_WANTED.slice(0, 3),
    { name: 'clone', sizes: ['2Gi'] },
    { name: 'limited', sizes: ['1Gi'] },
    { name: 'vast', sizes: ['1'] },
  ]);
  await until('no volume is left', [stores.localVolumes], WITHIN_MS, () => stores.localVolumes.list().length === 0);
}

async function leftBehind(): Promise<string> {
  const file = path.join(system.cluster.dir, 'left-behind.yaml');
  const metadata = { name: 'open-local-scheduler-extender', namespace: 'open-local' };
  const subsets = [{ addresses: [{ ip: '192.0.2.9' }], ports: [{ name: 'extender', port: 23_000 }] }];
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Endpoints', metadata, subsets }));
  return file;
}

const capacity = (claim: string): unknown =>
  (system.stores.claims.get(`default/${claim}`)?.status?.capacity as Record<string, unknown> | undefined)?.['storage'];
const next = (last: string): boolean => {
  try {
    return system.leader().name !== last;
  } catch {
    return false;
  }
};

/** Which program has each role; that of the leaders is of all. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'open-local-provisioner': 'csi-provisioner',
  'open-local-provisioner-snapshots': 'csi-provisioner',
  'open-local-resizer': 'csi-resizer',
  'open-local-snapshotter': 'csi-snapshotter',
  'open-local-agent': 'open-local-agent',
};
const programOf = (role: string): string => PROGRAMS[role] ?? 'open-local-operator';

test('every right that deploy/ gives is used, and none is missing', async () => {
  await live();
  // A watch is in the log once it has ended.
  await agent?.stop();
  agent = undefined;
  const all = await readRequests(system.cluster.dir, undefined, await mark(system.cluster.dir, system.client, never));
  const requests = all.filter(({ user }) => ACCOUNTS.includes(user));
  expect(refused(requests)).toEqual([]);

  const text = await system.kubectl(
    'get',
    'clusterroles,roles',
    '-A',
    '-l',
    'app.kubernetes.io/name=open-local',
    '-o',
    'json',
  );
  const { items } = JSON.parse(text) as { items: readonly (Role & KubeObject)[] };
  expect(items.length).toBeGreaterThan(7);
  const rights = items.flatMap(rightsOf);
  const byProgram = Map.groupBy(requests, ({ program }) => program);
  const of = ({ role }: Right): readonly ApiRequest[] =>
    role === 'open-local-leader' ? requests : (byProgram.get(programOf(role)) ?? []);
  const idle = rights.flatMap((right) => unused([right], of(right)));
  tell(`${rights.length} rights, ${idle.length} not used:\n${idle.join('\n')}`);
  // Each with why it is seldom used, and who plays it.
  const seldom = await readFile(path.join(import.meta.dirname, 'rights.json'), 'utf8');
  const rare = Object.keys(JSON.parse(seldom) as object);
  expect(idle.filter((right) => !rare.includes(right))).toEqual([]);
  expect(rare.filter((right) => !rights.map(inWords).includes(right))).toEqual([]);
}, 500_000);
