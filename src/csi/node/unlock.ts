import { randomBytes } from 'node:crypto';
import type { Crypt, Key, Mapping } from '../../crypt/crypt.ts';
import { labelOf, luksUuidOf, mappingNameOf } from '../../crypt/names.ts';
import { SEALED_SECTOR } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import type { Filesystems } from '../../mount/filesystem.ts';
import { deviceNumber } from '../../mount/device-number.ts';
import type { Mounts } from '../../mount/mounts.ts';
import { requireVolume, type NodeVolume, type NodeVolumes } from './node-volumes.ts';
import type { OwnWork } from './own-work.ts';
import { planLuks, type Encrypted, type LuksPlan } from './plan-luks.ts';
import { readKeys, wrongKey, type SecretKeys } from './secret-keys.ts';

export interface UnlockDeps {
  readonly crypt: Crypt;
  readonly volumes: NodeVolumes;
  readonly filesystems: Pick<Filesystems, 'probe' | 'unformat'>;
  readonly mounts: Pick<Mounts, 'list' | 'shows'>;
  /** By volume. */
  readonly ownWork: OwnWork;
}

/** An encrypted volume that is wanted open. */
interface Wanted {
  readonly id: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** It is had as a device, and not as a filesystem. */
  readonly block: boolean;
}

const isEncrypted = (volume: NodeVolume): volume is Encrypted => volume.encryption !== undefined;

/**
 * Sees to it that an encrypted volume is open, so that its `source` is there; does nothing for others. A blank device
 * is made a LUKS volume; that this begins and that it is done are recorded, so that it may be cut at any point and
 * repeated, and what a key opens is never made again. Where the secret has a `previousKey`, that one is replaced by
 * `key`. Throws Fault `invalid` without a usable key, `precondition` for a key that does not open the volume and for a
 * device that carries something else; nothing is changed then.
 */
export async function unlockVolume(
  { id, secrets, block }: Wanted,
  deps: UnlockDeps,
  signal: AbortSignal,
): Promise<void> {
  const volume = await requireVolume(deps.volumes, id, signal);
  if (!isEncrypted(volume)) return;
  const keys = volume.encryption.forgetsKey ? undefined : readKeys(id, secrets, 'stage');
  await deps.ownWork.run(id, (own) => unlock(volume, keys, { block, deps }, own), signal);
}

interface Context {
  readonly block: boolean;
  readonly deps: UnlockDeps;
}

/** `keys` are undefined for a volume whose key nobody keeps. */
async function unlock(
  volume: Encrypted,
  keys: SecretKeys | undefined,
  { block, deps }: Context,
  signal: AbortSignal,
): Promise<void> {
  const { crypt, volumes } = deps;
  const { id, encryption } = volume;
  const { device } = encryption;
  const name = mappingNameOf(id);
  const mapping = await crypt.mapping(name, signal);
  if (mapping) {
    await assertOwn(volume, mapping);
    if (keys) await acceptKeys({ id, device, keys }, (key) => crypt.opens(device, key, signal), crypt, signal);
    return;
  }
  const made = keys ?? { key: randomBytes(32) };
  const plan = await planWith(volume, deps, signal);
  if (plan === 'make') await make(volume, { key: made.key, sectorSize: block ? 512 : SEALED_SECTOR }, deps, signal);
  if (plan === 'rename') await crypt.identify(device, luksUuidOf(id), signal);
  const open = (key: Key): Promise<boolean> => crypt.open({ device, name, key }, signal);
  await acceptKeys({ id, device, keys: made }, open, crypt, signal);
  const opened = await crypt.mapping(name, signal);
  if (!opened) throw new Fault('unavailable', `volume ${id}: ${volume.source} has not appeared`);
  await assertOwn(volume, opened);
  if (plan === 'make' && !block) await deps.filesystems.unformat(volume.source, signal); // noise may look like anything
  if (plan !== 'make' && encryption.recorded !== 'done') await volumes.markEncrypted(id, luksUuidOf(id), signal);
}

/** Looks at what is recorded once more before anything is changed: what was heard may be older. */
async function planWith(
  volume: Encrypted,
  { crypt, volumes, filesystems }: UnlockDeps,
  signal: AbortSignal,
): Promise<LuksPlan> {
  const { device, recorded: heard } = volume.encryption;
  const content = await filesystems.probe(device, signal);
  const mayBeCut = heard === 'begun' && content.kind === 'other';
  const header = mayBeCut ? await crypt.header(device, signal) : undefined;
  const plan = planLuks(volume, content, header);
  if (plan === 'open') return plan;
  const recorded = await requireVolume(volumes, volume.id, signal, 'fresh');
  return isEncrypted(recorded) ? planLuks(recorded, content, header) : plan;
}

async function make(
  { id, encryption: { device } }: Encrypted,
  { key, sectorSize }: { readonly key: Key; readonly sectorSize: 512 | 4096 },
  { crypt, volumes }: UnlockDeps,
  signal: AbortSignal,
): Promise<void> {
  const uuid = luksUuidOf(id);
  await volumes.markEncrypting(id, uuid, signal);
  await crypt.format(device, { uuid, label: labelOf(id), key, sectorSize }, signal);
  await volumes.markEncrypted(id, uuid, signal);
}

/**
 * Uses the key; where it opens nothing and the one before it does, that one is replaced: the new one is added, seen to
 * work, and only then the old one removed. May be cut at any point and repeated.
 */
async function acceptKeys(
  { id, device, keys }: { readonly id: string; readonly device: string; readonly keys: SecretKeys },
  use: (key: Key) => Promise<boolean>,
  crypt: Crypt,
  signal: AbortSignal,
): Promise<void> {
  const { key, previousKey } = keys;
  if (!(await use(key))) {
    if (!previousKey || !(await crypt.opens(device, previousKey, signal))) throw wrongKey(id, keys);
    await crypt.addKey(device, { key: previousKey, added: key }, signal);
    if (!(await use(key)))
      throw new Fault('unavailable', `volume ${id}: its new key was added and does not open it yet`);
  }
  if (previousKey && !Buffer.from(key).equals(previousKey)) await retire(device, previousKey, crypt, signal);
}

/** LUKS2 has 32 slots; a key may be in several. */
const MAX_SLOTS = 32;

async function retire(device: string, key: Key, crypt: Crypt, signal: AbortSignal): Promise<void> {
  for (let slot = 0; slot < MAX_SLOTS && (await crypt.removeKey(device, key, signal)); slot += 1);
}

/** Throws Fault `conflict` when what is open under the volume's name is not the volume. */
async function assertOwn({ id, encryption: { device } }: Encrypted, mapping: Mapping): Promise<void> {
  const wanted = [device, await deviceNumber(device)];
  if (mapping.luksUuid === luksUuidOf(id) && mapping.below.some((found) => wanted.includes(found))) return;
  throw new Fault(
    'conflict',
    `volume ${id}: ${mapping.path} is open over ${mapping.below.join(', ') || 'nothing'} and is not this volume: it is not used; close it`,
  );
}

/**
 * Closes a volume that is unmounted; does nothing for one that is not open, which no object needs to tell. Throws Fault
 * `unavailable` that names who uses it.
 */
export async function lockVolume(
  id: string,
  { crypt, mounts }: Pick<UnlockDeps, 'crypt' | 'mounts'>,
  signal: AbortSignal,
): Promise<void> {
  const name = mappingNameOf(id);
  const mapping = await crypt.mapping(name, signal);
  if (mapping?.luksUuid !== luksUuidOf(id)) return;
  for (const entry of await mounts.list(signal)) {
    if (!(await mounts.shows(entry, mapping.path, signal))) continue;
    throw new Fault('unavailable', `volume ${id} cannot be closed: it is mounted at ${entry.target}`);
  }
  if (mapping.holders.length > 0)
    throw new Fault('unavailable', `volume ${id} cannot be closed: ${mapping.holders.join(', ')} stands on it`);
  await crypt.close(name, signal);
}

/**
 * Makes an open volume as large as its device, which was grown before. Throws Fault `invalid` without a key, which the
 * kernel does not tell, and `precondition` for a wrong one.
 */
export async function resizeVolume(
  id: string,
  secrets: Readonly<Record<string, string>>,
  crypt: Crypt,
  signal: AbortSignal,
): Promise<void> {
  const keys = readKeys(id, secrets, 'expand');
  for (const key of [keys.key, ...(keys.previousKey ? [keys.previousKey] : [])])
    if (await crypt.resize(mappingNameOf(id), key, signal)) return;
  throw wrongKey(id, keys);
}
