import type { LocalVolume } from '../../model/local-volume.ts';
import { volumeDevicePath } from '../../lvm/names.ts';

type Status = NonNullable<LocalVolume['status']>;
type Record = Pick<LocalVolume, 'metadata' | 'spec' | 'status'>;

/**
 * What cannot be in the record of a volume, whoever wrote it: a sentence for people; undefined when it holds together.
 * Asserted where the record is written (write-volume.ts) and where it is read: by the agent, which looks at the volume
 * and writes it anew, and by CSI calls, which are refused.
 */
export function brokenRecord(volume: Record): string | undefined {
  return brokenReady(volume) ?? (volume.spec.kind === 'LVM' ? brokenPlace(volume) : undefined);
}

function brokenReady({ status = {} }: Record): string | undefined {
  const { phase, sizeBytes = 0, devicePath = '' } = status;
  if (phase !== 'Ready' || (devicePath !== '' && sizeBytes > 0)) return undefined;
  return `it is Ready with ${sizeBytes} bytes at "${devicePath}"`;
}

function brokenPlace({ metadata, spec, status = {} }: Record): string | undefined {
  const { devicePath, groupUuid, volumeUuid } = status;
  if ((groupUuid === undefined) !== (volumeUuid === undefined))
    return `of its group and logical volume one UUID alone is recorded: ${groupUuid ?? volumeUuid}`;
  const shown = spec.readOnly ? spec.source?.snapshot : undefined;
  const own = volumeDevicePath(spec.vgName ?? '', shown ?? metadata.name ?? '');
  if (devicePath === undefined || devicePath === own) return undefined;
  return `its device is ${devicePath}, and its own is ${own}`;
}

/** The same of a change: `now` is the status that is to be written over that of `volume`. */
export const brokenStep = (volume: LocalVolume, now: Status): string | undefined =>
  brokenRecord({ ...volume, status: now }) ??
  brokenIdentity(volume, now) ??
  (now.phase === 'Ready' ? brokenPromise(volume, now) : undefined);

function brokenIdentity({ status: before = {} }: LocalVolume, now: Status): string | undefined {
  for (const key of ['groupUuid', 'volumeUuid'] as const)
    if (before[key] !== undefined && before[key] !== now[key])
      return `its ${key} ${before[key]}, recorded for good, would become ${now[key] ?? 'none'}`;
  return undefined;
}

function brokenPromise({ metadata, spec, status }: LocalVolume, now: Status): string | undefined {
  if (metadata.deletionTimestamp !== undefined && status?.phase !== 'Ready')
    return 'it would become Ready while it is being deleted';
  const { sizeBytes = 0, reason } = now;
  const isAsItIs = spec.role === 'Snapshot' || spec.readOnly === true || spec.adopted === true;
  // With a reason it serves, and is to grow.
  if (spec.kind !== 'LVM' || isAsItIs || reason !== undefined || sizeBytes >= spec.sizeBytes) return undefined;
  return `it would be Ready with ${sizeBytes} bytes of ${spec.sizeBytes}`;
}

/** Why the finalizer must not be taken off: nobody would remove what is left of the volume. */
export const brokenRelease = ({ metadata }: LocalVolume): string | undefined =>
  metadata.deletionTimestamp === undefined ? 'it would be let go of, and nobody deletes it' : undefined;
