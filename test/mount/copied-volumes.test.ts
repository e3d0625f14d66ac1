// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { createPorts } from '../../src/agent/ports.ts';
import { runAgent } from '../../src/agent/run.ts';
import { createHostCopier } from '../../src/copy/copier.ts';
import { createCsiClient } from '../../src/csi/client.ts';
import * as csi from '../../src/csi/gen/csi.ts';
import { run } from '../../src/exec/run.ts';
import { createStateFile } from '../../src/exec/state-file.ts';
import { find } from '../../src/kube/find.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../../src/kube/resource.ts';
import type { SimulatedStorage } from '../../src/lvm/simulated-groups.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { cloneSnapshotId } from '../../src/model/copies.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { silentLog } from '../../src/model/log.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../src/model/well-known.ts';
import { createHostMounts } from '../../src/mount/mounts.ts';
import { createLoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';
import { COPY_PROGRAM } from '../rig/copy-program.ts';
import { eventually } from '../rig/eventually.ts';
import { createLoopLvm } from '../rig/loop-lvm.ts';
import { startOurApi } from '../rig/our-api.ts';

const test = testOn('root', 'loop devices', 'mkfs of ext4, xfs and btrfs');
const never = new AbortController().signal;
const VG = `copies-${process.pid}`; // its folder in /dev is everybody's
const WAIT = { timeout: 60_000 };
/** btrfs: growing a mounted ext4 needs CAP_SYS_RESOURCE, which not every machine of tests gives. */
const mount = csi.VolumeCapability.fromPartial({
  accessType: { $case: 'mount', value: { fsType: 'btrfs' } },
  accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
});

/** An agent with everything real but LVM, whose volumes are loop devices. */
async function agentOnLoops() {
  await using stack = new AsyncDisposableStack();
  const disks = stack.use(await createLoopDisks(512 * MIB));
  const ours = await startOurApi();
  stack.defer(() => ours.close());
  const { client, folder } = ours;
  const [disk = ''] = disks.devices;
  const state = createStateFile<SimulatedStorage>(path.join(folder, 'groups.json'));
  await writeFile(path.join(folder, 'groups.json'), JSON.stringify({ disks: [{ name: disk, sizeBytes: 512 * MIB }] }));
  const lvm = createLoopLvm({ state, folder: path.join(folder, 'volumes'), run });
  await lvm.createGroup({ name: VG, devices: [disk] }, never);
  stack.defer(async () => {
    const { groups } = await lvm.report(never);
    const volumes = groups.flatMap((group) => group.volumes).toSorted((a, b) => Number(!a.origin) - Number(!b.origin));
    for (const { name } of volumes) await lvm.removeVolume({ vgName: VG, name }, never);
  });
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n1' }, spec: { nodeName: 'n1' } }, never);
  const socket = path.join(folder, 'csi.sock');
  const start = (...flags: readonly string[]): (() => Promise<void>) => {
    const own = [
      '--node-name=n1',
      `--csi-endpoint=unix://${socket}`,
      '--registration-endpoint=none',
      '--regexp=^none$',
    ];
    const config = parseAgentConfig([...own, `--mount-root=${folder}/mnt`, '--interval=500ms', ...flags], {});
    const stopping = new AbortController();
    const copier = createHostCopier({ run, bytesPerSecond: config.copyBandwidth, program: COPY_PROGRAM });
    const ports: typeof createPorts = (...given) => ({ ...createPorts(...given), lvm, copier });
    const running = runAgent(config, { client, run, version: 'test', log: silentLog, ports }, stopping.signal);
    return async () => {
      stopping.abort();
      await running;
    };
  };
  const add = (name: string, mib: number, spec: Partial<LocalVolume['spec']> = {}): Promise<LocalVolume> => {
    const metadata = { name, labels: { [NODE_LABEL]: 'n1' }, finalizers: [VOLUME_FINALIZER] };
    const whole = { nodeName: 'n1', kind: 'LVM', vgName: VG, sizeBytes: mib * MIB, role: 'Volume', ...spec } as const;
    return client.create<LocalVolume>(LOCAL_VOLUMES, { metadata, spec: whole }, never);
  };
  const get = (name: string): Promise<LocalVolume | undefined> => find(client, LOCAL_VOLUMES, { name }, never);
  const until = (name: string, wanted: (status: NonNullable<LocalVolume['status']>) => boolean): Promise<void> =>
    expect.poll(async () => wanted((await get(name))?.status ?? {}), WAIT).toBe(true);
  const node = createCsiClient({ kind: 'unix', path: socket }, 20_000);
  stack.defer(async () => node.close());
  const staged = new Set<string>();
  const unstage = async (): Promise<void> => {
    for (const target of staged) await createHostMounts(run).unmount(target, never);
  };
  stack.defer(unstage);
  const stage = async (volumeId: string): Promise<string> => {
    const stagingTargetPath = path.join(folder, 'staging', volumeId);
    await mkdir(stagingTargetPath, { recursive: true });
    const request = csi.NodeStageVolumeRequest.fromPartial({ volumeId, stagingTargetPath, volumeCapability: mount });
    await node.node.nodeStageVolume(request, never);
    staged.add(stagingTargetPath);
    return stagingTargetPath;
  };
  const kept = stack.move();
  return {
    ...{ client, start, add, get, until, stage, command: disks.command },
    unstage,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

test('a clone of a mounted volume goes on after its agent ended, and is mounted beside its source, grown', async () => {
  await using it = await agentOnLoops();
  let stop = it.start('--copy-bandwidth=12Mi');
  await it.add('live', 128, { fsType: 'btrfs' });
  await it.until('live', ({ phase }) => phase === 'Ready');
  const at = await it.stage('live');
  await writeFile(path.join(at, 'kept'), 'before');
  await it.command('sync', '--file-system', at);

  await it.add('clone', 320, { source: { volume: 'live' }, fsType: 'btrfs' });
  await it.until('clone', ({ reason, phase }) => phase === 'Pending' && reason === 'SourceMissing');
  const copyOnWrite = { thresholdPercent: 50, stepBytes: 16 * MIB };
  await it.add(cloneSnapshotId('clone'), 40, { role: 'Snapshot', source: { volume: 'live' }, copyOnWrite });
  await it.until('clone', ({ copiedBytes = 0 }) => copiedBytes > 0);
  await it.unstage();
  await stop();
  const { status } = (await it.get('clone')) ?? {};
  expect(status).toMatchObject({ phase: 'Pending', reason: 'Copying' });
  expect(status?.copiedBytes).toBeLessThan(bytes(128 * MIB));

  stop = it.start();
  await it.until('clone', ({ phase }) => phase === 'Ready');
  expect((await it.get('clone'))?.status).toMatchObject({
    progress: 100,
    copiedBytes: 128 * MIB,
    sizeBytes: 320 * MIB,
  });
  const [source, copy] = [await it.stage('live'), await it.stage('clone')];
  expect(await readFile(path.join(copy, 'kept'), 'utf8')).toBe('before');
  const sizeOf = async (folder: string): Promise<number> =>
    Number((await it.command('df', '-m', '--output=size', folder)).split('\n')[1]);
  expect(await sizeOf(copy)).toBeGreaterThan((await sizeOf(source)) * 1.3);
  const uuidOf = (name: string): Promise<string> =>
    it.command('blkid', '-p', '-s', 'UUID', '-o', 'value', `/dev/${VG}/${name}`);
  expect(await uuidOf('clone')).not.toBe(await uuidOf('live'));
  await it.unstage();
  await stop();
});

test('what a pod wrote to a copy stays when its object is older, as when etcd was restored', async () => {
  await using it = await agentOnLoops();
  let stop = it.start();
  await it.add('raw', 40);
  await it.until('raw', ({ phase }) => phase === 'Ready');
  const copyOnWrite = { thresholdPercent: 50, stepBytes: 16 * MIB };
  await it.add('snap', 40, { role: 'Snapshot', source: { volume: 'raw' }, restore: 'Copy', copyOnWrite });
  await it.add('copy', 40, { source: { snapshot: 'snap' } });
  await it.until('copy', ({ phase }) => phase === 'Ready');
  await stop();
  await writeFile(`/dev/${VG}/copy`, 'by a pod');
  const body = [{ op: 'replace', path: '/status', value: { phase: 'Pending', progress: 40 } }] as const;
  await it.client.patch(LOCAL_VOLUMES, { name: 'copy' }, { type: 'json', body }, never, 'status');

  stop = it.start();
  await it.until('copy', ({ phase }) => phase === 'Ready');
  expect((await readFile(`/dev/${VG}/copy`)).subarray(0, 8).toString()).toBe('by a pod');
  expect((await it.get('copy'))?.status?.progress).toBe(100);
  await stop();
});

test('a volume that is removed in the middle of its copy is gone, and its source is not', async () => {
  await using it = await agentOnLoops();
  const stop = it.start('--copy-bandwidth=1Mi');
  await it.add('raw', 40);
  await it.until('raw', ({ phase }) => phase === 'Ready');
  const copyOnWrite = { thresholdPercent: 50, stepBytes: 16 * MIB };
  await it.add('snap', 40, { role: 'Snapshot', source: { volume: 'raw' }, restore: 'Copy', copyOnWrite });
  await it.until('snap', ({ phase }) => phase === 'Ready');
  await it.add('copy', 40, { source: { snapshot: 'snap' } });
  await it.until('copy', ({ reason }) => reason === 'Copying');
  await it.client.delete(LOCAL_VOLUMES, { name: 'copy' }, never);
  await eventually(async () => expect(await it.get('copy')).toBeUndefined());
  expect((await it.get('snap'))?.status?.phase).toBe('Ready');
  await stop();
});
