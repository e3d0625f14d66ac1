import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runForPeople, startForPeople, startPeopleCluster } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';
import { LEASES } from '../kube/lease/lease-record.ts';
import { NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { GIB } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage, PersistentVolumeClaim } from '../model/objects.ts';
import { GONE_SINCE, SELECTED_NODE } from '../model/well-known.ts';
import { settingsOf } from '../doctor/settings.ts';
import type { Room } from './room.ts';
import { notesOf, topOf } from './top.ts';

const never = new AbortController().signal;
const NOW = Date.parse('2026-01-01T12:00:00Z');

const nls = (status: NodeLocalStorage['status'], annotations = {}): NodeLocalStorage => ({
  metadata: { name: 'n1', annotations },
  status: {
    ...status,
    nodeStorageInfo: { state: { lastHeartbeatTime: '2026-01-01T11:59:00Z' }, ...status?.nodeStorageInfo },
  },
});
const pool = { name: 'pool', physicalVolumes: [], total: 100 * GIB, available: 70 * GIB, allocatable: 100 * GIB };
const withPool = (more: object = {}, annotations = {}) =>
  nls(
    {
      nodeStorageInfo: {
        volumeGroups: [{ ...pool, logicalVolumes: [{ name: 'lv', vgname: 'pool', total: 20 * GIB }], ...more }],
      },
      filteredStorageInfo: { volumeGroups: ['pool'] },
    },
    annotations,
  );

const roomOf = (more: Partial<Room>): Room => ({
  ...{ nodes: [], storages: [], classes: [], volumes: [], pvs: [], claims: [], pods: [], snapshots: [], contents: [] },
  ...{ settings: settingsOf(undefined), lease: undefined, unseen: [], now: NOW },
  ...more,
});
const lvm = { metadata: { name: 'lvm' }, provisioner: 'local.csi.aliyun.com', parameters: { volumeType: 'LVM' } };
const claimOn = (node: string): PersistentVolumeClaim => ({
  metadata: { name: 'c', namespace: 'd', uid: 'u', annotations: { [SELECTED_NODE]: node } },
  spec: { storageClassName: 'lvm', resources: { requests: { storage: '5Gi' } } },
});
const recorded: LocalVolume = {
  metadata: { name: 'new' },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool', sizeBytes: 10 * GIB, role: 'Volume' },
};

test('what is made from a snapshot holds room while that may serve it, as the operator counts', () => {
  const claim = claimOn('n1');
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
  const claims = [{ ...claim, spec: { ...claim.spec, dataSource } }];
  const heldWith = (more: Partial<Room>) =>
    topOf(roomOf({ storages: [withPool()], classes: [lvm], claims, ...more })).places[0]?.held;
  const waits = { metadata: { namespace: 'd', name: 's', uid: 's' } };
  const failed = { ...waits, status: { boundVolumeSnapshotContentName: 'c', error: {} } };
  expect(heldWith({ snapshots: [] })).toBe(0);
  expect(heldWith({ snapshots: undefined })).toBe(5 * GIB);
  expect(heldWith({ snapshots: [waits] })).toBe(5 * GIB);
  expect(heldWith({ snapshots: [failed] })).toBe(0);
  expect(heldWith({ snapshots: [failed], contents: undefined })).toBe(5 * GIB);
});

test('a group is what volumes take, what else takes room, what is held and what is kept back', () => {
  const storages = [withPool({}, { 'csi.aliyun.com/storage-reserved': '{"pool":"7Gi"}' })];
  const [place] = topOf(roomOf({ storages, classes: [lvm], claims: [claimOn('n1')], volumes: [recorded] })).places;
  // 20 of a volume, 10 that no volume shows, 10 that is recorded and not made yet.
  expect(place).toMatchObject({
    capacity: 100 * GIB,
    used: 40 * GIB,
    held: 5 * GIB,
    reserved: 7 * GIB,
    free: 48 * GIB,
  });
});

test('the parts of a faulty group are no more than the whole', () => {
  const [place] = topOf(roomOf({ storages: [withPool({ condition: 'DiskFault' })] })).places;
  expect(place).toMatchObject({ capacity: 100 * GIB, used: 30 * GIB, reserved: 70 * GIB, free: 0 });
});

test('a disk is free, held or used as a whole', () => {
  const disk = (name: string, inUse?: string) => ({
    ...{ name, total: GIB, readOnly: false, mediaType: 'ssd' as const },
    ...(inUse ? { inUse } : {}),
  });
  const names = ['/dev/a', '/dev/b', '/dev/c'];
  const storages = [
    nls({
      nodeStorageInfo: { deviceInfo: [disk('/dev/a'), disk('/dev/b', 'is mounted at /'), disk('/dev/c')] },
      filteredStorageInfo: { devices: names },
    }),
  ];
  const spec = { nodeName: 'n1', kind: 'Device' as const, path: '/dev/c', sizeBytes: GIB, role: 'Volume' as const };
  const { places, total } = topOf(roomOf({ storages, volumes: [{ metadata: { name: 'v' }, spec }] }));
  expect(places.map(({ name, used, free }) => [name, used, free])).toEqual([
    ['/dev/a', 0, GIB],
    ['/dev/b', GIB, 0],
    ['/dev/c', GIB, 0],
  ]);
  expect(total).toMatchObject({ capacity: 3 * GIB, used: 2 * GIB, free: GIB });
});

test('what is cordoned and nobody has is reserved', () => {
  const device = { name: '/dev/a', total: GIB, readOnly: false, mediaType: 'ssd' as const };
  const storage = withPool({}, { 'csi.aliyun.com/storage-cordoned': '*' });
  storage.status!.nodeStorageInfo!.deviceInfo = [device];
  storage.status!.filteredStorageInfo!.devices = ['/dev/a'];
  const [group, disk] = topOf(roomOf({ storages: [storage] })).places;
  expect(group).toMatchObject({ used: 30 * GIB, reserved: 70 * GIB, free: 0 });
  expect(disk).toMatchObject({ used: 0, reserved: GIB, free: 0 });
});

test.each([
  { of: undefined, notes: ['no report'] },
  { of: { metadata: { name: 'n' } }, notes: ['no report yet'] },
  { of: nls({}), notes: [] },
  { of: nls({}, { 'csi.aliyun.com/lost': 'burnt' }), notes: ['lost: burnt'] },
  {
    of: nls({ nodeStorageInfo: { state: { lastHeartbeatTime: '2026-01-01T11:00:00Z' } } }),
    notes: ['silent for 60 min'],
  },
  { of: nls({ summary: { total: '', free: '', refused: 2 } }), notes: ['refuses 2'] },
  { of: nls({}, { 'csi.aliyun.com/storage-cordoned': 'a /dev/b' }), notes: ['cordoned: a /dev/b'] },
  { of: nls({}, { 'csi.aliyun.com/storage-cordoned': '*' }), notes: ['cordoned: all'] },
])('the notes of a node are $notes', ({ of, notes }) => {
  expect(notesOf(of, NOW)).toEqual(notes);
});

describe('the command', () => {
  let cluster: SickCluster;
  beforeAll(async () => {
    cluster = await startPeopleCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  const top = (...args: string[]) => runForPeople(cluster, ['top', ...args]);

  test('nodes are told with their sums, and what is to be known of them', async () => {
    const { stdout, stderr, code } = await top();
    expect(stdout).toMatch(/^worker-1 +700Gi +460Gi .* 220Gi {2}\[#{7}\+--\] {2}68% {2}refuses 1$/m);
    expect(stdout).toMatch(/^worker-2 .* silent for… refuses 1$/m);
    expect(stdout).toContain('5 nodes, 6 groups, 2 units: 1.7Ti, of which 791Gi used, 0 held, 110Gi reserved,');
    expect([stderr, code]).toEqual(['', 0]);
  });

  test('what is kept of a node that went is not told', async () => {
    const metadata = { name: 'went', labels: { [GONE_SINCE]: '1767225600' } };
    await cluster.client.create(NODE_LOCAL_STORAGES, { metadata }, never);
    expect((await top()).stdout).toMatch(/^5 nodes, /m);
    await cluster.client.delete(NODE_LOCAL_STORAGES, { name: 'went' }, never);
  });

  test('volumes come the largest first', async () => {
    const { stdout } = await top('volumes', '-o', 'json');
    const { volumes } = JSON.parse(stdout) as { volumes: { name: string }[] };
    expect(volumes.map(({ name }) => name)).toEqual([
      'local-pool-0-0',
      'data-of-a-tenant',
      'local-pool-0-1',
      'local-cache',
      'local-1',
    ]);
  });

  test('json has the bytes', async () => {
    const { groups } = JSON.parse((await top('groups', '--output=json')).stdout) as { groups: object[] };
    expect(groups).toContainEqual(expect.objectContaining({ node: 'worker-1', name: 'pool-1', reserved: 20 * GIB }));
  });

  test.each([40, 80])('at %d columns no line is broken', async (columns) => {
    for (const what of ['nodes', 'groups', 'volumes']) {
      const { stdout } = await runForPeople(cluster, ['top', what], columns);
      expect(stdout.split('\n').filter(({ length }) => length > columns)).toEqual([]);
    }
  });

  test('what may not be read is told, and ends with 2', async () => {
    const forbidden = { code: 403, reason: 'Forbidden', message: 'not for you' };
    cluster.api.troubles.fail({ resource: 'persistentvolumes' }, forbidden, 1);
    const { stdout, code } = await top();
    expect(stdout).toMatch(/^not looked at: persistentvolumes: /m);
    expect(stdout).toMatch(/^worker-1 /m);
    expect(code).toBe(2);
  });

  test('with -w it looks again, also after a look that failed, until it is ended', { timeout: 120_000 }, async () => {
    const child = startForPeople(cluster, ['top', '-w', '--every', '50ms']);
    const ended = once(child, 'exit');
    const looked = async (): Promise<void> => {
      const [chunk] = await once(child.stdout, 'data');
      expect(String(chunk)).toContain('5 nodes, 6 groups');
    };
    await looked();
    // A call that is refused so is made again at once, with fresh credentials.
    cluster.api.troubles.fail({ resource: 'nodes' }, { code: 401, reason: 'Unauthorized', message: 'who?' }, 2);
    const [failed] = await once(child.stderr, 'data');
    expect(String(failed)).toContain('the cluster cannot be looked at, and is tried again: ');
    await looked();
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  test('it ends without a word when nobody reads any more', { timeout: 120_000 }, async () => {
    const child = startForPeople(cluster, ['top', '-w', '--every', '50ms']);
    const said = text(child.stderr);
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect([await ended, await said]).toEqual([[0, null], '']);
  });

  test('it works while no operator leads, and says so', async () => {
    await cluster.client.delete(LEASES, { namespace: 'open-local', name: 'open-local-operator' }, never);
    const { stdout, code } = await top();
    expect(stdout).toContain('The operator does not lead (its Lease: It is not there: no replica ever led.)');
    expect(stdout).toMatch(/^worker-1 /m);
    expect(code).toBe(0);
  });
});
