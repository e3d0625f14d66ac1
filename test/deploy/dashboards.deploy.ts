// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { createCsiClient } from '../../src/csi/client.ts';
import { CreateVolumeRequest, VolumeCapability_AccessMode_Mode as Mode } from '../../src/csi/gen/csi.ts';
import {
  CLAIMS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUMES,
} from '../../src/kube/resource.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';
import { silentLog } from '../../src/model/log.ts';
import type { NodeLocalStorage, Pod } from '../../src/model/objects.ts';
import { parseOperatorConfig } from '../../src/operator/config.ts';
import { runFakeAgent } from '../../src/operator/fake-agent.ts';
import { runOperator } from '../../src/operator/run.ts';
import { textAt, type TlsSecret } from '../../src/operator/serving/keep-certificates.ts';
import { DASHBOARDS, type Dashboard } from '../../tools/monitoring/dashboards.ts';
import { RULES } from '../../tools/monitoring/alerts.ts';
import { testOn } from '../machine.ts';
import { eventually } from '../rig/eventually.ts';
import { startOurApi, type OurApi } from '../rig/our-api.ts';

/**
 * A real Prometheus reads a real operator at work on the in-memory API server: every query of every panel has an
 * answer with numbers, and so has what the dashboard of open-local asks.
 */

const test = testOn('prometheus');
const DRIVER = 'local.csi.aliyun.com';
const run = promisify(execFile);
const never = new AbortController().signal;
let ours: OurApi;
let prometheus = '';
let work = async (): Promise<void> => {};
const cleanups: (() => unknown)[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const CLASS = {
  metadata: { name: 'open-local-lvm' },
  provisioner: DRIVER,
  parameters: { volumeType: 'LVM' },
  volumeBindingMode: 'WaitForFirstConsumer',
} as const;

/** What an agent says of a node with a group, a disk, a mount point, an inline volume, and a stray. */
function report(): NonNullable<NodeLocalStorage['status']> {
  const size = 64 * GIB;
  const now = new Date().toISOString();
  return {
    nodeStorageInfo: {
      state: { type: 'DiskReady', lastHeartbeatTime: now },
      volumeGroups: [
        {
          ...{ name: 'pool-0', physicalVolumes: ['/dev/sdb'], total: size, available: size - GIB, allocatable: size },
          ...{ extentSize: 4 * MIB, logicalVolumes: [{ name: 'stray', vgname: 'pool-0', total: GIB }] },
        },
      ],
      deviceInfo: [{ name: '/dev/sdc', mediaType: 'ssd', total: size, readOnly: false }],
      mountPoints: [{ name: '/mnt/open-local/a', total: size, available: size, isBind: false, readOnly: false }],
    },
    filteredStorageInfo: { volumeGroups: ['pool-0'], devices: ['/dev/sdc'], mountPoints: ['/mnt/open-local/a'] },
    failingDisks: [{ device: '/dev/sdb', reason: 'IoErrors', message: 'disk /dev/sdb fails', carries: ['pool-0'] }],
    conditions: [
      { type: 'StrayVolumes', status: 'False', reason: 'VolumesFound', message: '', lastTransitionTime: now },
    ],
  };
}

const inNamespace = (name: string) => ({ namespace: 'default', name });

/** A cluster in which each kind of series has something to tell. */
async function fill(): Promise<Pod> {
  const { client } = ours;
  await client.create(STORAGE_CLASSES, CLASS, never);
  await client.create(NODES, { metadata: { name: 'n1' } }, never);
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n1' }, spec: { nodeName: 'n1' } }, never);
  const status = { type: 'merge', body: { status: report() } } as const;
  await client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, status, never, 'status');
  const snapshot = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Snapshot' } as const;
  await client.create(
    LOCAL_VOLUMES,
    { metadata: { name: 's' }, spec: { ...snapshot, source: { volume: 'v' } } },
    never,
  );
  const attributes = { volumeType: 'LVM', vgName: 'pool-0' };
  await client.create(
    VOLUMES,
    {
      metadata: { name: 'pv-1' },
      spec: {
        ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], claimRef: inNamespace('data') },
        csi: { driver: DRIVER, volumeHandle: 'pv-1', volumeAttributes: attributes },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }] },
            ],
          },
        },
      },
    },
    never,
  );
  const containers = [{ name: 'web', image: 'web' }];
  const csi = { driver: DRIVER, volumeAttributes: { vgName: 'pool-0', size: '1Gi' } };
  const inline = { nodeName: 'n1', volumes: [{ name: 'tmp', csi }], containers };
  await client.create(PODS, { metadata: inNamespace('scratch'), spec: inline }, never);
  const resources = { requests: { storage: '2Gi' } };
  const claim = { accessModes: ['ReadWriteOnce'], storageClassName: CLASS.metadata.name, resources };
  await client.create(CLAIMS, { metadata: inNamespace('data'), spec: claim }, never);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  return client.create(PODS, { metadata: inNamespace('web'), spec: { volumes, containers } }, never);
}

/** Starts the operator, and returns its page's address and one turn of the scheduler's and the provisioner's calls. */
async function startOperator(pod: Pod): Promise<{ readonly ops: string; readonly turn: () => Promise<void> }> {
  const [port, ops] = [await freePort(), `127.0.0.1:${await freePort()}`];
  const socket = path.join(ours.folder, 'csi.sock');
  const flags = [
    ...[`--extender-listen=127.0.0.1:${port}`, `--metrics-listen=${ops}`, `--csi-endpoint=unix://${socket}`],
    ...['--namespace=default', '--extender-tls-secret=tls', `--extender-tls-dir=${path.join(ours.folder, 'tls')}`],
  ];
  const deps = { client: ours.client, version: '1.2.3', log: silentLog };
  const stopping = new AbortController();
  const config = parseOperatorConfig([...flags, '--no-leader-election'], {});
  const running = [runOperator(config, deps, stopping.signal), runFakeAgent(ours.client, silentLog, stopping.signal)];
  cleanups.push(() => {
    stopping.abort();
    return Promise.allSettled(running);
  });
  await eventually(async () => expect((await fetch(`http://${ops}/readyz`)).ok).toBe(true));
  const secret: TlsSecret = ours.api.stored('secrets', 'tls-client', 'default') ?? { metadata: {} };
  const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => textAt(secret, name));
  const tls = { cert, key, ca, servername: 'open-local-scheduler-extender.default.svc', agent: false as const };
  const ask = async (verb: string, body: object): Promise<void> => {
    const call = request({ hostname: '127.0.0.1', port, path: `/scheduler/${verb}`, method: 'POST', ...tls });
    call.end(JSON.stringify(body));
    const [response] = await once(call, 'response');
    await text(response);
  };
  const csi = createCsiClient({ kind: 'unix', path: socket }, 20_000);
  cleanups.push(() => csi.close());
  const create = (name: string, size: number) =>
    csi.controller.createVolume(
      CreateVolumeRequest.fromPartial({
        ...{ name, capacityRange: { requiredBytes: BigInt(size) }, parameters: CLASS.parameters },
        volumeCapabilities: [
          { accessType: { $case: 'mount', value: {} }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } },
        ],
        accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': 'n1' } }] },
      }),
      never,
    );
  const turn = async (): Promise<void> => {
    await ask('filter', { Pod: pod, Nodes: null, NodeNames: ['n1'] });
    await ask('prioritize', { Pod: pod, Nodes: null, NodeNames: ['n1'] });
    await create('pv-1', GIB);
    await create('too-large', 1000 * GIB).catch(() => {}); // refused, as it should be
  };
  return { ops, turn };
}

/** Returns its address. */
async function startPrometheus(target: string): Promise<string> {
  const config = path.join(ours.folder, 'prometheus.yaml');
  const jobs = [{ job_name: 'open-local', scrape_interval: '1s', static_configs: [{ targets: [target] }] }];
  await writeFile(config, JSON.stringify({ scrape_configs: jobs }));
  const address = `127.0.0.1:${await freePort()}`;
  const data = `--storage.tsdb.path=${path.join(ours.folder, 'data')}`;
  const child = spawn('prometheus', [`--config.file=${config}`, `--web.listen-address=${address}`, data], {
    stdio: 'ignore',
  });
  cleanups.push(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  return `http://${address}`;
}

beforeAll(async () => {
  if (
    !(await run('prometheus', ['--version']).then(
      () => true,
      () => false,
    ))
  )
    return;
  ours = await startOurApi();
  cleanups.push(() => ours.close());
  const { ops, turn } = await startOperator(await fill());
  work = turn;
  await work();
  prometheus = await startPrometheus(ops);
});
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

/** The numbers that Prometheus answers; throws what it says of a query that it cannot read. */
async function numbers(expr: string): Promise<number[]> {
  const query = expr.replaceAll('$__rate_interval', '10s').replaceAll('$nodename', 'n1');
  const reply = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { status, error, data } = (await reply.json()) as Answer;
  if (status !== 'success') throw new Error(`${query}: ${error}`);
  return (data?.result ?? []).map(({ value: [, number] }) => Number(number));
}

const hasNumber = async (expr: string): Promise<boolean> => {
  await work();
  return (await numbers(expr).catch(() => [])).some((number) => !Number.isNaN(number));
};

/** Whoever reads them as they are: a panel is not empty. */
const queries = Object.entries<Dashboard>(DASHBOARDS).flatMap(([dashboard, { panels }]) =>
  panels.flatMap(({ title, queries: all }) => all.map(({ expr, legend }) => ({ dashboard, title, legend, expr }))),
);
const patiently = { timeout: 60_000, interval: 500 };

describe.each(Object.keys(DASHBOARDS))('the dashboard %s', (name) => {
  const own = queries.filter(({ dashboard }) => dashboard === name);
  for (const { title, legend, expr } of own)
    test(`${title}, ${legend}`, async () => {
      await expect.poll(() => hasNumber(expr), patiently).toBe(true);
    });
});

// Names and labels as in its chart's helm/templates/grafana.yaml, version 0.8.
test.each([
  'local_allocated_num{nodename="n1"}',
  'local_volume_group_used{nodename="n1"}',
  'local_volume_group_total{nodename="n1"}',
  'local_device_total{nodename="n1"} * on (nodename, name) local_device_bind',
  'local_mount_point_total{nodename="n1"} * on (nodename, name) local_mount_point_bind',
  'local_local_pv{nodename="n1",pv_type="LVM"}',
  'local_inline_volume{nodename="n1"}',
])("open-local's own dashboard finds %s", async (expr) => {
  await expect.poll(() => hasNumber(expr), patiently).toBe(true);
});

test('Prometheus can evaluate the condition of every alert', async () => {
  for (const { expr } of RULES) await expect(numbers(expr)).resolves.toEqual(expect.any(Array));
});
