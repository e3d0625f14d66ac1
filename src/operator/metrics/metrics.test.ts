import { expect, test } from 'vitest';
import { Ledger } from '../../capacity/ledger.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Informers } from '../follow/informers.ts';
import type { PvView } from '../follow/views.ts';
import type { Sources } from './gauges.ts';
import { createOperatorMetrics } from './metrics.ts';

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
  health: () => ({ synced: true, failures: 3, lastError: undefined, handlerErrors: 0 }),
});

function sources(): Sources {
  const pv: PvView = {
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
  const volume = { spec: { nodeName: 'n1' } } as LocalVolume;
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
    storages: informer({ n1: { storage: { units: [{ path: '/dev/sdc', mediaType: 'ssd' }] } }, n2: {} }),
    nodes: informer({ n1: {} }),
    volumes: informer({ v: volume, lost: { spec: { nodeName: 'n9' } } }),
    pvs: informer({ 'pv-1': pv, other: { ...pv, facts: { name: 'other', driver: '', handle: '' } } }),
    pods: informer({ 'web/scratch': pod, 'web/unbound': { ...pod, nodeName: undefined } }),
  };
  return {
    ledger: ledgerWithEverything(),
    informers: informers as unknown as Informers,
    drivers: [DRIVER],
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
    'local_allocated_num{nodename="n1"} 1',
    'local_allocated_num{nodename="n2"} 0',
    `local_local_pv{nodename="n1",pv_name="pv-1",pv_type="LVM",pvc_name="data",pvc_ns="web",status="Bound",storage_name="pool-0"} ${GIB}`,
    'open_local_holds{state="settled"} 1',
    'open_local_informer_failures{resource="pods"} 3',
    'open_local_node_storage_work{state="waiting"} 7',
    'open_local_expired_holds_total 2',
    'open_local_volumes_without_node 1',
    'open_local_volumes_let_go_total{cause="node-gone"} 1',
    'open_local_leader 1',
    'open_local_csi_call_seconds_count{method="CreateVolume",code="OK"} 1',
    'open_local_extender_call_seconds_bucket{verb="filter",outcome="refused",le="0.0005"} 1',
  ])
    expect(lines).toContain(line);
  expect(metrics.registry.page()).toMatch(/^open_local_extender_last_call_timestamp_seconds \d{10}$/m);
  const inline = lines.filter((line) => line.startsWith('local_inline_volume{'));
  expect(inline).toHaveLength(1);
  expect(inline[0]).toMatch(
    /^local_inline_volume\{pod_name="scratch",pod_namespace="web",nodename="n1",vgname="pool-0",volume_name="csi-[0-9a-f]{64}"\} 2147483648$/,
  );
});

test('a replica that does not lead tells nothing of the cluster', () => {
  const page = createOperatorMetrics().registry.page();
  expect(page).toContain('open_local_leader 0');
  expect(page).not.toMatch(/^local_\w+\{/m);
});
