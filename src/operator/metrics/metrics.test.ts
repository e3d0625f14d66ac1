import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { expect, test } from 'vitest';
import { Ledger } from '../../capacity/ledger.ts';
import { makeAuthority } from '../../certificates/certificates.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { DISK_REASONS } from '../../model/disk-reasons.ts';
import { EVENT_REASONS } from '../../model/event-reasons.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Informers } from '../follow/informers.ts';
import type { PvView } from '../follow/views.ts';
import type { Sources } from './gauges.ts';
import { createOperatorMetrics } from './metrics.ts';
import { storeState } from './report-gauges.ts';

const DRIVER = 'local.csi.aliyun.com';

function ledgerWithEverything(): Ledger {
  const ledger = new Ledger({ strategy: 'binpack', drivers: [DRIVER], holdTtlMs: 60_000 });
  const group = {
    name: 'pool-0',
    total: bytes(10 * GIB),
    available: bytes(7 * GIB), // 1 GiB of it is the foreign volume, 2 GiB are in no volume
    extentSize: bytes(4 * MIB),
    reserved: bytes(GIB),
    volumes: [{ name: 'foreign', size: bytes(GIB) }],
  };
  const unit = { kind: 'Device' as const, size: bytes(5 * GIB), usable: true };
  const units = [
    { ...unit, path: '/dev/sdc' },
    { ...unit, path: '/dev/sdd' },
  ];
  ledger.nodeChanged({ name: 'n1', groups: [group], units });
  ledger.volumeChanged({ name: 'disk', node: 'n1', kind: 'Device', where: '/dev/sdd', size: bytes(5 * GIB) });
  ledger.classChanged({ name: 'fast', provisioner: DRIVER, parameters: { volumeType: 'LVM' } });
  ledger.claimChanged({
    uid: 'c',
    namespace: 'web',
    name: 'data',
    storageClass: 'fast',
    requested: bytes(2 * GIB),
    bound: false,
    deleting: false,
  });
  const pod: PodFacts = {
    uid: 'p',
    namespace: 'web',
    name: 'a',
    finished: false,
    volumes: [{ kind: 'claim', claimName: 'data' }],
  };
  ledger.podChanged(pod);
  ledger.filter(pod, ['n1'], 0);
  return ledger;
}

const informer = (values: Readonly<Record<string, unknown>>) => ({
  values: new Map(Object.entries(values)),
  get: (key: string) => values[key],
  health: () => ({ synced: true, failures: 3, lastError: undefined, handlerErrors: 0, lists: 2, silentMs: 1500 }),
});

function sources(): Sources {
  const pv: PvView = {
    keepsData: true,
    facts: {
      name: 'pv-1',
      driver: DRIVER,
      handle: 'pv-1',
      node: 'n1',
      takes: { kind: 'LVM', where: 'pool-0', size: bytes(GIB) },
    },
    phase: 'Bound',
    claim: { namespace: 'web', name: 'data' },
  };
  const volume = (name: string, nodeName: string, more: object = {}, status: object = {}): LocalVolume => ({
    metadata: { name },
    spec: { nodeName, kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...more },
    status: { phase: 'Ready', sizeBytes: GIB, ...status },
  });
  const store = (usedBytes: number, overflowed = false): object => ({
    snapshot: { usedBytes, sourceBytes: 2 * GIB, overflowed },
  });
  const role = { role: 'Snapshot' };
  const report = {
    ...{ name: 'n1', isOurs: true, reportedAt: Date.parse('2026-11-28T10:00:00Z') },
    storage: { units: [{ path: '/dev/sdc', mediaType: 'ssd' }] },
    troubles: {
      groups: new Map([['pool-1', 'lacks a disk']]),
      volumes: new Map([['pool-1', ['v', 'w']]]),
      units: new Map(),
      disks: new Map([['pool-0', 'sdb fails']]),
    },
    failing: ['IoErrors', 'IoErrors', 'OfALaterVersion'],
    refusals: ['VolumesFound', 'DeviceRefused', 'DeviceRefused', 'OfALaterVersion'],
  };
  const quiet = NO_TROUBLES;
  const unreported = { isOurs: false, storage: { units: [] }, troubles: quiet };
  const agent = { uid: 'a', namespace: 'open-local', name: 'agent', finished: false, volumes: [], isAgent: true };
  const attributes = { vgName: 'pool-0', size: '2Gi' };
  const pod: PodFacts = {
    uid: 'p',
    namespace: 'web',
    name: 'scratch',
    nodeName: 'n1',
    finished: false,
    volumes: [{ kind: 'inline', volumeName: 'tmp', attributes }],
  };
  const informers = {
    storages: informer({
      n1: report,
      n2: { ...report, name: 'n2', lost: 'it burned' },
      n3: { ...report, name: 'n3', troubles: quiet, refusals: undefined, failing: undefined },
      ...Object.fromEntries(['n4', 'n5', 'n6', 'n7'].map((name) => [name, { ...unreported, name }])),
      n8: { ...unreported, name: 'n8', lost: 'it burned' },
    }),
    nodes: informer({ n1: {}, n2: {}, n4: {}, n5: {}, n6: {}, n7: {}, n8: {} }),
    volumes: informer({
      'pv-1': volume('pv-1', 'n1'),
      kept: volume('kept', 'n2', {}, { phase: 'Pending' }),
      orphan: volume('orphan', 'n9', {}, { phase: 'Pending', progress: 40 }),
      's-1': volume('s-1', 'n1', role, store(0.95 * GIB)),
      's-2': volume('s-2', 'n1', role, store(GIB, true)),
      's-3': volume('s-3', 'n1', role, store(0.5 * GIB)),
    }),
    pvs: informer({ 'pv-1': pv, other: { ...pv, facts: { name: 'other', driver: 'earlier', handle: 'kept' } } }),
    pods: informer({
      'web/scratch': pod,
      'open-local/agent-n1': { ...agent, nodeName: 'n1' },
      'open-local/agent-n4': { ...agent, nodeName: 'n4' },
      'monitoring/agent-n5': { ...agent, nodeName: 'n5', namespace: 'monitoring' },
      'open-local/other-n6': { ...agent, nodeName: 'n6', isAgent: undefined },
      'open-local/agent-n7': { ...agent, nodeName: 'n7', finished: true },
      'open-local/agent-n8': { ...agent, nodeName: 'n8' },
      'web/unbound': { ...pod, nodeName: undefined },
      'web/over': { ...pod, nodeName: undefined, finished: true },
      'web/other': { ...pod, nodeName: undefined, volumes: [] },
    }),
  };
  return {
    ledger: ledgerWithEverything(),
    informers: informers as unknown as Informers,
    drivers: [DRIVER],
    namespace: 'open-local',
    queue: () => ({ waiting: 7 }),
  };
}

test('the page has the names and labels of open-local, with the numbers of the ledger', () => {
  const metrics = createOperatorMetrics();
  metrics.watch(sources());
  metrics.onExpired(2);
  metrics.onLetGo('node-gone');
  metrics.onCsiCall({ method: 'CreateVolume', code: 'OK', ms: 20 });
  metrics.onExtenderCall({ verb: 'filter', outcome: 'refused', ms: 0.4 });
  const lines = metrics.registry.page().split('\n');
  for (const line of [
    `local_volume_group_total{nodename="n1",vgname="pool-0"} ${9 * GIB}`,
    `local_volume_group_used{nodename="n1",vgname="pool-0"} ${5 * GIB}`, // 1 foreign + 2 in no volume + 2 held
    `open_local_volume_group_held_bytes{nodename="n1",vgname="pool-0",state="settled"} ${2 * GIB}`,
    `local_device_total{nodename="n1",name="/dev/sdc",type="ssd"} ${5 * GIB}`,
    `local_device_available{nodename="n1",name="/dev/sdc",type="ssd"} ${5 * GIB}`,
    `local_device_available{nodename="n1",name="/dev/sdd",type=""} 0`,
    'local_device_bind{nodename="n1",name="/dev/sdc"} 0',
    'local_device_bind{nodename="n1",name="/dev/sdd"} 1',
    'local_allocated_num{nodename="n1"} 4',
    'local_allocated_num{nodename="n2"} 1',
    `local_local_pv{nodename="n1",pv_name="pv-1",pv_type="LVM",pvc_name="data",pvc_ns="web",status="Bound",storage_name="pool-0"} ${GIB}`,
    'open_local_holds{state="settled"} 1',
    'open_local_informer_failures{resource="pods"} 3',
    'open_local_node_storage_work{state="waiting"} 7',
    'open_local_expired_holds_total 2',
    'open_local_volumes_without_node 1',
    'open_local_volumes_without_pv 1',
    'open_local_volumes{phase="Pending"} 2',
    'open_local_volumes{phase="Ready"} 4',
    'open_local_copies 1',
    'open_local_waiting_pods 1',
    `open_local_volume_group_bytes{nodename="n1",vgname="pool-0",of="reserved"} ${GIB}`,
    `open_local_volume_group_bytes{nodename="n1",vgname="pool-0",of="observed"} ${GIB}`,
    'open_local_volume_group_bytes{nodename="n1",vgname="pool-0",of="recorded"} 0',
    `open_local_volume_group_bytes{nodename="n1",vgname="pool-0",of="unattributed"} ${2 * GIB}`,
    `open_local_volume_group_bytes{nodename="n1",vgname="pool-0",of="free"} ${4 * GIB}`,
    'open_local_holds_older_than{of="pods",seconds="60"} 0',
    'open_local_informer_lists_total{resource="pods"} 2',
    'open_local_informer_silence_seconds{resource="pods"} 1.5',
    'open_local_snapshot_stores{nodename="n1",state="ok"} 1',
    'open_local_snapshot_stores{nodename="n1",state="nearly_full"} 1',
    'open_local_snapshot_stores{nodename="n1",state="lost"} 1',
    `open_local_node_report_timestamp_seconds{nodename="n1"} ${Date.parse('2026-11-28T10:00:00Z') / 1000}`,
    'open_local_node_faults{nodename="n1",of="group"} 1',
    'open_local_node_faults{nodename="n1",of="volume"} 2',
    'open_local_node_faults{nodename="n1",of="unit"} 0',
    'open_local_node_refusals{nodename="n1",reason="DeviceRefused"} 2',
    'open_local_node_refusals{nodename="n1",reason="VolumesFound"} 1',
    'open_local_node_refusals{nodename="n1",reason="other"} 1',
    'open_local_node_failing_disks{nodename="n1",reason="IoErrors"} 2',
    'open_local_node_failing_disks{nodename="n1",reason="other"} 1',
    'open_local_volumes_let_go_total{cause="node-gone"} 1',
    'open_local_leader 1',
    'open_local_csi_call_seconds_count{method="CreateVolume",code="OK"} 1',
    'open_local_extender_call_seconds_bucket{verb="filter",outcome="refused",le="0.0005"} 1',
  ])
    expect(lines).toContain(line);
  expect(metrics.registry.page()).toMatch(/^open_local_extender_last_call_timestamp_seconds \d{10}$/m);
  // Of a lost node nobody waits for a report, nor of one whose Node is gone.
  expect(lines.filter((line) => /^open_local_node_.*"n[23]"/.test(line))).toEqual([]);
  expect(lines.filter((line) => line.startsWith('open_local_node_never_reported{'))).toEqual([
    'open_local_node_never_reported{nodename="n4"} 1',
  ]);
  const inline = lines.filter((line) => line.startsWith('local_inline_volume{'));
  expect(inline).toHaveLength(1);
  expect(inline[0]).toMatch(
    /^local_inline_volume\{pod_name="scratch",pod_namespace="web",nodename="n1",vgname="pool-0",volume_name="csi-[0-9a-f]{64}"\} 2147483648$/,
  );
});

test('lists are counted once, however often the page is read', () => {
  const metrics = createOperatorMetrics();
  metrics.watch(sources());
  metrics.registry.page();
  expect(metrics.registry.page()).toContain('open_local_informer_lists_total{resource="pods"} 2\n');
});

test('a store that has room for the whole source is never nearly full', () => {
  const spec = { nodeName: 'n', kind: 'LVM', role: 'Snapshot', sizeBytes: 8 * MIB } as const;
  const status = (sourceBytes: number) => ({ snapshot: { usedBytes: 8 * MIB, sourceBytes } });
  expect(storeState({ spec, status: status(GIB) })).toBe('nearly_full');
  expect(storeState({ spec, status: status(MIB) })).toBe('ok');
});

test('the ends of the certificates that are served are told, and those of new ones', async () => {
  const { registry, onCertificates } = createOperatorMetrics();
  expect(registry.page()).not.toContain('open_local_certificate_end_timestamp_seconds{');
  const now = new Date('2026-11-28T10:00:00Z');
  for (const days of [90, 30]) {
    const { cert, key } = await makeAuthority('x', days, now);
    const file = Buffer.from(cert);
    onCertificates({ cert: file, ca: file, key: Buffer.from(key) });
    const end = now.getTime() / 1000 + days * 86_400;
    for (const certificate of ['server', 'authority'])
      expect(registry.page()).toContain(
        `open_local_certificate_end_timestamp_seconds{certificate="${certificate}"} ${end}\n`,
      );
  }
});

/** Series by their name, of a cluster of so many nodes with a group, a unit, a volume with its claim and a snapshot. */
function seriesOf(count: number): Map<string, number> {
  const ledger = new Ledger({ strategy: 'binpack', drivers: [DRIVER], holdTtlMs: 60_000 });
  const all = Array.from({ length: count }, (_, i) => `n${i}`);
  const size = bytes(GIB);
  const each = (of: (node: string) => unknown) => informer(Object.fromEntries(all.map((name) => [name, of(name)])));
  const group = {
    name: 'g',
    total: size,
    available: size,
    extentSize: bytes(4 * MIB),
    reserved: bytes(0),
    volumes: [],
  };
  const unit = { kind: 'Device' as const, size, usable: true, path: '/dev/sdc' };
  for (const name of all) ledger.nodeChanged({ name, groups: [group], units: [unit] });
  const volume = (name: string, role: string): LocalVolume =>
    ({ metadata: { name }, spec: { nodeName: name, kind: 'LVM', sizeBytes: GIB, role } }) as LocalVolume;
  const pv = (name: string): PvView => ({
    facts: { name, driver: DRIVER, handle: name, node: name, takes: { kind: 'LVM', where: 'g', size } },
    phase: 'Bound',
    keepsData: true,
    claim: { namespace: 'web', name },
  });
  const report = (name: string) => ({
    ...{ name, reportedAt: 0, storage: { units: [unit] }, refusals: Object.keys(EVENT_REASONS) },
    failing: Object.keys(DISK_REASONS),
    troubles: NO_TROUBLES,
  });
  const informers = {
    storages: each(report),
    nodes: each((name) => ({ name })),
    volumes: each((name) => volume(name, Number(name.slice(1)) % 2 === 0 ? 'Snapshot' : 'Volume')),
    pvs: each(pv),
    pods: each((name) => ({ uid: name, name, namespace: 'web', nodeName: name, finished: false, volumes: [] })),
  } as unknown as Informers;
  const metrics = createOperatorMetrics();
  metrics.watch({ ledger, informers, drivers: [DRIVER], namespace: 'open-local', queue: () => ({ waiting: 0 }) });
  const series = new Map<string, number>();
  for (const line of metrics.registry.page().split('\n')) {
    const name = /^\w+/.exec(line)?.[0];
    if (name !== undefined) series.set(name, (series.get(name) ?? 0) + 1);
  }
  return series;
}

test('the page grows by a known number of series with each node, group, unit and volume, and with nothing else', () => {
  const [few, many] = [seriesOf(10), seriesOf(30)];
  const grown = [...many].map(([name, count]) => [name, (count - (few.get(name) ?? 0)) / 20] as const);
  expect(Object.fromEntries(grown.filter(([, each]) => each > 0))).toEqual({
    // A group: 9.
    local_volume_group_total: 1,
    local_volume_group_used: 1,
    open_local_volume_group_held_bytes: 2,
    open_local_volume_group_bytes: 5,
    // A unit: 3.
    local_device_total: 1,
    local_device_available: 1,
    local_device_bind: 1,
    // A PersistentVolume: open-local's one series.
    local_local_pv: 1,
    // A node: 5, 3 more where there are snapshots (every second one here), and one for each of the closed list of
    // reasons for which its agent refuses something: all of them here, none nearly always.
    local_allocated_num: 1,
    open_local_node_report_timestamp_seconds: 1,
    open_local_node_faults: 3,
    open_local_snapshot_stores: 1.5,
    open_local_node_refusals: Object.keys(EVENT_REASONS).length,
    // As with these: each reason for which a disk fails.
    open_local_node_failing_disks: Object.keys(DISK_REASONS).length,
  });
  const fixed = [...many].filter(([name, count]) => count === few.get(name)).reduce((sum, [, count]) => sum + count, 0);
  expect(fixed).toBeLessThan(60);
});

test('a replica that does not lead tells nothing of the cluster', () => {
  const page = createOperatorMetrics().registry.page();
  expect(page).toContain('open_local_leader 0');
  expect(page).not.toMatch(/^local_\w+\{/m);
});
