// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import * as csi from '../../src/csi/gen/csi.ts';
import { LOCAL_VOLUMES, NODES, PODS, VOLUMES, VOLUME_SNAPSHOT_CONTENTS } from '../../src/kube/resource.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { silentLog } from '../../src/model/log.ts';
import { parseOperatorConfig } from '../../src/operator/config.ts';
import { runOperator } from '../../src/operator/run.ts';
import { testOn } from '../machine.ts';
import { createWithStatus, defineSnapshotKinds } from '../rig/snapshot-kinds.ts';
import { oldContent, oldPv, type OldVolume } from '../switching/old-cluster.ts';
import { NODE, startAgentNode, type AgentNode } from './agent/agent-node.ts';
import { MIB, mounted, stagingOf, targetOf, volumesOn, type VolumesOn } from './agent/volumes-on.ts';
import { createProgress } from './machine/progress.ts';
import { linkOf } from './machine/vm.ts';

const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_200_000);
const GROUP = 'open-local-pool-0';
const DRIVER = 'local.csi.aliyun.com';
const EXT4 = mounted('ext4');
/** In every file that is written, so that it is seen whether any of it is left. */
const MARK = 'written-under-open-local';

/** Volumes of claims: `db` has a writer, `html` a snapshot, which `reader` mounts. */
const [DB, HTML, READER, WHOLE, POINT] = ['1', '2', '3', '4', '5'].map(
  (n) => `local-00000000-0000-4000-8000-00000000000${n}`,
) as [string, string, string, string, string];
const SNAPSHOT = 'snap-00000000-0000-4000-8000-000000000006';
let node: AgentNode;
let on: VolumesOn;
let controller: CsiClient['controller'];
/** Of a pod that runs, and of one that the API server has forgotten. */
let inline: string;
const forgotten = inlineVolumeId('a-pod-that-is-gone', 'scratch');
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  node = await startAgentNode(signal);
  on = volumesOn(node, signal);
  progress('the machine is there');
  inline = await layOutObjects();
  await layOutDisks();
  progress('all is as open-local leaves it');
});

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  await node?.[Symbol.asyncDispose]();
});

const inGroup: OldVolume = { attributes: { volumeType: 'LVM', vgName: GROUP }, capacity: '256Mi' };
const PVS: Readonly<Record<string, OldVolume>> = {
  [DB]: inGroup,
  [HTML]: {
    ...inGroup,
    attributes: { volumeType: 'LVM' },
    annotations: { 'csi.aliyun.com/pv-allocated': JSON.stringify({ vgName: GROUP }) },
  },
  [READER]: {
    ...inGroup,
    attributes: { ...inGroup.attributes, 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-id': SNAPSHOT },
  },
  [WHOLE]: { attributes: { volumeType: 'Device', Device: '/dev/WHOLE' }, capacity: '60Mi' },
  [POINT]: { attributes: { volumeType: 'MountPoint', MountPoint: '/mnt/open-local/data-0' }, capacity: '50Mi' },
};

/** Resolves to the name of the pod's inline volume. */
async function layOutObjects(): Promise<string> {
  const { client } = node;
  const labels = { 'kubernetes.io/hostname': NODE };
  await client.create(NODES, { metadata: { name: NODE, labels } }, signal);
  await defineSnapshotKinds(client);
  const whole = await on.blankDisk('whole', 64);
  for (const [name, volume] of Object.entries(PVS)) {
    const attributes = { ...volume.attributes, ...(volume.attributes['Device'] ? { Device: whole } : {}) };
    await client.create(VOLUMES, oldPv(name, { ...volume, attributes }, NODE), signal);
    await setPhase(name, 'Bound');
  }
  await createWithStatus(client, VOLUME_SNAPSHOT_CONTENTS, oldContent(SNAPSHOT, HTML, 64 * MIB));
  const scratch = { driver: DRIVER, fsType: 'ext4', volumeAttributes: { vgName: GROUP, size: '64Mi' } };
  const pod = {
    metadata: { namespace: 'default', name: 'cache' },
    spec: { nodeName: NODE, containers: [{ name: 'c', image: 'c' }], volumes: [{ name: 'scratch', csi: scratch }] },
  };
  return inlineVolumeId((await client.create(PODS, pod, signal)).metadata.uid ?? '', 'scratch');
}

const setPhase = (name: string, phase: string): Promise<unknown> =>
  node.client.patch(VOLUMES, { name }, { type: 'merge', body: { status: { phase } } }, signal, 'status');

/** The commands are those of open-local: its lvcreate, its mkfs, and a mount straight at the pod's path. */
async function layOutDisks(): Promise<void> {
  await on.blankDisk('pool', 2048);
  await on.blankDisk('point', 64);
  const lvs: readonly [string, number][] = [
    [DB, 256],
    [HTML, 256],
    [inline, 64],
    [forgotten, 64],
  ];
  const make = lvs.map(([name, mib]) => `lvcreate -qq -n ${name} -L ${mib * MIB}b -W y -y ${GROUP}`);
  const mount = (device: string, target: string): string =>
    `mkfs.ext4 -q -F -m0 ${device}; mkdir -p ${target}; mount ${device} ${target}; echo ${MARK} > ${target}/file`;
  const mounts = lvs.map(([name]) => mount(`/dev/${GROUP}/${name}`, targetOf(name)));
  await on.bash(
    [
      `pvcreate -qq ${linkOf('pool')} && vgcreate -qq ${GROUP} ${linkOf('pool')}`,
      ...make,
      ...mounts,
      mount(linkOf('whole'), targetOf(WHOLE)),
      mount(linkOf('point'), '/mnt/open-local/data-0'),
      `mkdir -p ${targetOf(POINT)}; mount --bind /mnt/open-local/data-0 ${targetOf(POINT)}`,
      `sync; lvcreate -qq -s -n ${SNAPSHOT} -L ${64 * MIB}b ${GROUP}/${HTML} -y`,
      `mkdir -p ${targetOf(READER)}; mount -o ro,noload /dev/${GROUP}/${SNAPSHOT} ${targetOf(READER)}`,
      `echo later > ${targetOf(HTML)}/file`,
      `echo '${JSON.stringify({ [forgotten]: `/dev/${GROUP}/${forgotten}` })}' > /var/lib/kubelet/open-local-volumes.json`,
      'sync',
    ].join('\n'),
    120_000,
  );
}

/** Appends a number every few ms until it is told to stop, and ends at the first error. */
const startWriter = (): Promise<string> =>
  on.bash(`(set -e; n=0; until [ -e /run/stop ]; do echo "$n ${MARK}" >> ${targetOf(DB)}/log; n=$((n + 1)); sleep 0.01
    done; touch /run/stopped) > /run/writer.log 2>&1 &
  until [ -s ${targetOf(DB)}/log ]; do sleep 0.1; done`);
/** Throws unless every line that was written is there; resolves to their number. */
const stopWriter = async (): Promise<number> =>
  Number(
    await on.bash(`touch /run/stop; until [ -e /run/stopped ]; do sleep 0.1; done
    cat /run/writer.log >&2; n=$(wc -l < ${targetOf(DB)}/log); seq 0 $((n - 1)) | sed 's/$/ ${MARK}/' | cmp - ${targetOf(DB)}/log >&2
    echo "$n"`),
  );
const report = (): Promise<string> =>
  on.bash(`lvs --noheadings --units b --nosuffix -o lv_name,lv_uuid,lv_size ${GROUP}`);
const content = (...names: readonly string[]): Promise<string> =>
  on.bash(names.map((name) => `cat ${targetOf(name)}/file`).join('; '));

async function startOperator(): Promise<void> {
  const socket = `${node.vm.dir}/operator.sock`;
  const flags = ['--no-leader-election', '--extender-listen=none', '--metrics-listen=none', '--namespace=default'];
  const config = parseOperatorConfig([...flags, `--csi-endpoint=unix://${socket}`], {});
  const stopping = new AbortController();
  const running = runOperator(config, { client: node.client, version: 'test', log: silentLog }, stopping.signal);
  const calls = createCsiClient({ kind: 'unix', path: socket }, 60_000);
  controller = calls.controller;
  cleanups.push(() => {
    calls.close();
    stopping.abort();
    return running;
  });
}

const SPEC = {
  listConfig: {
    vgs: { include: ['open-local-pool-[0-9]+'] },
    devices: { include: ['/dev/sd[a-z]+'] },
    mountPoints: { include: ['/mnt/open-local/.*'] },
  },
  resourceToBeInited: { vgs: [{ name: GROUP, devices: [linkOf('pool')] }] },
};

test('our agent adopts every volume of open-local’s; who writes is undisturbed, and nothing on the disks changes', async () => {
  await startWriter();
  const files = [HTML, READER, WHOLE, POINT, inline];
  const before = [await report(), await content(...files)];
  await startOperator();
  await node.startAgent(signal, 'agent', ['--interval=3s']);
  await node.ask(SPEC, signal);
  for (const name of [DB, HTML, WHOLE, POINT, SNAPSHOT, READER, inline])
    await on.until(name, ({ status }) => status?.phase === 'Ready');
  progress('all is adopted');
  expect([await report(), await content(...files)]).toEqual(before);
  expect(await on.bash(`lvs --noheadings -o lv_name @open-local | wc -l`)).toBe('4');
});

test('a volume in use grows and is snapshotted under its writer', async () => {
  const volumeId = DB;
  const capacityRange = { requiredBytes: BigInt(512 * MIB) };
  await controller.controllerExpandVolume(
    csi.ControllerExpandVolumeRequest.fromPartial({ volumeId, capacityRange }),
    signal,
  );
  const paths = { volumePath: targetOf(DB), stagingTargetPath: stagingOf(DB) };
  await node.csi.nodeExpandVolume(
    csi.NodeExpandVolumeRequest.fromPartial({ volumeId, capacityRange, ...paths }),
    signal,
  );
  expect(Number(await on.bash(`df --output=size -B1M ${targetOf(DB)} | tail -1`))).toBeGreaterThan(450);
  const parameters = { 'csi.aliyun.com/readonly': 'true' };
  const taking = csi.CreateSnapshotRequest.fromPartial({ name: 'snap-new', sourceVolumeId: DB, parameters });
  expect((await controller.createSnapshot(taking, signal)).snapshot).toMatchObject({ readyToUse: true });
  await controller.deleteSnapshot(csi.DeleteSnapshotRequest.fromPartial({ snapshotId: 'snap-new' }), signal);
  expect(await stopWriter()).toBeGreaterThan(100);
});

test('the kubelet’s calls after its own restart find the volume that open-local had mounted', async () => {
  await on.stage(DB, EXT4);
  await on.publish(DB, EXT4, targetOf(DB));
  expect(await on.bash(`cat ${targetOf(DB)}/file`)).toBe(MARK);
});

test('a pod’s inline volume goes with it, also one that the API server has forgotten', async () => {
  for (const id of [inline, forgotten])
    await node.csi.nodeUnpublishVolume({ volumeId: id, targetPath: targetOf(id) }, signal);
  for (const id of [inline, forgotten]) await on.untilGone(id);
  expect(await report()).not.toContain('csi-');
});

test('after a boot every volume is there, and its pod finds its data', async () => {
  await on.bash('sync');
  await node.restart(signal, ['--interval=3s']);
  await on.bash(`mount ${linkOf('point')} /mnt/open-local/data-0`);
  for (const name of [DB, HTML, WHOLE, POINT, READER]) {
    await on.stageAfterBoot(name, name === POINT ? mounted('') : EXT4);
    await on.publish(name, name === POINT ? mounted('') : EXT4, targetOf(name));
  }
  expect(await content(HTML, READER, WHOLE, POINT)).toBe(`later\n${MARK}\n${MARK}\n${MARK}`);
  expect(Number(await on.bash(`wc -l < ${targetOf(DB)}/log`))).toBeGreaterThan(100);
});

test('and each is deleted to the byte', async () => {
  for (const name of [READER, DB, HTML, WHOLE, POINT]) {
    await on.unpublish(name, targetOf(name));
    await on.unstage(name);
  }
  const gone = csi.DeleteSnapshotRequest.fromPartial({ snapshotId: SNAPSHOT });
  await setPhase(READER, 'Released');
  await controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId: READER }), signal);
  await controller.deleteSnapshot(gone, signal);
  for (const name of [DB, HTML, WHOLE, POINT]) {
    await setPhase(name, 'Released');
    await controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId: name }), signal);
  }
  expect(await report()).toBe('');
  expect(await on.bash(`vgs --noheadings -o vg_free_count,vg_extent_count ${GROUP} | awk '{ print $1 == $2 }'`)).toBe(
    '1',
  );
  const left = 'ls -A /mnt/open-local/data-0 | grep -v lost+found; blkid -p';
  expect(await on.bash(`${left} ${linkOf('whole')} || true`)).toBe('');
  const search = `grep -c ${MARK} ${linkOf('pool')} ${linkOf('whole')} | grep -v ':0$' || true`;
  expect(await on.bash(`sync; ${search}`, 240_000)).toBe('');
  expect((await node.client.list(LOCAL_VOLUMES, {}, signal)).items).toEqual([]);
});
