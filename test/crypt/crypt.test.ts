// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { Crypt } from '../../src/crypt/crypt.ts';
import { createHostCrypt } from '../../src/crypt/host-crypt.ts';
import { labelOf, luksUuidOf } from '../../src/crypt/names.ts';
import { createSimulatedCrypt } from '../../src/crypt/simulated.ts';
import { run } from '../../src/exec/run.ts';
import { MIB } from '../../src/model/bytes.ts';
import { LUKS_HEADER } from '../../src/model/encryption.ts';
import { createHostFilesystems } from '../../src/mount/host-filesystems.ts';
import { testOn } from '../machine.ts';

const test = testOn('cryptsetup');
const never = new AbortController().signal;
/** Trying a key takes a second of a processor by design, and machines are busy. */
const TIMEOUT_MS = 120_000;

const KEY = Buffer.from('first');
const NEXT = Buffer.from('second\n');
const UUID = luksUuidOf('v1');
const wanted = { uuid: UUID, label: labelOf('v1'), key: KEY, sectorSize: 4096 } as const;

/** An empty device of 32 MiB, cryptsetup and its double. Nothing is opened: this kernel may have no device-mapper. */
async function bench() {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-crypt-'));
  const device = path.join(folder, 'device.img');
  await writeFile(device, '');
  await truncate(device, 32 * MIB);
  const real = createHostCrypt(run);
  const simulated = createSimulatedCrypt(path.join(folder, 'crypt.json'));
  return { folder, device, real, simulated, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** What is seen of a volume in its life: slots of the header, and which keys open it. */
async function live(crypt: Crypt, device: string): Promise<readonly unknown[]> {
  await crypt.format(device, wanted, never);
  const seen: unknown[] = [await crypt.header(device, never), await crypt.opens(device, NEXT, never)];
  await crypt.addKey(device, { key: KEY, added: NEXT }, never);
  seen.push(await crypt.header(device, never));
  seen.push(await crypt.removeKey(device, KEY, never));
  seen.push(await crypt.removeKey(device, KEY, never)); // again: it opens nothing, and the other key's slot stays
  seen.push(await crypt.header(device, never), await crypt.opens(device, NEXT, never));
  await crypt.identify(device, luksUuidOf('v2'), never);
  await crypt.erase(device, never);
  await crypt.erase(device, never);
  seen.push(await crypt.header(device, never), await crypt.opens(device, NEXT, never));
  return seen;
}

test(
  'cryptsetup and its double tell the same of a volume through its life',
  async () => {
    await using on = await bench();
    expect(await on.real.header(on.device, never)).toBeUndefined();
    const seen = await live(on.real, on.device);
    expect(seen).toEqual(await live(on.simulated, on.device));
    const header = { version: 2, uuid: UUID, slots: 1, dataOffset: LUKS_HEADER };
    const erased = { ...header, uuid: luksUuidOf('v2'), slots: 0 };
    expect(seen).toEqual([header, false, { ...header, slots: 2 }, true, false, header, true, erased, false]);
  },
  TIMEOUT_MS,
);

test(
  'a header of ours costs the same memory everywhere, and no key is in the device or in the double’s file',
  async () => {
    await using on = await bench();
    await on.real.format(on.device, { ...wanted, key: Buffer.from('plainly-to-be-seen') }, never);
    await on.simulated.format(on.device, { ...wanted, key: Buffer.from('plainly-to-be-seen') }, never);
    const { stdout } = await run(['cryptsetup', 'luksDump', on.device], { timeoutMs: 30_000 }, never);
    expect(stdout).toMatch(/PBKDF:\s+argon2id\s+Time cost:\s+4\s+Memory:\s+65536\s+Threads:\s+1\s/);
    expect(stdout).toMatch(/Label:\s+v1\nSubsystem:\s+open-local\n/);
    expect(stdout).toMatch(/sector: 4096 /);
    for (const file of [on.device, path.join(on.folder, 'crypt.json')])
      expect((await readFile(file)).includes('plainly-to-be-seen')).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  'a newline at the end of a key is part of it',
  async () => {
    await using on = await bench();
    await on.real.format(on.device, { ...wanted, key: Buffer.from('key\n') }, never);
    expect(await on.real.opens(on.device, Buffer.from('key'), never)).toBe(false);
    expect(await on.real.opens(on.device, Buffer.from('key\n'), never)).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'keys of any bytes and up to 64 KiB are taken whole',
  async () => {
    await using on = await bench();
    const long = Buffer.alloc(64 * 1024, 7);
    const odd = Buffer.from([0, 10, 13, 255, 0]);
    await on.real.format(on.device, { ...wanted, key: long }, never);
    await on.real.addKey(on.device, { key: long, added: odd }, never);
    expect(await on.real.opens(on.device, long.subarray(1), never)).toBe(false);
    expect(await on.real.opens(on.device, odd, never)).toBe(true);
    expect(await on.real.opens(on.device, Buffer.from([0]), never)).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  'blkid tells a header of ours by its UUID, and never calls the device blank',
  async () => {
    await using on = await bench();
    await on.real.format(on.device, wanted, never);
    const found = await createHostFilesystems(run).probe(on.device, never);
    expect(found).toEqual({ kind: 'other', what: 'crypto_LUKS', uuid: UUID });
  },
  TIMEOUT_MS,
);
