import { bytes, formatBytes, type Bytes } from '../model/bytes.ts';
import type { LocalVolume } from '../model/objects.ts';
import { inspectDevice, type DeviceFacts } from '../disk/inspect.ts';
import type { MountPoint } from './observe.ts';
import { hasBeenReady, type VolumeStep } from './plan-volume.ts';

/** A whole disk or filesystem that one volume has for itself. */
interface Unit {
  readonly size: Bytes;
  /** What is in it, with what to do about it; undefined when it is blank. */
  readonly content: string | undefined;
}

/** What a volume needs that has a disk for itself. Wiping the disk after use is not done yet: until then a person does. */
export function planDeviceVolume(volume: LocalVolume, facts: DeviceFacts): VolumeStep {
  const inspection = inspectDevice(facts);
  const content = inspection.blank ? undefined : `${inspection.finding.what}. ${inspection.finding.todo}`;
  return planUnit(volume, facts.device && { size: facts.device.size, content });
}

/** The same for a mounted filesystem; `entries` are the names in it. */
export function planMountPointVolume(
  volume: LocalVolume,
  mountPoint: MountPoint | undefined,
  entries: readonly string[],
): VolumeStep {
  const files = entries.filter((name) => name !== 'lost+found').length;
  const content = files === 0 ? undefined : `holds ${files} files and folders. Empty it if they are not needed.`;
  return planUnit(volume, mountPoint?.stats && { size: mountPoint.stats.total, content });
}

/** A unit must be blank when it is first taken, so that nobody gets another's data, and goes back only once it is blank again. */
function planUnit(volume: LocalVolume, unit: Unit | undefined): VolumeStep {
  const path = volume.spec.path ?? '';
  const isOurs = hasBeenReady(volume);
  const isLeaving = volume.metadata.deletionTimestamp !== undefined;
  if (isLeaving && (!isOurs || (unit && unit.content === undefined))) return { kind: 'gone' };
  if (!unit) return refuse('UnitMissing', `${path} is not there: bring it back.`);
  if (isLeaving) return refuse('NotBlank', `${path} is given back once it is blank. It ${unit.content}`);
  if (!isOurs && unit.content !== undefined) return refuse('NotBlank', `${path} ${unit.content}`);
  return sized(volume, unit.size, path);
}

function sized(volume: LocalVolume, size: Bytes, path: string): VolumeStep {
  const wanted = bytes(volume.spec.sizeBytes);
  if (size >= wanted) return { kind: 'ready', sizeBytes: size, devicePath: path };
  return refuse('TooSmall', `${path} has ${formatBytes(size)}, less than the ${formatBytes(wanted)} asked for.`);
}

const refuse = (reason: string, message: string): VolumeStep => ({ kind: 'refuse', reason, message });
