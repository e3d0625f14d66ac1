import { randomUUID } from 'node:crypto';
import type { Bytes } from '../model/bytes.ts';
import { NO_BYTES } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { createStateFile, type StateFile } from '../exec/state-file.ts';
import { identityOf, type Filesystems } from './filesystem.ts';
import { mountAt, type MountEntry } from './mountinfo.ts';
import { assertSame, type Mounts, type NewBind } from './mounts.ts';

interface SimulatedMounts {
  readonly mounts: readonly MountEntry[];
  /** Device path to what it was formatted with. */
  readonly filesystems: Readonly<
    Record<string, { readonly type: string; readonly uuid: string; readonly sizeBytes: Bytes }>
  >;
}

export interface SimulatedMountsOptions {
  readonly file: string;
  /** Size of a device that may be formatted; undefined when it is not there. */
  readonly sizeOf: (device: string, signal: AbortSignal) => Promise<Bytes | undefined>;
  /** The device whose filesystem a device shows: a snapshot has its source's. Absent: each has its own. */
  readonly shownBy?: (device: string, signal: AbortSignal) => Promise<string>;
}

/**
 * Mounts and filesystems without any: entries of one JSON file. For machines on which nothing can be mounted, or whose
 * logical volumes exist as metadata only. Folders and files at the targets are real, their content is not the volume's.
 */
export function createSimulatedMounts({
  file,
  sizeOf,
  shownBy = (device) => Promise.resolve(device),
}: SimulatedMountsOptions): {
  mounts: Mounts;
  filesystems: Filesystems;
  /** Forgets the filesystem of a device that was wiped. */
  forget: (device: string, signal: AbortSignal) => Promise<void>;
} {
  const state = createStateFile<SimulatedMounts>(file, { mounts: [], filesystems: {} });
  const existing = async (device: string, signal: AbortSignal): Promise<Bytes> => {
    const size = await sizeOf(device, signal);
    if (size === undefined) throw new Fault('not-found', `device ${device} is not there`);
    return size;
  };
  const filesystems = createFilesystems(state, { sizeOf, shownBy }, existing);
  return {
    mounts: createMounts(state, existing),
    filesystems,
    forget: (device, signal) => filesystems.unformat(device, signal),
  };
}

type State = StateFile<SimulatedMounts>;
type Existing = (device: string, signal: AbortSignal) => Promise<Bytes>;

const createMounts = (state: State, existing: Existing): Mounts => ({
  list: async (signal) => (await state.read(signal)).mounts,
  mount: async ({ source, target, fsType, options }, signal) => {
    await existing(source, signal);
    const entry = { ...viewOf(source), target, options: withMode(options), fsType };
    await state.update((before) => withMount(before, entry), signal);
  },
  bind: (wanted, signal) => state.update((before) => withMount(before, bindEntry(before, wanted)), signal),
  shows: async (entry, source, signal) => {
    const { mounts: entries } = await state.read(signal);
    return entry.source === (mountAt(entries, source)?.source ?? source);
  },
  isSeenOutside: () => Promise.resolve(true),
  unmount: (target, signal) => state.update((before) => withoutMount(before, target), signal),
});

const createFilesystems = (
  state: State,
  { sizeOf, shownBy }: Required<Pick<SimulatedMountsOptions, 'sizeOf' | 'shownBy'>>,
  existing: Existing,
): Filesystems => ({
  probe: async (device, signal) => {
    if ((await sizeOf(device, signal)) === undefined) return { kind: 'missing' };
    const found = (await state.read(signal)).filesystems[await shownBy(device, signal)];
    return found ? { kind: 'filesystem', type: found.type, uuid: found.uuid } : { kind: 'blank' };
  },
  format: async (device, wanted, signal) => {
    const sizeBytes = await existing(device, signal);
    await state.update((before) => withFilesystem(before, device, { ...wanted, sizeBytes }), signal);
  },
  unformat: (device, signal) => state.update((before) => withoutFilesystem(before, device), signal),
  check: () => Promise.resolve(),
  settleCopy: () => Promise.resolve(),
  giveUuid: (device, { uuid }, signal) =>
    state.update((before) => {
      const found = before.filesystems[device];
      return found ? withFilesystem(before, device, { ...found, uuid }) : before;
    }, signal),
  grow: async ({ device, fsType }, signal) => {
    const sizeBytes = await existing(device, signal);
    await state.update((before) => {
      const uuid = before.filesystems[device]?.uuid ?? randomUUID();
      return withFilesystem(before, device, { type: fsType, uuid, sizeBytes });
    }, signal);
  },
  stats: async (path, signal) => {
    const { mounts: entries, filesystems: known } = await state.read(signal);
    const { source } = mountAt(entries, path) ?? {};
    const total = source === undefined ? undefined : known[await shownBy(source, signal)]?.sizeBytes;
    if (total === undefined) throw new Fault('not-found', `nothing is mounted at ${path}`);
    return { total, used: NO_BYTES, available: total, inodes: { total: 0, used: 0, available: 0 } };
  },
  assertAlive: () => Promise.resolve(),
  identify: async (entry, signal) => {
    const { filesystems: known } = await state.read(signal);
    return identityOf(entry, known[entry.source]?.uuid);
  },
  entries: () => Promise.resolve([]),
  clear: () => Promise.resolve(), // files at a simulated mount point are not the volume's
  forbidWrites: () => Promise.resolve(), // nobody writes to them
  sizeOf,
  thaw: () => Promise.resolve(), // nobody freezes them
  flush: () => Promise.resolve(), // nothing is written to them
  sectorOf: () => Promise.resolve(undefined),
});

/** Nothing has a number here: a device is known by its path. */
const viewOf = (source: string) => ({ id: 0, majorMinor: `0:${source}`, root: '/', source });

const withMode = (options: readonly string[]): readonly string[] =>
  options.includes('ro') ? options : ['rw', ...options];

/** A bind of what is mounted at the source, or of the source itself, a device file for example. */
function bindEntry(state: SimulatedMounts, { source, target, readOnly, options }: NewBind): MountEntry {
  const from = mountAt(state.mounts, source);
  const mode = readOnly || from?.options.includes('ro') ? ['ro'] : ['rw'];
  const kept = from?.options.filter((option) => !['ro', 'rw', ...options].includes(option)) ?? [];
  const below = from ?? { ...viewOf(source), fsType: 'none' };
  return { ...below, target, options: [...mode, ...kept, ...options] };
}

function withMount(state: SimulatedMounts, entry: MountEntry): SimulatedMounts {
  const found = mountAt(state.mounts, entry.target);
  if (!found) return { ...state, mounts: [...state.mounts, entry] };
  assertSame(found, found.source === entry.source && found.options.includes('ro') === entry.options.includes('ro'));
  return state;
}

function withoutMount(state: SimulatedMounts, target: string): SimulatedMounts {
  const left = state.mounts.filter((entry) => entry.target !== target);
  return left.length === state.mounts.length ? state : { ...state, mounts: left };
}

function withoutFilesystem(state: SimulatedMounts, device: string): SimulatedMounts {
  const { [device]: _, ...filesystems } = state.filesystems;
  return { ...state, filesystems };
}

const withFilesystem = (
  state: SimulatedMounts,
  device: string,
  filesystem: SimulatedMounts['filesystems'][string],
): SimulatedMounts => ({ ...state, filesystems: { ...state.filesystems, [device]: filesystem } });
