import { expect } from 'vitest';
import type { VolumesOn } from './volumes-on.ts';

export type Version = 'v1' | 'v2';

/** Control groups of pods as the kubelet makes them, and what the kernel lets their processes do. */
export interface PodCgroups {
  /** Makes the cgroup of a pod with one container; `kind` is one of KINDS. */
  make(pod: string, kind?: string): Promise<void>;
  addContainer(pod: string, container: string): Promise<void>;
  /** The limits of the device in the pod's cgroup, or that of a container, in the kernel's words; empty without. */
  read(device: string, pod: string, container?: string): Promise<string>;
  /** Sets a value as another program would. */
  write(text: string, pod: string): Promise<void>;
  /** Bytes a second that a container's process gets when it reads or writes a file past the page cache. */
  measure(io: Io): Promise<number>;
}

export interface Io {
  readonly pod: string;
  readonly does: 'read' | 'write';
  readonly file: string;
  readonly blockBytes: number;
  readonly blocks: number;
}

/** Paths of pod cgroups by the kubelet: pkg/kubelet/cm/cgroup_manager_linux.go. */
const PLACES: Readonly<Record<string, (uid: string) => string>> = {
  'Guaranteed, systemd': (uid) => `kubepods.slice/kubepods-pod${escaped(uid)}.slice`,
  'Guaranteed, cgroupfs': (uid) => `kubepods/pod${uid}`,
  'Burstable, systemd': (uid) => `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${escaped(uid)}.slice`,
  'Burstable, cgroupfs': (uid) => `kubepods/burstable/pod${uid}`,
  'BestEffort, systemd': (uid) =>
    `kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${escaped(uid)}.slice`,
  'BestEffort, cgroupfs': (uid) => `kubepods/besteffort/pod${uid}`,
};
const escaped = (uid: string): string => uid.replaceAll('-', '_');
/** Classes of pods and cgroup drivers. */
export const KINDS = Object.keys(PLACES);
const USUAL = 'Burstable, systemd';
const V1_FILES = ['read_bps', 'write_bps', 'read_iops', 'write_iops'];

export function podCgroups(version: Version, on: VolumesOn): PodCgroups {
  const root = version === 'v2' ? '/sys/fs/cgroup' : '/sys/fs/cgroup/blkio';
  const kinds = new Map<string, string>();
  const folderOf = (pod: string): string => `${root}/${PLACES[kinds.get(pod) ?? USUAL]?.(pod)}`;
  // Every cgroup on the way down must enable the controller for its children.
  const enable = `f=${root}; for part in $(tr / ' ' <<< "$rest"); do [ -e $f/cgroup.subtree_control ] && echo +io > $f/cgroup.subtree_control; f=$f/$part; mkdir -p $f; done`;

  return {
    make: async (pod, kind = USUAL) => {
      kinds.set(pod, kind);
      await on.bash(`rest=${folderOf(pod).slice(root.length + 1)}; ${enable}; mkdir -p ${folderOf(pod)}/main`);
    },
    addContainer: async (pod, container) => void (await on.bash(`mkdir ${folderOf(pod)}/${container}`)),
    read: async (device, pod, container = '') => {
      const folder = `${folderOf(pod)}/${container}`;
      if (version === 'v2') return on.bash(`grep "^${device} " ${folder}/io.max || true`);
      const lines = V1_FILES.map(
        (file) => `grep -s "^${device} " ${folder}/blkio.throttle.${file}_device | sed "s/^${device} /${file}=/"`,
      );
      return (await on.bash(lines.join('; ') + '; true')).replaceAll('\n', ' ');
    },
    write: async (text, pod) => {
      const file = version === 'v2' ? 'io.max' : 'blkio.throttle.write_bps_device';
      await on.bash(`echo "${text}" > ${folderOf(pod)}/${file}`);
    },
    measure: async ({ pod, does, file, blockBytes, blocks }) => {
      const io =
        does === 'read' ? `if=${file} of=/dev/null iflag=direct` : `if=/dev/zero of=${file} oflag=direct conv=notrunc`;
      // The rate is dd's own figure: the start of dd is no IO.
      const said = await on.bash(
        `echo $BASHPID > ${folderOf(pod)}/main/cgroup.procs
         LC_ALL=C dd ${io} bs=${blockBytes} count=${blocks} 2>&1; echo $$ > ${root}/cgroup.procs`,
        120_000,
      );
      const seconds = /copied, ([\d.e+-]+) s/.exec(said)?.[1];
      return (blockBytes * blocks) / Number(seconds);
    },
  };
}

/**
 * Accepted range: a kernel may allow a tenth more in the first moment; less than four fifths would be another limit.
 */
export function expectRate(rate: number, limit: number): void {
  expect(rate).toBeLessThan(limit * 1.1);
  expect(rate).toBeGreaterThan(limit * 0.8);
}
