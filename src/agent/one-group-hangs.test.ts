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
import type { LvmReport } from '../lvm/report.ts';
import { GIB, MIB } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import { silentLog } from '../model/log.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../model/well-known.ts';
import { parseAgentConfig } from './config.ts';
import { createPorts, type Ports } from './ports.ts';
import { runAgent } from './run.ts';

const NODE = 'node-a';
const never = new AbortController().signal;

/** More than are worked on at a time. */
const MANY = Array.from({ length: 70 }, (_, at) => `stuck-${at}`);

interface Stuck {
  /** Waits for the end of the test. */
  readonly wait: () => Promise<void>;
  readonly isBusy: () => boolean;
  readonly end: () => void;
}

function createStuck(): Stuck {
  const { promise, resolve } = Promise.withResolvers<void>();
  let busy = false;
  const wait = (): Promise<void> => {
    busy = true;
    return promise;
  };
  return { wait, isBusy: () => busy, end: resolve };
}

/** An agent with two groups, `stuck` and `pool`, each on a disk of its own; `change` is made to what it works with. */
async function node(change: (ports: Ports, stuck: Stuck) => Partial<Ports>) {
  const stuck = createStuck();
  const folder = await mkdtemp(path.join(tmpdir(), 'agent-hangs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const crds = ['localvolumes', 'nodelocalstorages', 'nodelocalstorageinitconfigs'];
  const texts = crds.map((name) => readFile(path.join(import.meta.dirname, `../../crds/${name}.yaml`), 'utf8'));
  const api = createApiServer({ crds: await Promise.all(texts) });
  await api.listen();
  onTestFinished(() => api.close());
  const kubeconfig = path.join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test', timeoutMs: 5000 });
  onTestFinished(() => client.close());
  const disks = ['stuck', 'pool'].map((name) => ({ name: `/dev/sim-${name}`, sizeBytes: 10 * GIB }));
  await writeFile(path.join(folder, 'disks.json'), JSON.stringify({ disks }));
  const vgs = ['stuck', 'pool'].map((name) => ({ name, devices: [`/dev/sim-${name}`] }));
  const spec = { nodeName: NODE, listConfig: { vgs: { include: ['.*'] } }, resourceToBeInited: { vgs } };
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: NODE }, spec }, never);
  const config = parseAgentConfig(
    [
      ...[`--node-name=${NODE}`, `--simulated-disks=${folder}/disks.json`, `--mount-root=${folder}/mnt`],
      ...[`--simulated-mounts=${folder}/mounts.json`],
    ],
    {},
  );
  const ports: typeof createPorts = (...args) => {
    const made = createPorts(...args);
    return { ...made, ...change(made, stuck) };
  };
  const stop = new AbortController();
  const ended = runAgent(config, { client, run, version: '1', log: silentLog, ports }, stop.signal);
  onTestFinished(async () => {
    stuck.end();
    stop.abort();
    await ended;
  });
  const order = async (vgName: string, names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const metadata = { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] };
      const wanted = { nodeName: NODE, kind: 'LVM', vgName, sizeBytes: 4 * MIB, role: 'Volume' } as const;
      await client.create(LOCAL_VOLUMES, { metadata, spec: wanted }, never);
    }
  };
  const remove = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await client.delete(LOCAL_VOLUMES, { name }, never);
  };
  const volume = (name: string) => api.stored('localvolumes', name) as LocalVolume | undefined;
  return { order, remove, volume, stuck };
}

/** Simulated volumes have no devices, and what has none is not erased. */
const withDevices = ({ groups, ...rest }: LvmReport): LvmReport => ({
  ...rest,
  groups: groups.map((group) => ({ ...group, volumes: group.volumes.map((volume) => ({ ...volume, active: true })) })),
});

test('volumes of a group whose disks do not answer keep no other group waiting', async () => {
  const it = await node(({ lvm }, stuck) => ({
    lvm: {
      ...lvm,
      createVolumes: async (volumes, ...rest) => {
        if (volumes.some(({ vgName }) => vgName === 'stuck')) await stuck.wait();
        return lvm.createVolumes(volumes, ...rest);
      },
    },
  }));
  await it.order('stuck', MANY);
  await eventually(() => expect(it.stuck.isBusy()).toBe(true));
  await it.order('pool', ['v1']);
  await eventually(() => expect(it.volume('v1')?.status?.phase).toBe('Ready'));
  expect(it.volume(MANY[0] ?? '')?.status?.phase).not.toBe('Ready');
});

test('volumes that are erased on a disk that does not answer keep no removal of another group waiting', async () => {
  const it = await node(({ lvm, disks }, stuck) => ({
    lvm: { ...lvm, report: async (signal) => withDevices(await lvm.report(signal)) },
    disks: {
      ...disks,
      erase: async (device, signal) => {
        if (device.path.startsWith('/dev/stuck/')) await stuck.wait();
        return disks.erase(device, signal);
      },
    },
  }));
  await it.order('stuck', MANY);
  await it.order('pool', ['v1']);
  const all = [...MANY, 'v1'];
  await eventually(() => expect(all.filter((name) => it.volume(name)?.status?.phase !== 'Ready')).toEqual([]));
  await it.remove(MANY);
  await eventually(() => expect(it.stuck.isBusy()).toBe(true));
  await it.remove(['v1']);
  await eventually(() => expect(it.volume('v1')).toBeUndefined());
  expect(MANY.filter((name) => it.volume(name) === undefined)).toEqual([]);
});
