import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { LEASES } from '../../src/kube/lease/lease-record.ts';
import { CLAIMS, LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES, PODS } from '../../src/kube/resource.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import type { Condition, NlsDevice, NlsVolumeGroup, NodeLocalStorage } from '../../src/model/objects.ts';
import { OPERATOR } from '../../src/model/well-known.ts';
import { claimOf, HOUR_MS, NAMESPACE, startSickCluster, type SickCluster } from './sick-cluster.ts';

/** A cluster with something to see: nodes that are full, silent, faulty and that refuse disks, and pods that wait. */
export async function startPeopleCluster(): Promise<SickCluster> {
  const cluster = await startSickCluster();
  // The Lease is good for a quarter of an hour: a slow test shall not find that it is away.
  const renewTime = new Date(Date.now() + HOUR_MS / 4).toISOString().replace('Z', '000Z');
  await cluster.change(LEASES, { namespace: NAMESPACE, name: OPERATOR }, { spec: { renewTime } });
  for (const { metadata, spec = {}, status } of reports()) {
    const { name = '' } = metadata;
    await cluster.put(NODES, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } }, HOUR_MS);
    const agoMs = name === 'worker-2' ? 3 * HOUR_MS : 0;
    await cluster.put(NODE_LOCAL_STORAGES, { metadata, spec, ...(status ? { status } : {}) }, agoMs);
  }
  for (const volume of volumes()) await cluster.put(LOCAL_VOLUMES, volume, HOUR_MS);
  for (const [name, size, more] of CLAIMS_THAT_WAIT)
    await cluster.put(CLAIMS, { ...claimOf(name, { resources: { requests: { storage: size } }, ...more }) });
  for (const [name, claims] of PODS_THAT_WAIT) await cluster.put(PODS, waitingPod(name, claims));
  for (const name of ['database', 'cache'])
    await cluster.put(PODS, { ...waitingPod(`${name}-0`, [name]), status: { phase: 'Running' } });
  return cluster;
}

const CLAIMS_THAT_WAIT: readonly [name: string, size: string, more?: object][] = [
  ['huge', '900Gi'],
  ['log', '80Gi'],
  ['scratch', '90Gi'],
  ['ssd', '500Gi', { storageClassName: 'open-local-device-ssd' }],
  ['shared', '1Gi', { accessModes: ['ReadWriteMany'] }],
  ['small', '2Gi'],
];

const PODS_THAT_WAIT: readonly [name: string, claims: readonly string[]][] = [
  ['archive', ['huge']],
  ['both', ['log', 'scratch']],
  ['fast', ['ssd']],
  ['many', ['shared']],
  ['fits', ['small']],
  ['forgotten', ['not-made']],
];

export const waitingPod = (name: string, claims: readonly string[]) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    containers: [{ name: 'main', image: 'example.org/a:1' }],
    volumes: claims.map((claimName, i) => ({ name: `v${i}`, persistentVolumeClaim: { claimName } })),
  },
  status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
});

const group = (name: string, sizeGib: number, usedGib: readonly number[], more: Partial<NlsVolumeGroup> = {}) => {
  const used = usedGib.reduce((sum, each) => sum + each, 0);
  return {
    ...{ name, uuid: name, total: sizeGib * GIB, available: (sizeGib - used) * GIB, allocatable: sizeGib * GIB },
    ...{ extentSize: 4 * MIB, condition: 'DiskReady' as const, physicalVolumes: ['/dev/sdb'] },
    logicalVolumes: usedGib.map((gib, i) => ({
      ...{ name: `local-${name}-${i}`, vgname: name, total: gib * GIB, condition: 'DiskReady' as const },
    })),
    ...more,
  };
};

const device = (name: string, sizeGib: number, more: Partial<NlsDevice> = {}): NlsDevice => ({
  ...{ name, mediaType: 'ssd', total: sizeGib * GIB, readOnly: false, condition: 'DiskReady' },
  ...more,
});

const condition = (type: string, reason: string, message: string): Condition => ({
  ...{ type, reason, message, status: 'False' as const },
  lastTransitionTime: new Date(Date.now() - HOUR_MS).toISOString(),
});

interface Report {
  readonly groups?: readonly NlsVolumeGroup[];
  readonly devices?: readonly NlsDevice[];
  readonly managedDevices?: readonly string[];
  readonly conditions?: readonly Condition[];
  readonly vgs?: { name: string; devices: string[] }[];
  readonly reserved?: string;
}

function report(name: string, { groups = [], devices = [], managedDevices = [], ...more }: Report): NodeLocalStorage {
  const agoMs = name === 'worker-2' ? 3 * HOUR_MS : 0;
  const now = new Date(Date.now() - agoMs).toISOString();
  const { conditions = [], vgs = [], reserved } = more;
  const isFaulty = groups.some((each) => each.condition === 'DiskFault');
  return {
    metadata: {
      name,
      ...(reserved ? { annotations: { 'csi.aliyun.com/storage-reserved': reserved } } : {}),
    },
    spec: { nodeName: name, resourceToBeInited: { vgs } },
    status: {
      nodeStorageInfo: {
        volumeGroups: [...groups],
        deviceInfo: [...devices],
        phase: 'Running',
        state: { type: isFaulty ? 'DiskFault' : 'DiskReady', status: 'True', lastHeartbeatTime: now },
      },
      filteredStorageInfo: { volumeGroups: groups.map((each) => each.name), devices: [...managedDevices] },
      summary: { total: '0', free: '0', refused: conditions.length },
      conditions: [...conditions],
    },
  };
}

const reports = (): readonly NodeLocalStorage[] => [
  report('worker-1', {
    groups: [group('pool-0', 500, [400, 60]), group('pool-1', 200, [], { physicalVolumes: ['/dev/nvme0n1'] })],
    devices: [
      device('/dev/nvme0n1', 200, { inUse: 'belongs to volume group pool-1' }),
      device('/dev/sda', 64, { mediaType: 'hdd', inUse: 'is mounted at /' }),
      device('/dev/sdb', 500, { inUse: 'belongs to volume group pool-0' }),
      device('/dev/sdc', 1000, { mediaType: 'hdd' }),
    ],
    vgs: [{ name: 'pool-0', devices: ['/dev/sdb', '/dev/sdc'] }],
    conditions: [
      condition(
        'VolumeGroup/pool-0',
        'DeviceRefused',
        '/dev/sdc carries filesystem ext4: left alone. If nothing on it is needed: wipefs -a /dev/sdc.',
      ),
    ],
    reserved: '{"pool-1":"10%"}',
  }),
  report('worker-2', {
    groups: [
      group('pool-0', 100, [10], {
        condition: 'DiskFault',
        logicalVolumes: [{ name: 'local-cache', vgname: 'pool-0', total: 10 * GIB, condition: 'DiskReady' }],
      }),
    ],
    devices: [device('/dev/sdd', 400), device('/dev/sde', 300, { inUse: 'belongs to volume data-of-a-tenant' })],
    managedDevices: ['/dev/sdd', '/dev/sde'],
    vgs: [{ name: 'pool-0', devices: ['/dev/sdb', '/dev/sdf'] }],
    conditions: [
      condition(
        'VolumeGroup/pool-0',
        'DevicesMissing',
        'Volume group pool-0 misses devices: bring them back, and see that no filter hides them.',
      ),
    ],
  }),
  report('worker-3', { groups: [group('pool-0', 120, [20])] }),
];

const localVolume = (name: string, node: string, gib: number, more: object = {}, status: object = {}): LocalVolume => ({
  metadata: { name },
  spec: {
    ...{ nodeName: node, kind: 'LVM', vgName: 'pool-0', sizeBytes: gib * GIB, role: 'Volume' },
    ...more,
  },
  status: { phase: 'Ready', sizeBytes: gib * GIB, ...status },
});

const claim = (name: string) => ({ claim: { namespace: 'default', name } });

const volumes = (): readonly LocalVolume[] => [
  localVolume('local-pool-0-0', 'worker-1', 400, {
    ...claim('database'),
    limits: { readIops: 5000, writeIops: 1000, readBps: 200 * MIB, writeBps: 200 * MIB },
  }),
  localVolume('local-pool-0-1', 'worker-1', 60, claim('copy-of-database'), {
    phase: 'Pending',
    progress: 42,
    reason: 'Copying',
    message: 'It is copied from local-pool-0-0: 42 %.',
  }),
  localVolume('local-cache', 'worker-2', 10, claim('cache')),
  localVolume('data-of-a-tenant', 'worker-2', 300, {
    ...claim('tenant'),
    ...{ kind: 'Device', vgName: undefined, path: '/dev/sde' },
  }),
];

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs a command for people against the cluster, as on a terminal of so many columns without colours. */
export async function runForPeople(
  cluster: Pick<SickCluster, 'kubeconfig'>,
  args: readonly string[],
  columns = 80,
): Promise<Ended> {
  const child = startForPeople(cluster, args, columns);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { stdout, stderr, code: code as number };
}

/** The same, of a command that goes on until it is ended. */
export function startForPeople(
  { kubeconfig }: Pick<SickCluster, 'kubeconfig'>,
  args: readonly string[],
  columns = 80,
): ChildProcessWithoutNullStreams {
  const program = path.resolve(import.meta.dirname, '../../src/main-people.ts');
  const env = { PATH: process.env['PATH'] ?? '', COLUMNS: String(columns), KUBECONFIG: kubeconfig };
  return spawn(process.execPath, [program, ...args], { env });
}
