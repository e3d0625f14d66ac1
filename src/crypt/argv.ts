import { LUKS_HEADER } from '../model/encryption.ts';
import { SUBSYSTEM } from './names.ts';
import type { LuksHeader, NewLuks } from './crypt.ts';

/**
 * One function per cryptsetup command that we issue. A key is read from stdin, whole: `--key-file -` strips no newline
 * (cryptsetup(8), "NOTES ON PASSPHRASE PROCESSING").
 */

const KEY = ['--key-file', '-'] as const;
/** --offset counts in sectors of 512 bytes. */
const OFFSET_SECTORS = LUKS_HEADER / 512;

/**
 * What it costs to try a key: 64 MiB and four passes, the same on every machine. cryptsetup's own choice may be 1 GiB,
 * which would break the memory limit of the agent, on this node or on a smaller one that opens a copy
 * (docs/decisions/0016).
 */
const PBKDF = [
  ...['--pbkdf', 'argon2id', '--pbkdf-memory', String(64 * 1024)],
  ...['--pbkdf-parallel', '1', '--pbkdf-force-iterations', '4'],
];

const cryptsetup = (...args: readonly string[]): string[] => ['cryptsetup', ...args];

/** The size of the header is fixed, so that it can be counted before the device is there. */
export const luksFormat = (device: string, { uuid, label, sectorSize }: Omit<NewLuks, 'key'>): string[] =>
  cryptsetup(
    ...['luksFormat', '--batch-mode', '--type', 'luks2', '--uuid', uuid, '--label', label, '--subsystem', SUBSYSTEM],
    ...['--cipher', 'aes-xts-plain64', '--key-size', '512', '--offset', String(OFFSET_SECTORS)],
    ...['--sector-size', String(sectorSize), ...PBKDF, ...KEY, '--', device],
  );

/** Tries the key and opens nothing. */
export const testKey = (device: string): string[] =>
  cryptsetup('open', '--type', 'luks2', '--test-passphrase', ...KEY, '--', device);

export const open = (device: string, name: string): string[] =>
  cryptsetup('open', '--type', 'luks2', ...KEY, '--', device, name);

export const close = (name: string): string[] => cryptsetup('close', '--', name);

export const resize = (name: string): string[] => cryptsetup('resize', ...KEY, '--', name);

/** Of what is on stdin the first `keyBytes` are a key that opens the device, and the rest is the new one. */
export const addKey = (device: string, keyBytes: number): string[] =>
  cryptsetup('luksAddKey', '--batch-mode', ...KEY, '--keyfile-size', String(keyBytes), ...PBKDF, '--', device, '-');

export const removeKey = (device: string): string[] =>
  cryptsetup('luksRemoveKey', '--batch-mode', ...KEY, '--', device);

export const identify = (device: string, uuid: string): string[] =>
  cryptsetup('luksUUID', '--batch-mode', '--uuid', uuid, '--', device);

export const erase = (device: string): string[] => cryptsetup('erase', '--batch-mode', '--', device);

export const dump = (device: string): string[] => cryptsetup('luksDump', '--', device);

/** Reads what `cryptsetup luksDump` prints, of either version of LUKS; undefined for anything else. */
export function parseDump(stdout: string): LuksHeader | undefined {
  const version = /^Version:\s+(\d+)$/m.exec(stdout)?.[1];
  const uuid = /^UUID:\s+(\S+)$/m.exec(stdout)?.[1];
  if (version === undefined || uuid === undefined) return undefined;
  const isFirst = version === '1';
  const slots = stdout.match(isFirst ? /^Key Slot \d+: ENABLED$/gm : /^ {2}\d+: luks2/gm)?.length ?? 0;
  const offset = (isFirst ? /^Payload offset:\s+(\d+)$/m : /^\s+offset: (\d+) \[bytes\]$/m).exec(stdout)?.[1] ?? '0';
  return { version: Number(version), uuid, slots, dataOffset: Number(offset) * (isFirst ? 512 : 1) };
}
