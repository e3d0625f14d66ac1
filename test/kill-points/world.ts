import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import { INIT_CONFIGS, LOCAL_VOLUMES, NODES, NODE_LOCAL_STORAGES } from '../../src/kube/resource.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { SimulatedStorage } from '../../src/lvm/simulated-groups.ts';
import { GIB } from '../../src/model/bytes.ts';
import { eventually } from '../rig/eventually.ts';
import { startOurApi } from '../rig/our-api.ts';
import { Life } from './life.ts';
import { ProgramProcess } from './program-process.ts';
import { Programs, type Watcher } from './programs.ts';
import { NODE, runProgram } from './run-program.ts';

const GROUP = 'pool-0';
const never = new AbortController().signal;

/** What there is, in words that can be compared: nothing may be left of an operation, whoever died in it. */
export interface Inventory {
  readonly objects: readonly string[];
  readonly volumes: readonly string[];
  readonly mounts: readonly string[];
  /** Encrypted devices that are open. */
  readonly mappings: readonly string[];
  readonly filesystems: readonly string[];
  /** Files and folders where a kubelet would have targets. */
  readonly files: readonly string[];
}

/** The API server, the node's disks and mounts, and both programs, which can be killed and are then started again. */
export interface World extends AsyncDisposable {
  readonly client: KubeClient;
  readonly csi: CsiClient;
  readonly node: CsiClient['node'];
  /** Socket of the scheduler extender. */
  readonly extender: string;
  /** Folder for staging and target paths. */
  readonly targets: string;
  inventory(): Promise<Inventory>;
  /** Resolves when no killed program is about to be started again. */
  settled(): Promise<void>;
  /** Number of programs that were killed. */
  readonly kills: number;
}

/** How a program dies: in this process by what it cannot do any more, or as a process of its own by SIGKILL. */
export type Death = 'stopped' | 'SIGKILL';

/** Starts everything; resolves when the node offers its group. */
export async function startWorld(watcher: Watcher, death: Death = 'stopped'): Promise<World> {
  await using started = new AsyncDisposableStack();
  const api = await startOurApi();
  started.defer(() => api.close());
  const { client, folder } = api;
  const targets = path.join(folder, 't');
  await describeNode(client, folder);
  const programs = new Programs((program) =>
    death === 'SIGKILL'
      ? new ProgramProcess(program, folder, watcher)
      : new Life(watcher, (guard, signal) => runProgram(program, { client, folder, guard }, signal)),
  );
  started.defer(() => programs.stop());
  const csi = createCsiClient({ kind: 'unix', path: `${folder}/operator.sock` }, 20_000);
  const node = createCsiClient({ kind: 'unix', path: `${folder}/agent.sock` }, 20_000);
  started.defer(() => [csi, node].forEach((connection) => connection.close()));
  await eventually(async () => {
    const nls = await client.get(NODE_LOCAL_STORAGES, { name: NODE }, never);
    if (!nls.status?.filteredStorageInfo?.volumeGroups?.includes(GROUP)) throw new Error('no group is offered yet');
  });
  const kept = started.move();
  return {
    client,
    csi,
    node: node.node,
    extender: `${folder}/extender.sock`,
    targets,
    inventory: () => takeInventory(client, folder, targets),
    settled: () => programs.settled(),
    get kills() {
      return programs.kills;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function describeNode(client: KubeClient, folder: string): Promise<void> {
  const disk = { name: '/dev/sim-a', sizeBytes: 20 * GIB, mediaType: 'ssd' };
  await writeFile(path.join(folder, 'disks.json'), JSON.stringify({ disks: [disk] }));
  const labels = { 'kubernetes.io/hostname': NODE };
  await client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE, labels } }, never);
  const globalConfig = {
    listConfig: { vgs: { include: [GROUP] } },
    resourceToBeInited: { vgs: [{ name: GROUP, devices: [disk.name] }] },
  };
  await client.create(INIT_CONFIGS, { metadata: { name: 'open-local' }, spec: { globalConfig } }, never);
}

async function takeInventory(client: KubeClient, folder: string, targets: string): Promise<Inventory> {
  const { items } = await client.list(LOCAL_VOLUMES, {}, never);
  const { groups = [] } = JSON.parse(await readFile(path.join(folder, 'disks.json'), 'utf8')) as SimulatedStorage;
  const { mounts, filesystems } = await readMounts(path.join(folder, 'mounts.json'));
  return {
    objects: items.map(({ metadata }) => metadata.name ?? '').toSorted(),
    volumes: groups.flatMap(({ volumes }) => volumes.map(({ name }) => name)).toSorted(),
    mounts: mounts.map(({ target }) => path.relative(targets, target)).toSorted(),
    mappings: await readMappings(path.join(folder, 'mounts.json.luks')),
    filesystems: Object.keys(filesystems).toSorted(),
    files: await filesBelow(targets),
  };
}

type Mounts = { readonly mounts: readonly { readonly target: string }[]; readonly filesystems: object };

async function readMounts(file: string): Promise<Mounts> {
  const text = await readFile(file, 'utf8').catch(() => '{"mounts":[],"filesystems":{}}');
  return JSON.parse(text) as Mounts;
}

async function readMappings(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch(() => '{"open":{}}');
  return Object.keys((JSON.parse(text) as { readonly open: object }).open);
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const found: readonly string[] = await readdir(folder, { recursive: true }).catch(() => []);
  return found.toSorted();
}
