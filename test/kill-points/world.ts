import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { createPorts } from '../../src/agent/ports.ts';
import { runAgent } from '../../src/agent/run.ts';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import { run } from '../../src/exec/run.ts';
import { INIT_CONFIGS, LOCAL_VOLUMES, NODES, NODE_LOCAL_STORAGES } from '../../src/kube/resource.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { SimulatedStorage } from '../../src/lvm/simulated-groups.ts';
import { GIB } from '../../src/model/bytes.ts';
import { silentLog } from '../../src/model/log.ts';
import { parseOperatorConfig } from '../../src/operator/config.ts';
import { runOperator } from '../../src/operator/run.ts';
import { withActiveVolumes } from '../rig/active-volumes.ts';
import { eventually } from '../rig/eventually.ts';
import { startOurApi } from '../rig/our-api.ts';
import { Life, type ProgramName, type Watcher } from './life.ts';

export const NODE = 'n1';
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

/** Starts everything; resolves when the node offers its group. */
export async function startWorld(watcher: Watcher): Promise<World> {
  await using started = new AsyncDisposableStack();
  const api = await startOurApi();
  started.defer(() => api.close());
  const { client, folder } = api;
  const targets = path.join(folder, 't');
  await describeNode(client, folder);
  const programs = new Programs(client, folder, watcher);
  started.defer(() => programs.stop());
  programs.start('operator');
  programs.start('agent');
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

class Programs {
  readonly #client: KubeClient;
  readonly #folder: string;
  readonly #watcher: Watcher;
  readonly #lives = new Map<ProgramName, Life>();
  readonly #running = new Map<ProgramName, Promise<void>>();
  #stopping = false;
  kills = 0;

  constructor(client: KubeClient, folder: string, watcher: Watcher) {
    this.#client = client;
    this.#folder = folder;
    this.#watcher = watcher;
  }

  start(program: ProgramName): void {
    const life = new Life(program, this.#watcher);
    this.#lives.set(program, life);
    const running = program === 'operator' ? this.#runOperator(life) : this.#runAgent(life);
    this.#running.set(program, this.#startAgain(program, life, running));
  }

  /** As the kubelet does; not after the end. */
  async #startAgain(program: ProgramName, life: Life, running: Promise<void>): Promise<void> {
    try {
      await running;
    } catch (error) {
      if (!life.killed) throw error;
    }
    if (life.killed) this.kills += 1;
    if (!this.#stopping) this.start(program);
  }

  async settled(): Promise<void> {
    for (const [program, life] of this.#lives) if (life.signal.aborted) await this.#running.get(program);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const life of this.#lives.values()) life.end();
    await Promise.all(this.#running.values());
  }

  #runOperator(life: Life): Promise<void> {
    const config = parseOperatorConfig(
      [
        ...['--no-leader-election', '--metrics-listen=none', '--namespace=default'],
        `--csi-endpoint=unix://${this.#folder}/operator.sock`,
        `--extender-listen=unix://${this.#folder}/extender.sock`,
      ],
      {},
    );
    return runOperator(
      config,
      { client: life.bind('kube', this.#client), version: 'test', log: silentLog },
      life.signal,
    );
  }

  #runAgent(life: Life): Promise<void> {
    const folder = this.#folder;
    const config = parseAgentConfig(
      [
        ...[`--node-name=${NODE}`, `--csi-endpoint=unix://${folder}/agent.sock`, `--mount-root=${folder}/mnt`],
        ...[`--simulated-disks=${folder}/disks.json`, `--simulated-mounts=${folder}/mounts.json`],
      ],
      {},
    );
    const ports: typeof createPorts = (...given) => {
      const { lvm, disks, mounts, filesystems, crypt, ...rest } = createPorts(...given);
      return {
        ...rest,
        lvm: life.bind('lvm', withActiveVolumes(lvm)),
        disks: life.bind('disks', disks),
        mounts: life.bind('mounts', mounts),
        filesystems: life.bind('filesystems', filesystems),
        crypt: life.bind('crypt', crypt),
      };
    };
    const client = life.bind('kube', this.#client);
    return runAgent(config, { client, run, version: 'test', log: silentLog, ports }, life.signal);
  }
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
