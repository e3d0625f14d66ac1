import path from 'node:path';
import {
  INIT_CONFIGS,
  NODES,
  NODE_LOCAL_STORAGES,
  PODS,
  VOLUME_SNAPSHOT_CONTENTS,
} from '../../../src/kube/resource.ts';
import { inlineVolumeId } from '../../../src/model/inline-volume.ts';
import { createWithStatus, defineSnapshotKinds } from '../../rig/snapshot-kinds.ts';
import { createOldVolume, DRIVER, oldContent, writeOldStatus, type OldVolume } from '../../switching/old-objects.ts';
import { linkOf } from '../machine/vm.ts';
import { NODE, type AgentNode } from './agent-node.ts';
import { MIB, targetOf, type VolumesOn } from './volumes-on.ts';

/**
 * A node as open-local v0.8 leaves it: its objects, and what its lvcreate, mkfs and mount made, each volume at the path
 * of a pod and in use by a process.
 */

export const GROUP = 'open-local-pool-0';
/** Bytes of the group: its disk without the extent in which lvm has its metadata. */
export const GROUP_BYTES = 2044 * MIB;
/** In every file that is written, so that it is seen whether any of it is left. */
export const MARK = 'written-under-open-local';
const MOUNT_POINT = '/mnt/open-local/data-0';

const volume = (n: number): string => `local-00000000-0000-4000-8000-00000000000${n}`;
/** Volumes of claims: `db` has a writer, `html` a snapshot, which `reader` mounts. */
export const OLD = { db: volume(1), html: volume(2), reader: volume(3), whole: volume(4), point: volume(5) } as const;
export const SNAPSHOT = 'snap-00000000-0000-4000-8000-000000000006';
/** An inline volume of a pod that the API server has forgotten: only open-local's list on the node knows it. */
export const FORGOTTEN = inlineVolumeId('a-pod-that-is-gone', 'scratch');
export const FORGOTTEN_AT = targetOf('scratch', 'a-pod-that-is-gone');

const inGroup: OldVolume = { attributes: { volumeType: 'LVM', vgName: GROUP }, capacity: '256Mi' };
const volumesWith = (disk: string): Readonly<Record<string, OldVolume>> => ({
  [OLD.db]: inGroup,
  [OLD.html]: {
    ...inGroup,
    attributes: { volumeType: 'LVM' },
    annotations: { 'csi.aliyun.com/pv-allocated': JSON.stringify({ vgName: GROUP }) },
  },
  [OLD.reader]: {
    ...inGroup,
    attributes: { ...inGroup.attributes, 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-id': SNAPSHOT },
  },
  [OLD.whole]: { attributes: { volumeType: 'Device', Device: disk }, capacity: '60Mi' },
  [OLD.point]: { attributes: { volumeType: 'MountPoint', MountPoint: MOUNT_POINT }, capacity: '50Mi' },
});

/** Logical volumes with a filesystem each, in MiB. */
const sizesWith = (inline: string): Readonly<Record<string, number>> => ({
  [OLD.db]: 256,
  [OLD.html]: 256,
  [inline]: 64,
  [FORGOTTEN]: 64,
});
const SNAPSHOT_MIB = 64;
/** Bytes of the group that volumes have. */
export const TAKEN_BYTES = (256 + 256 + 64 + 64 + SNAPSHOT_MIB) * MIB;

/** An inline volume, and where its pod has it. */
export interface Inline {
  readonly id: string;
  readonly target: string;
}

/** Lays it out. Resolves to the inline volume of a pod that is there. */
export async function layOutOldNode(node: AgentNode, on: VolumesOn, signal: AbortSignal): Promise<Inline> {
  await on.blankDisk('pool', 2048);
  const point = await on.blankDisk('point', 64);
  const whole = await on.blankDisk('whole', 64);
  const inline = await createPod(node, signal);
  await on.bash(commandsFor(inline), 180_000);
  await createObjects(node, { inline: inline.id, point, whole }, signal);
  return inline;
}

async function createPod({ client }: AgentNode, signal: AbortSignal): Promise<Inline> {
  const scratch = { driver: DRIVER, fsType: 'ext4', volumeAttributes: { vgName: GROUP, size: '64Mi' } };
  const pod = {
    metadata: { namespace: 'default', name: 'cache' },
    spec: { nodeName: NODE, containers: [{ name: 'c', image: 'c' }], volumes: [{ name: 'scratch', csi: scratch }] },
  };
  const { uid = '' } = (await client.create(PODS, pod, signal)).metadata;
  return { id: inlineVolumeId(uid, 'scratch'), target: targetOf('scratch', uid) };
}

interface Laid {
  readonly inline: string;
  /** Devices of the disks. */
  readonly point: string;
  readonly whole: string;
}

async function createObjects({ client }: AgentNode, { inline, point, whole }: Laid, signal: AbortSignal) {
  await client.create(NODES, { metadata: { name: NODE, labels: { 'kubernetes.io/hostname': NODE } } }, signal);
  await defineSnapshotKinds(client);
  const globalConfig = {
    listConfig: {
      vgs: { include: ['open-local-pool-[0-9]+'] },
      devices: { include: ['/dev/sd[a-z]+'] },
      mountPoints: { include: ['/mnt/open-local/.*'] },
    },
    resourceToBeInited: { vgs: [{ name: GROUP, devices: [linkOf('pool')] }] },
  };
  await client.create(INIT_CONFIGS, { metadata: { name: 'open-local' }, spec: { globalConfig } }, signal);
  const spec = { nodeName: NODE, ...globalConfig };
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: NODE }, spec }, signal);
  const sizes = Object.entries({ ...sizesWith(inline), [SNAPSHOT]: SNAPSHOT_MIB });
  await writeOldStatus(client, NODE, {
    group: {
      ...{ name: GROUP, device: linkOf('pool'), total: GROUP_BYTES },
      sizes: Object.fromEntries(sizes.map(([name, mib]) => [name, mib * MIB])),
    },
    disk: { name: whole, total: 64 * MIB },
    mountPoint: { name: MOUNT_POINT, device: point, total: 50 * MIB },
  });
  for (const [name, old] of Object.entries(volumesWith(whole))) await createOldVolume(client, NODE, name, old);
  await createWithStatus(client, VOLUME_SNAPSHOT_CONTENTS, oldContent(SNAPSHOT, OLD.html, SNAPSHOT_MIB * MIB));
}

/**
 * Its lvcreate (`-W y -y`, sizes in bytes), its mkfs, a mount straight at the pod's path, and its list of volumes. The
 * kubelet keeps a file beside the mount of each volume; without it the pod is one that it does not know any more.
 */
function commandsFor(inline: Inline): string {
  const sizes = sizesWith(inline.id);
  const make = Object.entries(sizes).map(([name, mib]) => oldLvcreate(name, mib));
  const targets = { [inline.id]: inline.target, [FORGOTTEN]: FORGOTTEN_AT };
  const mount = (device: string, target: string): string =>
    `mkfs.ext4 -q -F -m0 ${device}; mkdir -p ${target}; mount ${device} ${target}; echo ${MARK} > ${target}/file`;
  const list = { [FORGOTTEN]: `/dev/${GROUP}/${FORGOTTEN}` };
  return [
    'set -e',
    `pvcreate -qq ${linkOf('pool')}; vgcreate -qq ${GROUP} ${linkOf('pool')}`,
    ...make,
    ...Object.keys(sizes).map((name) => mount(`/dev/${GROUP}/${name}`, targets[name] ?? targetOf(name))),
    ...Object.values(targets).map((target) => `echo '{}' > ${path.dirname(target)}/vol_data.json`),
    mount(linkOf('whole'), targetOf(OLD.whole)),
    mount(linkOf('point'), MOUNT_POINT),
    `mkdir -p ${targetOf(OLD.point)}; mount --bind ${MOUNT_POINT} ${targetOf(OLD.point)}`,
    `sync; lvcreate -qq -s -n ${SNAPSHOT} -L ${SNAPSHOT_MIB * MIB}b ${GROUP}/${OLD.html} -y`,
    `mkdir -p ${targetOf(OLD.reader)}; mount -o ro,noload /dev/${GROUP}/${SNAPSHOT} ${targetOf(OLD.reader)}`,
    `echo later > ${targetOf(OLD.html)}/file`,
    `echo '${JSON.stringify(list)}' > /var/lib/kubelet/open-local-volumes.json`,
    'sync',
  ].join('\n');
}

export const oldLvcreate = (name: string, mib: number): string =>
  `lvcreate -qq -n ${name} -L ${mib * MIB}b -W y -y ${GROUP}`;

/** What an administrator's /etc/fstab does at boot. */
export const mountTheirs = (on: VolumesOn): Promise<string> => on.bash(`mount ${linkOf('point')} ${MOUNT_POINT}`);
