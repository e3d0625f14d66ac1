import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createApiServer } from '../../sandbox/apiserver/api-server.ts';
import { eventually } from '../../test/rig/eventually.ts';
import { run } from '../exec/run.ts';
import { loadKubeconfig } from '../kube/access/kubeconfig.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { createKubeClient } from '../kube/rest/rest-client.ts';
import type { SimulatedStorage } from '../lvm/simulated-groups.ts';
import { GIB, MIB } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import { silentLog } from '../model/log.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../model/well-known.ts';
import { parseAgentConfig } from './config.ts';
import { runAgent } from './run.ts';

const NODE = 'node-a';
const SOURCES = ['a', 'b', 'c'];
const never = new AbortController().signal;

/** An agent with a group of 10 GiB, and the API server that it follows. */
async function node() {
  const folder = await mkdtemp(path.join(tmpdir(), 'agent-groups-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const crds = ['localvolumes', 'nodelocalstorages', 'nodelocalstorageinitconfigs'];
  const texts = crds.map((name) => readFile(path.join(import.meta.dirname, `../../crds/${name}.yaml`), 'utf8'));
  const api = createApiServer({ crds: await Promise.all(texts) });
  await api.listen();
  let isServed = true;
  const closeApi = async (): Promise<void> => {
    if (isServed) await api.close();
    isServed = false;
  };
  onTestFinished(closeApi);
  const kubeconfig = path.join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test', timeoutMs: 5000 });
  onTestFinished(() => client.close());
  const disks = path.join(folder, 'disks.json');
  await writeFile(disks, JSON.stringify({ disks: [{ name: '/dev/sim-a', sizeBytes: 10 * GIB }] }));
  const vgs = [{ name: 'pool-0', devices: ['/dev/sim-a'] }];
  const spec = { nodeName: NODE, listConfig: { vgs: { include: ['pool-.*'] } }, resourceToBeInited: { vgs } };
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: NODE }, spec }, never);
  const config = parseAgentConfig(
    [
      ...[`--node-name=${NODE}`, `--csi-endpoint=unix://${folder}/csi.sock`, `--simulated-disks=${disks}`],
      ...[`--simulated-mounts=${folder}/mounts.json`, `--mount-root=${folder}/mnt`, '--interval=100ms'],
    ],
    {},
  );
  const start = (): (() => Promise<void>) => {
    const stop = new AbortController();
    const ended = runAgent(config, { client, run, version: '1', log: silentLog }, stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await ended;
    };
    onTestFinished(end);
    return end;
  };
  const order = async (name: string, sizeBytes: number, more: Partial<LocalVolume['spec']>): Promise<void> => {
    await client.create(
      LOCAL_VOLUMES,
      {
        metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
        spec: { nodeName: NODE, kind: 'LVM', vgName: 'pool-0', sizeBytes, role: 'Volume', ...more },
      },
      never,
    );
  };
  const status = (name: string): LocalVolume['status'] =>
    (api.stored('localvolumes', name) as LocalVolume | undefined)?.status;
  const stored = async (): Promise<SimulatedStorage> => JSON.parse(await readFile(disks, 'utf8')) as SimulatedStorage;
  const write = (storage: SimulatedStorage): Promise<void> => writeFile(disks, JSON.stringify(storage));
  return { start, order, status, stored, write, closeApi };
}

test.each([
  ['in the order of their names', ['a', 'b', 'c']],
  ['the other way round', ['c', 'b', 'a']],
])('parts of a group that are asked for %s are all ready, of one moment', async (_, asked) => {
  const it = await node();
  it.start();
  for (const name of SOURCES) await it.order(name, GIB, {});
  await eventually(() => expect(SOURCES.map((name) => it.status(name)?.phase)).toEqual(SOURCES.map(() => 'Ready')));
  const part = { groupSnapshot: 'group', groupSources: SOURCES };
  const take = (volume = ''): Promise<void> =>
    it.order(`snap-${volume}`, 64 * MIB, { role: 'Snapshot', source: { volume }, ...part });
  for (const volume of asked.slice(0, -1)) {
    await take(volume);
    // Nobody looks at it again by itself when it has told that it waits.
    await eventually(() => expect(it.status(`snap-${volume}`)?.phase).toBe('Pending'));
  }
  await take(asked.at(-1));
  const parts = SOURCES.map((name) => `snap-${name}`);
  await eventually(() => expect(parts.map((name) => it.status(name)?.phase)).toEqual(parts.map(() => 'Ready')));
  expect(new Set(parts.map((name) => it.status(name)?.snapshot?.takenAt)).size).toBe(1);
});

test('an agent lets volumes go on that one before it left stopped, though no API server answers', async () => {
  const it = await node();
  const end = it.start();
  await it.order('a', GIB, {});
  await eventually(() => expect(it.status('a')?.phase).toBe('Ready'));
  await end();
  const { groups = [], ...rest } = await it.stored();
  const stop = groups.map((group) => ({
    ...group,
    volumes: group.volumes.map((volume) => ({ ...volume, suspended: true as const })),
  }));
  await it.write({ ...rest, groups: stop });
  await it.closeApi();
  it.start();
  const stopped = async (): Promise<unknown> =>
    (await it.stored()).groups?.flatMap(({ volumes }) => volumes.map(({ suspended = false }) => suspended));
  await eventually(async () => expect(await stopped()).toEqual([false]));
});
