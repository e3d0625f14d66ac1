import { randomUUID } from 'node:crypto';
import { createStateFile } from '../exec/state-file.ts';
import { LUKS_HEADER } from '../model/encryption.ts';
import { Fault } from '../model/fault.ts';
import { sha256 } from '../model/sha256.ts';
import type { Crypt, Key, Mapping } from './crypt.ts';

interface SimulatedLuks {
  readonly uuid: string;
  readonly salt: string;
  /** Hashes of the keys that open it: a key itself is in no file. */
  readonly keys: readonly string[];
}

interface SimulatedCrypt {
  /** By device. */
  readonly headers: Readonly<Record<string, SimulatedLuks>>;
  /** The device and the UUID of what is open, by name. */
  readonly open: Readonly<Record<string, { readonly device: string; readonly uuid: string }>>;
}

export interface SimulatedCryptsetup extends Crypt {
  /** The device below an open mapping, by its path. */
  deviceBelow(path: string, signal: AbortSignal): Promise<string | undefined>;
  /** Forgets the header of a device that was erased. */
  forget(device: string, signal: AbortSignal): Promise<void>;
}

/**
 * LUKS without cryptsetup: entries of one JSON file. For machines whose logical volumes exist as metadata only; nothing
 * is encrypted.
 */
export function createSimulatedCrypt(file: string): SimulatedCryptsetup {
  const state = createStateFile<SimulatedCrypt>(file, { headers: {}, open: {} });
  const headerAt = async (device: string, signal: AbortSignal): Promise<SimulatedLuks | undefined> =>
    (await state.read(signal)).headers[device];
  const opens = async (device: string, key: Key, signal: AbortSignal): Promise<boolean> => {
    const header = await headerAt(device, signal);
    return header !== undefined && header.keys.includes(hashOf(header, key));
  };
  const change = (device: string, edit: Edit, signal: AbortSignal): Promise<void> =>
    state.update((before) => withHeader(before, device, edit), signal);
  const mapping = async (name: string, signal: AbortSignal): Promise<Mapping | undefined> => {
    const found = (await state.read(signal)).open[name];
    return (
      found && { path: `/dev/mapper/${name}`, number: '', luksUuid: found.uuid, below: [found.device], holders: [] }
    );
  };

  return {
    header: async (device, signal) => {
      const found = await headerAt(device, signal);
      return found && { version: 2, uuid: found.uuid, slots: found.keys.length, dataOffset: LUKS_HEADER };
    },
    format: (device, { uuid, key }, signal) =>
      state.update((before) => {
        const header = withKey({ uuid, salt: randomUUID(), keys: [] }, key);
        return { ...before, headers: { ...before.headers, [device]: header } };
      }, signal),
    opens,
    open: async ({ device, name, key }, signal) => {
      const uuid = (await headerAt(device, signal))?.uuid;
      if (uuid === undefined || !(await opens(device, key, signal))) return false;
      await state.update((before) => ({ ...before, open: { ...before.open, [name]: { device, uuid } } }), signal);
      return true;
    },
    mapping,
    close: (name, signal) =>
      state.update((before) => {
        const { [name]: _, ...open } = before.open;
        return { ...before, open };
      }, signal),
    resize: async (name, key, signal) => opens((await mapping(name, signal))?.below[0] ?? '', key, signal),
    addKey: async (device, { key, added }, signal) => {
      if (!(await opens(device, key, signal))) throw new Fault('unavailable', `the key does not open ${device}`);
      await change(device, (header) => withKey(header, added), signal);
    },
    removeKey: async (device, key, signal) => {
      if (!(await opens(device, key, signal))) return false;
      await change(device, (header) => withoutKey(header, key), signal);
      return true;
    },
    identify: (device, uuid, signal) => change(device, (header) => ({ ...header, uuid }), signal),
    erase: (device, signal) => change(device, (header) => ({ ...header, keys: [] }), signal),
    forget: (device, signal) =>
      state.update((before) => {
        const { [device]: _, ...headers } = before.headers;
        return { ...before, headers };
      }, signal),
    deviceBelow: async (path, signal) => (await mapping(path.replace('/dev/mapper/', ''), signal))?.below[0],
  };
}

const hashOf = ({ salt }: Pick<SimulatedLuks, 'salt'>, key: Key): string =>
  sha256(`${salt} ${Buffer.from(key).toString('base64')}`);

const withKey = (header: SimulatedLuks, key: Key): SimulatedLuks => ({
  ...header,
  keys: [...header.keys, hashOf(header, key)],
});

const withoutKey = (header: SimulatedLuks, key: Key): SimulatedLuks => ({
  ...header,
  keys: header.keys.toSpliced(header.keys.indexOf(hashOf(header, key)), 1),
});

type Edit = (header: SimulatedLuks) => SimulatedLuks;

function withHeader(before: SimulatedCrypt, device: string, edit: Edit): SimulatedCrypt {
  const header = before.headers[device];
  if (!header) throw new Fault('unavailable', `device ${device} carries no LUKS header`);
  return { ...before, headers: { ...before.headers, [device]: edit(header) } };
}
