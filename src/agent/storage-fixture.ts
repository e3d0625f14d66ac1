import { bytes, GIB, MIB } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../model/well-known.ts';
import type { BlockDevice } from '../disk/disks.ts';
import { OUR_TAG } from '../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../lvm/report.ts';
import type { MountEntry } from '../mount/mountinfo.ts';
import type { Observation } from './storage/observe.ts';

/** Things of a node for tests: plain ones, of which a test names only what it is about. */

export const sampleDisk = (name: string, more: Partial<BlockDevice> = {}): BlockDevice => ({
  name,
  path: `/dev/${name}`,
  majorMinor: `8:${name}`,
  kind: 'disk',
  size: bytes(10 * GIB),
  mediaType: 'ssd',
  readOnly: false,
  holders: [],
  partitions: [],
  swap: false,
  ...more,
});

export const sampleVolume = (name: string, more: Partial<LvmVolume> = {}): LvmVolume => {
  const size = more.size ?? bytes(GIB);
  return {
    name,
    uuid: `lv-${name}`,
    size,
    taken: size,
    tags: [OUR_TAG],
    readOnly: false,
    layout: 'linear',
    health: '',
    ...more,
  };
};

/** On /dev/sdb unless told; free is what its volumes leave of 10 GiB. */
export const sampleGroup = (name: string, more: Partial<LvmGroup> = {}): LvmGroup => {
  const total = bytes(10 * GIB);
  const volumes = more.volumes ?? [];
  const taken = volumes.reduce((sum, volume) => sum + volume.taken, 0);
  const free = bytes(total - taken);
  const devices = [
    {
      device: '/dev/sdb',
      uuid: `pv-${name}`,
      majorMinor: '8:sdb',
      size: total,
      free,
      missing: false,
      allocatable: true,
    },
  ];
  const extentSize = bytes(4 * MIB);
  const fine = { seqno: 1, foreign: false, exported: false, partial: false };
  const counts = { total, free, room: more.free ?? free, kept: [], extentSize };
  return { name, uuid: name, ...counts, ...fine, devices, volumes, ...more };
};

export const sampleMount = (target: string, more: Partial<MountEntry> = {}): MountEntry => ({
  id: 1,
  majorMinor: '9:9',
  root: '/',
  target,
  options: ['rw'],
  fsType: 'ext4',
  source: '/dev/other',
  ...more,
});

export const sampleObservation = (more: Partial<Observation> = {}): Observation => ({
  groups: [],
  orphans: [],
  devices: [],
  mounts: [],
  mountPoints: [],
  ...more,
});

type Parts = {
  readonly spec?: Partial<LocalVolume['spec']>;
  readonly status?: LocalVolume['status'];
  readonly meta?: Partial<LocalVolume['metadata']>;
};

/** v1 of node-a, 1 GiB in pool-0. */
export const sampleLocalVolume = ({ spec, status, meta }: Parts = {}): LocalVolume => ({
  metadata: { name: 'v1', uid: 'u1', labels: { [NODE_LABEL]: 'node-a' }, finalizers: [VOLUME_FINALIZER], ...meta },
  spec: { nodeName: 'node-a', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec },
  ...(status ? { status } : {}),
});

/** What a Device or MountPoint volume's spec has in place of a group. */
export const unitSpec = (kind: 'Device' | 'MountPoint', path: string) => {
  const { vgName: _, ...spec } = sampleLocalVolume().spec;
  return { ...spec, kind, path };
};
