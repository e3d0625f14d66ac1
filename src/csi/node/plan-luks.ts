import type { LuksHeader } from '../../crypt/crypt.ts';
import { luksUuidOf } from '../../crypt/names.ts';
import { Fault } from '../../model/fault.ts';
import type { Content } from '../../mount/filesystem.ts';
import type { EncryptedDevice, NodeVolume } from './node-volumes.ts';

/** A volume that is encrypted. */
export type Encrypted = NodeVolume & { readonly encryption: EncryptedDevice };

export type LuksPlan = 'open' | 'make' | 'rename';

/**
 * What a device needs before it can be opened: nothing, to be made a LUKS volume, or, of a copy, a UUID of its own.
 * Made anew is only what a try of ours left that was not recorded as done and that no key opens yet, and a volume whose
 * key nobody keeps: who had it is gone with its boot. `header` is what the device has where one can be read. Throws
 * Fault `precondition` for anything else: it is left alone.
 */
export function planLuks(
  volume: Pick<Encrypted, 'id' | 'encryption'>,
  content: Content,
  header: Pick<LuksHeader, 'slots'> | undefined,
): LuksPlan {
  const { id, encryption } = volume;
  const { device, recorded, forgetsKey } = encryption;
  const stop = (what: string): Fault => new Fault('precondition', `volume ${id}: ${what}`);
  if (content.kind === 'missing') throw stop(`its device ${device} is missing on this node: check its disks and vgs`);
  if (content.kind === 'blank') {
    if (content.looksLike !== undefined && recorded === undefined && !forgetsKey)
      throw stop(
        `${device} begins like ${content.looksLike}, and blkid finds nothing there: it is left alone; see dmesg`,
      );
    if (recorded !== 'done' || forgetsKey) return 'make';
    throw stop(`${device} was encrypted and shows nothing now: it is not made anew; repair its header or restore it`);
  }
  if (content.kind === 'filesystem')
    throw stop(`${device} carries ${content.type}, and is not encrypted: it is left alone`);
  if (content.what === 'crypto_LUKS') return planHeader(volume, content.uuid, (header?.slots ?? 0) === 0);
  throw stop(`${device} carries ${content.what}, and is not encrypted: it is left alone`);
}

/** luksFormat gives a header its key last, so that one without a key was cut, and nothing was ever written by it. */
function planHeader(
  { id, encryption }: Pick<Encrypted, 'id' | 'encryption'>,
  uuid = 'without a UUID',
  isCut: boolean,
): LuksPlan {
  const { device, recorded, copied, forgetsKey } = encryption;
  if (uuid === luksUuidOf(id)) return forgetsKey || (recorded === 'begun' && isCut) ? 'make' : 'open';
  if (copied && recorded === undefined) return 'rename';
  const what = `carries the LUKS volume ${uuid}, not its own ${luksUuidOf(id)}`;
  throw new Fault('precondition', `volume ${id}: ${device} ${what}: it is left alone`);
}
