import { bytes } from '../model/bytes.ts';
import type { StateFile } from '../exec/state-file.ts';
import type { BlockDevice, Disks } from './disks.ts';

/** The part of a simulated machine's file that is about disks; its groups are lvm/simulated.ts's. */
interface SimulatedDisks {
  readonly disks: readonly {
    /** `/dev/sim-a`. */
    readonly name: string;
    readonly sizeBytes: number;
    readonly mediaType?: 'ssd' | 'hdd';
    readonly readOnly?: boolean;
    /** Absent: its name. */
    readonly serial?: string;
    /** What it carries, such as `ext4`; absent: it is blank. */
    readonly signature?: string;
    readonly partitions?: readonly string[];
  }[];
}

/**
 * Disks that are entries of a JSON file, which may be edited at any time: a disk that is no longer listed was pulled.
 */
export function createSimulatedDisks<T extends SimulatedDisks>(state: StateFile<T>): Disks {
  return {
    list: async (signal) => (await state.read(signal)).disks.map(deviceOf),
    resolve: async (path, signal) => (await state.read(signal)).disks.find(({ name }) => name === path)?.name,
    probe: async ({ path }, signal) => {
      const disk = (await state.read(signal)).disks.find(({ name }) => name === path);
      if (!disk) return { busy: false, unreadable: `no such device: ${path}`, signatures: [] };
      return { busy: false, signatures: disk.signature === undefined ? [] : [{ type: disk.signature, offset: 0 }] };
    },
    mapperUuid: () => Promise.resolve(undefined),
    watch: () => Promise.resolve(), // who edits the file is in no hurry
    wipe: ({ path }, signal) =>
      state.update((before) => ({ ...before, disks: before.disks.map(blankIf(path)) }), signal),
    unlabel: () => Promise.resolve(),
    erase: () => Promise.resolve(),
  };
}

const blankIf =
  (name: string) =>
  (disk: SimulatedDisks['disks'][number]): SimulatedDisks['disks'][number] => {
    const { signature: _, ...blank } = disk;
    return disk.name === name ? blank : disk;
  };

function deviceOf(disk: SimulatedDisks['disks'][number], index: number): BlockDevice {
  return {
    name: disk.name.replace('/dev/', ''),
    path: disk.name,
    majorMinor: `0:${index}`,
    kind: 'disk',
    size: bytes(disk.sizeBytes),
    mediaType: disk.mediaType ?? 'ssd',
    readOnly: disk.readOnly ?? false,
    serial: disk.serial ?? disk.name,
    holders: [],
    partitions: disk.partitions ?? [],
    swap: false,
  };
}
