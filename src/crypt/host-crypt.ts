import { KeyedMutex } from '../daemon/keyed-mutex.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Output, Run } from '../exec/run.ts';
import { Fault } from '../model/fault.ts';
import { seekUsers } from '../model/seek-users.ts';
import * as argv from './argv.ts';
import type { Crypt, Key } from './crypt.ts';
import { findMapping } from './mappings.ts';

/** Reading a header, closing. */
const ANSWER_TIMEOUT_MS = 60_000;
/** What tries a key or writes a header: some 16 MiB, on a disk that may be busy. */
const KEY_TIMEOUT_MS = 300_000;
/** cryptsetup(8), "RETURN CODES": 1 is also "no LUKS device", 2 is "no permission (bad passphrase)". */
const EXIT = { wrongParameters: 1, wrongKey: 2, notThere: 4, busy: 5 } as const;
/** What cryptsetup says of a header whose slots were all erased: no key opens it, and the code is another. */
const NO_SLOTS = /No usable keyslot/i;

/**
 * Through cryptsetup, by stdin alone: a key is in no argument and no file. Keys are tried one after another, since each
 * try takes 64 MiB. `sys` replaces /sys in tests.
 */
export function createHostCrypt(run: Run, sys = '/sys'): Crypt {
  const turns = new KeyedMutex();
  const call = (command: readonly string[], timeoutMs: number, signal: AbortSignal, stdin?: Key): Promise<Output> =>
    run(command, { timeoutMs, ...(stdin ? { stdin } : {}) }, signal);
  const withKey = (command: readonly string[], stdin: Key, signal: AbortSignal): Promise<Output> =>
    turns.run('key', () => call(command, KEY_TIMEOUT_MS, signal, stdin), signal);
  const tryKey = (command: readonly string[], key: Key, signal: AbortSignal): Promise<boolean> =>
    unless(withKey(command, key, signal), isWrongKey);

  return {
    header: async (device, signal) => {
      try {
        return argv.parseDump((await call(argv.dump(device), ANSWER_TIMEOUT_MS, signal)).stdout);
      } catch (error) {
        if (error instanceof CommandFailed && error.exitCode === EXIT.wrongParameters) return undefined;
        throw faultOf(error);
      }
    },
    format: async (device, wanted, signal) => {
      await unless(withKey(argv.luksFormat(device, wanted), wanted.key, signal));
    },
    opens: (device, key, signal) => tryKey(argv.testKey(device), key, signal),
    open: ({ device, name, key }, signal) => tryKey(argv.open(device, name), key, signal),
    mapping: (name, signal) => findMapping(sys, name, signal),
    close: async (name, signal) => {
      const isExpected = ({ exitCode }: CommandFailed): boolean => exitCode === EXIT.notThere || exitCode === EXIT.busy;
      if (await unless(call(argv.close(name), ANSWER_TIMEOUT_MS, signal), isExpected)) return;
      const found = await findMapping(sys, name, signal);
      if (!found) return;
      const { path, number } = found;
      throw new Fault('unavailable', `${path} cannot be closed, since it is in use: ${seekUsers(path, number)}`);
    },
    resize: (name, key, signal) => tryKey(argv.resize(name), key, signal),
    addKey: async (device, { key, added }, signal) => {
      await unless(withKey(argv.addKey(device, key.length), Buffer.concat([key, added]), signal));
    },
    removeKey: (device, key, signal) => tryKey(argv.removeKey(device), key, signal),
    identify: async (device, uuid, signal) => {
      await unless(call(argv.identify(device, uuid), KEY_TIMEOUT_MS, signal));
    },
    erase: async (device, signal) => {
      await unless(call(argv.erase(device), KEY_TIMEOUT_MS, signal));
    },
  };
}

const isWrongKey = ({ exitCode, stderr }: CommandFailed): boolean =>
  exitCode === EXIT.wrongKey || (exitCode === EXIT.wrongParameters && NO_SLOTS.test(stderr));

/** Whether the program did its work; false when it ended in the one way that is expected. Throws Fault otherwise. */
async function unless(running: Promise<Output>, isExpected?: (error: CommandFailed) => boolean): Promise<boolean> {
  try {
    await running;
    return true;
  } catch (error) {
    if (error instanceof CommandFailed && isExpected?.(error)) return false;
    throw faultOf(error);
  }
}

/** Its message has the arguments and what cryptsetup said, and neither has a key. */
const faultOf = (error: unknown): unknown =>
  error instanceof CommandFailed ? new Fault('unavailable', error.message, { cause: error }) : error;
