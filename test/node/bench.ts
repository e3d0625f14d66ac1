// What an agent costs on a real kernel, beside what the bare commands cost there. Under software emulation times are many times those of a
// machine: compare them with each other only. N volumes: the first argument.
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../../src/csi/gen/csi.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import type { LocalVolume } from '../../src/model/objects.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../src/model/well-known.ts';
import { NODE, startAgentNode, type AgentNode } from './agent-node.ts';
import { createProgress } from './progress.ts';
import { linkOf } from './vm.ts';

const MIB = 1024 ** 2;
const QUIET_MS = 60_000;
const ROUNDS = 5;
const count = Number(process.argv[2] ?? 100);
const signal = AbortSignal.timeout(1_800_000);
const progress = createProgress();

interface Cost {
  readonly residentMib: number;
  readonly peakMib: number;
  /** Of a core, in percent, over a minute in which nothing changed. */
  readonly cpuPercent: number;
  /** In that minute. */
  readonly lvmCommands: number;
}

await using node = await startAgentNode(signal);
await makeGroup(node);
// Each as soon as it is known: a run that is cut has measured something all the same.
tell('idle', await costOf(node));
const creation = await timed(() => createVolumes(node));
tell('create', { msEach: Math.round(creation.ms / count), lvmCommandsEach: creation.commands / count });
tell(`idle with ${count} volumes`, await costOf(node));
tell('mount', await measureMounts(node));

function tell(what: string, measured: object): void {
  progress(`${what}: ${JSON.stringify(measured)}`);
}

async function makeGroup(node: AgentNode): Promise<void> {
  await node.startAgent(signal);
  const file = path.join(node.vm.dir, 'bench.img');
  await writeFile(file, '');
  await truncate(file, (count * 4 + 1024) * MIB);
  await node.vm.attach([{ serial: 'bench', file }], signal);
  await node.ask({ resourceToBeInited: { vgs: [{ name: 'bench', devices: [linkOf('bench')] }] } }, signal);
}

async function costOf({ vm }: AgentNode): Promise<Cost> {
  const before = await readAgent(vm);
  await vm.must(`sleep ${QUIET_MS / 1000}`, signal, { timeoutMs: QUIET_MS + 30_000 });
  const after = await readAgent(vm);
  return {
    residentMib: Math.round(after.residentKib / 1024),
    peakMib: Math.round(after.peakKib / 1024),
    cpuPercent: (after.cpuTicks - before.cpuTicks) / (QUIET_MS / 1000), // a tick is a hundredth of a second
    lvmCommands: after.commands - before.commands,
  };
}

/** /proc/PID/status and stat (proc(5)), and the agent's own count of the commands it ran. */
async function readAgent(vm: AgentNode['vm']) {
  const script = `pid=$(< /run/agent.pid)
    awk '/^VmRSS|^VmHWM/ { print $2 }' /proc/$pid/status
    awk '{ print $14 + $15 }' /proc/$pid/stat
    printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | socat -t 10 - UNIX-CONNECT:/run/agent/metrics.sock |
      awk '/^open_local_agent_lvm_command_seconds_count/ { n += $2 } END { print n + 0 }'`;
  const [peakKib = 0, residentKib = 0, cpuTicks = 0, commands = 0] = (await vm.must(script, signal))
    .split('\n')
    .map(Number);
  return { peakKib, residentKib, cpuTicks, commands };
}

async function timed(work: () => Promise<void>): Promise<{ readonly ms: number; readonly commands: number }> {
  const before = await readAgent(node.vm);
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  return { ms, commands: (await readAgent(node.vm)).commands - before.commands };
}

async function createVolumes({ client }: AgentNode): Promise<void> {
  const { resourceVersion } = await client.list(LOCAL_VOLUMES, {}, signal);
  for (let at = 0; at < count; at += 1) await client.create(LOCAL_VOLUMES, volume(`bench-${at}`), signal);
  const ready = new Set<string>();
  for await (const event of client.watch(LOCAL_VOLUMES, { resourceVersion }, signal)) {
    if (event.type === 'BOOKMARK' || event.object.status?.phase !== 'Ready') continue;
    ready.add(event.object.metadata.name ?? '');
    if (ready.size === count) return;
  }
}

function volume(name: string): LocalVolume {
  return {
    apiVersion: 'csi.aliyun.com/v1alpha1',
    kind: 'LocalVolume',
    metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
    spec: { nodeName: NODE, kind: 'LVM', vgName: 'bench', sizeBytes: 4 * MIB, role: 'Volume', fsType: 'ext4' },
  };
}

/** Publishing and unpublishing a volume that has its filesystem, and the same mounts made by hand. Medians, in ms. */
async function measureMounts({ vm, csi }: AgentNode) {
  const volumeId = 'bench-0';
  const stagingTargetPath = '/var/lib/kubelet/plugins/bench/globalmount';
  const targetPath = '/var/lib/kubelet/pods/bench/mount';
  const volumeCapability: VolumeCapability = {
    accessType: { $case: 'mount', value: { fsType: 'ext4', mountFlags: [], volumeMountGroup: '' } },
    accessMode: { mode: Mode.SINGLE_NODE_WRITER },
  };
  const common = { volumeId, stagingTargetPath, publishContext: {}, secrets: {}, volumeContext: {}, volumeCapability };
  const up = async (): Promise<void> => {
    await csi.nodeStageVolume(common, signal);
    await csi.nodePublishVolume({ ...common, targetPath, readonly: false }, signal);
  };
  const down = async (): Promise<void> => {
    await csi.nodeUnpublishVolume({ volumeId, targetPath }, signal);
    await csi.nodeUnstageVolume({ volumeId, stagingTargetPath }, signal);
  };
  await vm.must(`mkdir -p ${stagingTargetPath} ${path.dirname(targetPath)} /mnt/a /mnt/b`, signal);
  await up();
  await down();
  const published: number[] = [];
  const unpublished: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    published.push((await timed(up)).ms);
    unpublished.push((await timed(down)).ms);
  }
  const bare = await vm.must(
    `for i in $(seq ${ROUNDS}); do a=$EPOCHREALTIME; mount /dev/bench/${volumeId} /mnt/a; mount --bind /mnt/a /mnt/b
     b=$EPOCHREALTIME; umount /mnt/b; umount /mnt/a; c=$EPOCHREALTIME
     awk "BEGIN { print ($b - $a) * 1000, ($c - $b) * 1000 }"; done`,
    signal,
  );
  const rows = bare
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  return {
    publishMs: median(published),
    unpublishMs: median(unpublished),
    bareMountMs: median(rows.map(([ms = 0]) => ms)),
    bareUnmountMs: median(rows.map(([, ms = 0]) => ms)),
  };
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}
