// What a real API server pays for the status of LocalVolumes and for the agents that watch them:
// `npm run node -- bench/cluster/writes.ts [--quick]`. Needs Go, for the real control plane.
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { GIB } from '../../src/model/bytes.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { DEFAULT_DRIVER, NODE_LABEL, VOLUME_FINALIZER } from '../../src/model/well-known.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { startCluster, type Cluster } from '../../test/control-plane/cluster/cluster.ts';
import { applyFolder } from '../../test/control-plane/system/deployed.ts';
import { nodeAt } from './nodes.ts';
import { cpuMsIn } from './process.ts';
import { ms, say, table, writeResult } from '../report.ts';
import { percentile } from '../statistics.ts';

const quick = process.argv.includes('--quick');
const VOLUMES = quick ? 200 : 1000;
const ROUNDS = quick ? 2 : 5;
const WATCHES = quick ? [0, 200] : [0, 1000, 5000];
const AT_ONCE = 8;
const signal = AbortSignal.timeout(1_800_000);

type Write = (client: KubeClient, volume: LocalVolume, status: Status) => Promise<LocalVolume>;

type Status = NonNullable<LocalVolume['status']>;
const READY = { phase: 'Ready', sizeBytes: GIB, volumeUuid: 'cMOwpu-YwBP-o04n-ySZL-0TE7-QwZA-DG1Rza' } as Status;
/** Numbers of watches that the server has begun: each tells of the object that is there. */
const begun = new Set<number>();

const keyOf = ({ metadata: { name = '' } }: LocalVolume) => ({ name });
const WRITES: Readonly<Record<string, Write>> = {
  'merge patch': (client, volume, status) =>
    client.patch(LOCAL_VOLUMES, keyOf(volume), { type: 'merge', body: { status } }, signal, 'status'),
  'JSON patch': (client, volume, status) =>
    client.patch(
      ...([
        LOCAL_VOLUMES,
        keyOf(volume),
        { type: 'json', body: [{ op: 'add', path: '/status', value: status }] },
      ] as const),
      ...([signal, 'status'] as const),
    ),
  'PUT of the whole object': (client, volume, status) =>
    // A custom resource is not replaced without its version.
    client.update(LOCAL_VOLUMES, { ...volume, status }, signal, 'status'),
};

interface Row {
  readonly what: string;
  readonly apiServer: readonly number[];
  readonly etcd: readonly number[];
}

const cluster = await startCluster({});
const client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'bench' });
try {
  await applyFolder(cluster, 'crds');
  const volumes: LocalVolume[] = [];
  const numbers = Array.from({ length: VOLUMES }, (_, i) => i);
  await forEachOf(numbers, AT_ONCE, async (i) => {
    volumes.push(await client.create<LocalVolume>(LOCAL_VOLUMES, volumeAt(i), signal));
  });
  const rows = [...(await measureWrites(volumes)), ...(await measureWatches(volumes))];
  say(
    table(
      ['what', 'API server CPU ms each', 'least', 'etcd'],
      rows.map(({ what, apiServer, etcd }) => [
        what,
        ms(percentile(apiServer, 0.5)),
        ms(Math.min(...apiServer)),
        ms(percentile(etcd, 0.5)),
      ]),
    ),
  );
  await writeResult('writes', { quick, volumes: VOLUMES, rounds: ROUNDS, rows });
} finally {
  client.close();
  await cluster.stop();
}

function volumeAt(i: number): LocalVolume {
  const labels = { [NODE_LABEL]: nodeAt(i) };
  const claim = {
    namespace: 'default',
    name: `data-${i}`,
    uid: `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`,
  };
  const spec = {
    nodeName: nodeAt(i),
    kind: 'LVM',
    vgName: 'open-local-pool-0',
    sizeBytes: GIB,
    role: 'Volume',
  } as const;
  return {
    metadata: { name: `local-${i}`, labels, finalizers: [VOLUME_FINALIZER] },
    spec: { ...spec, fsType: 'ext4', claim, driver: DEFAULT_DRIVER } as LocalVolume['spec'],
  };
}

/** The kinds of writes in turns, each for every volume. */
async function measureWrites(volumes: LocalVolume[]): Promise<readonly Row[]> {
  const rows = Object.keys(WRITES).map((what) => ({ what, apiServer: [] as number[], etcd: [] as number[] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const row of rows) {
      const status = { ...READY, devicePath: `/dev/pool/${row.what} ${round}` };
      const cost = await costOf(cluster, volumes, (volume) => WRITES[row.what]!(client, volume, status));
      row.apiServer.push(cost.apiServer);
      row.etcd.push(cost.etcd);
    }
  }
  return rows;
}

/** One write each while so many agents watch the volumes of their own nodes. */
async function measureWatches(volumes: LocalVolume[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const { resourceVersion } = await client.list(LOCAL_VOLUMES, { limit: 1 }, signal);
  const stopping = new AbortController();
  let watching = 0;
  for (const count of WATCHES) {
    while (watching < count) watch(resourceVersion, (watching += 1), stopping.signal);
    await heardOf(count);
    const row = { what: `merge patch, ${count} watches`, apiServer: [] as number[], etcd: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      const status = { ...READY, devicePath: `/dev/pool/${count} ${round}` };
      const cost = await costOf(cluster, volumes, (volume) => WRITES['merge patch']!(client, volume, status));
      row.apiServer.push(cost.apiServer);
      row.etcd.push(cost.etcd);
    }
    rows.push(row);
  }
  stopping.abort();
  return rows;
}

function watch(resourceVersion: string, number: number, until: AbortSignal): void {
  const labelSelector = `${NODE_LABEL}=${nodeAt(number)}`;
  void (async () => {
    for await (const event of client.watch(LOCAL_VOLUMES, { labelSelector, resourceVersion }, until))
      if (event.type !== 'BOOKMARK') begun.add(number);
  })().catch(() => undefined);
}

/** A write to what each of the watches is for, until all of those have heard of it whose volume there is. */
async function heardOf(count: number): Promise<void> {
  const watched = Math.min(count, VOLUMES - 1);
  for (let round = 0; [...begun].filter((i) => i <= watched).length < watched; round += 1) {
    const status = { ...READY, devicePath: `/dev/pool/heard ${count} ${round}` };
    await forEachOf(
      Array.from({ length: watched }, (_, i) => i + 1).filter((i) => !begun.has(i)),
      AT_ONCE,
      async (i) => void (await WRITES['merge patch']!(client, volumeAt(i), status)),
    );
  }
}

/** What one write costs of so many; each volume is replaced by what the server gave back. */
async function costOf(
  { dir }: Cluster,
  volumes: LocalVolume[],
  write: (volume: LocalVolume) => Promise<LocalVolume>,
): Promise<{ readonly apiServer: number; readonly etcd: number }> {
  const before = await cpuMsIn(dir);
  await forEachOf([...volumes.entries()], AT_ONCE, async ([i, volume]) => void (volumes[i] = await write(volume)));
  const after = await cpuMsIn(dir);
  const of = (name: string): number => ((after[name] ?? 0) - (before[name] ?? 0)) / volumes.length;
  return { apiServer: of('kube-apiserver'), etcd: of('etcd') };
}
