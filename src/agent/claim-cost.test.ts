import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../test/rig/eventually.ts';
import { startOurApi } from '../../test/rig/our-api.ts';
import { createFakeLvm } from '../lvm/fake-lvm.ts';
import { createLvm } from '../lvm/lvm.ts';
import type { KubeClient } from '../kube/client.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, type Resource } from '../kube/resource.ts';
import { GIB } from '../model/bytes.ts';
import { silentLog } from '../model/log.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../model/well-known.ts';
import { parseAgentConfig } from './config.ts';
import { createPorts } from './ports.ts';
import { runAgent } from './run.ts';

const NODE = 'node-a';
const never = new AbortController().signal;

type Counts = Readonly<Record<string, number>>;
const count = (words: readonly string[]): Counts =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]));

/** A client that notes each request but those that stay open. */
function counting(client: KubeClient, requests: string[]): KubeClient {
  return new Proxy(client, {
    get: (target, name, receiver) => {
      const verb: unknown = Reflect.get(target, name, receiver);
      if (typeof verb !== 'function') return verb;
      return (...args: unknown[]): unknown => {
        const sub = { patch: args[4], update: args[3] }[String(name)];
        if (name !== 'watch' && name !== 'close')
          requests.push(`${String(name)} ${(args[0] as Resource).plural}${typeof sub === 'string' ? `/${sub}` : ''}`);
        return (verb as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

const GROUP = { name: 'pool-0', uuid: 'vg-1', device: '/dev/sim-a', sizeBytes: 1024 * GIB };

/** A node with one group of 1 TiB, and what its agent asks of LVM and of the API server. */
async function startNode() {
  const own = await startOurApi();
  const { api, client, folder } = own;
  onTestFinished(() => own.close());
  await writeFile(`${folder}/disks.json`, JSON.stringify({ disks: [{ name: '/dev/sim-a', sizeBytes: 1024 * GIB }] }));
  const spec = { nodeName: NODE, listConfig: { vgs: { include: ['pool-0'] } } };
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: NODE }, spec }, never);
  const flags = [
    ...[`--node-name=${NODE}`, `--csi-endpoint=unix://${folder}/csi.sock`, `--mount-root=${folder}/mnt`],
    ...[`--simulated-disks=${folder}/disks.json`, `--simulated-mounts=${folder}/mounts.json`],
  ];
  const program = createFakeLvm(GROUP);
  const { run } = program;
  const requests: string[] = [];
  const ports: typeof createPorts = (...given) => ({ ...createPorts(...given), lvm: createLvm({ run }) });
  const reported = (): string => {
    const nls = api.stored('nodelocalstorages', NODE) as NodeLocalStorage;
    return JSON.stringify(nls.status?.nodeStorageInfo?.volumeGroups ?? []);
  };
  /** What a started agent asks for until `holds`. */
  const costUntil = async (holds: () => unknown) => {
    const before = [program.said.length, requests.length] as const;
    const stop = new AbortController();
    const deps = { client: counting(client, requests), run, version: '1', log: silentLog, ports };
    const ended = runAgent(parseAgentConfig(flags, {}), deps, stop.signal);
    await eventually(holds).finally(() => stop.abort());
    await ended;
    const commands = program.said.slice(before[0]).map((command) => command.split(' ')[0] ?? '');
    return { lvm: count(commands), api: count(requests.slice(before[1])), commands: commands.length };
  };
  const stored = (name: string) => api.stored('localvolumes', name) as LocalVolume | undefined;
  return { client, stored, reported, costUntil };
}

const volumeOf = (name: string): LocalVolume => ({
  metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName: NODE, kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' },
});

/** Has so many volumes made, grown and removed; all are asked for when the agent starts, so that all wait at once. */
async function liveThrough(many: number) {
  const { client, stored, reported, costUntil } = await startNode();
  const names = Array.from({ length: many }, (_, at) => `v${at}`);
  await Promise.all(names.map((name) => client.create(LOCAL_VOLUMES, volumeOf(name), never)));
  const hasAll = (size: number) => (): void => {
    for (const name of names) expect(stored(name)?.status).toMatchObject({ phase: 'Ready', sizeBytes: size });
    expect(reported().split(`"total":${size}`)).toHaveLength(many + 1);
  };
  const made = await costUntil(hasAll(GIB));

  const body = { spec: { sizeBytes: 2 * GIB } };
  await Promise.all(names.map((name) => client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, never)));
  const grown = await costUntil(hasAll(2 * GIB));

  await Promise.all(names.map((name) => client.delete(LOCAL_VOLUMES, { name }, never)));
  const removed = await costUntil(() => {
    for (const name of names) expect(stored(name)).toBeUndefined();
    expect(reported()).toContain('"logicalVolumes":[]');
  });
  return { made, grown, removed };
}

/** An agent that starts looks at its node, at most twice; a report looks once, and a busy machine makes two. */
const [START, REPORT] = [2, 2];

test('a volume alone costs four LVM commands made, three grown, two removed, and its node a report', async () => {
  const { made, grown, removed } = await liveThrough(1);
  expect(made.lvm).toMatchObject({ lvcreate: 1, lvchange: 1 });
  expect(grown.lvm).toMatchObject({ lvextend: 1 });
  expect(removed.lvm).toMatchObject({ lvremove: 1 });
  expect(made.commands).toBeLessThanOrEqual(4 + START + REPORT);
  expect(grown.commands).toBeLessThanOrEqual(3 + START + REPORT);
  expect(removed.commands).toBeLessThanOrEqual(2 + START + REPORT);
});

test('of 50 volumes that are asked for at once none costs more than two LVM commands and one write', async () => {
  const many = 50;
  const { made, grown, removed } = await liveThrough(many);
  process.stdout.write(`${many} at once: ${JSON.stringify({ made, grown, removed })}\n`);
  expect(made.lvm['lvcreate']).toBe(many);
  expect(made.commands).toBeLessThanOrEqual(2 * many);
  expect(grown.commands).toBeLessThanOrEqual(2 * many);
  expect(removed.commands).toBeLessThanOrEqual(2 * many);
  const lists = { 'listEach nodelocalstorages': 1, 'listEach localvolumes': 1 };
  const reports = expect.any(Number) as number;
  for (const { api } of [made, grown])
    expect(api).toEqual({ ...lists, 'patch localvolumes/status': many, 'patch nodelocalstorages/status': reports });
  expect(removed.api).toEqual({
    ...{ ...lists, 'patch localvolumes': many, 'patch nodelocalstorages/status': reports },
  });
  for (const { api } of [made, grown, removed])
    expect(api['patch nodelocalstorages/status']).toBeLessThanOrEqual(many / 5);
});
