import { BEYOND_ANY_NODE, bytes, formatBytes, minus, type Bytes } from '../../model/bytes.ts';
import { headerOf } from '../../model/encryption.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { checkLimit, parseCapacityRange, type Asked } from './capacity-range.ts';
import { sizeToMake } from '../../model/claim-judge.ts';
import { FILESYSTEMS } from '../../model/filesystem-type.ts';
import { present } from '../../model/present.ts';
import type { ControllerExpandVolumeRequest, VolumeCapability } from '../gen/csi.ts';
import type { MakeVolumeDeps } from './make-volume.ts';
import { untilGrown } from './wait-for-agent.ts';

/** A volume that somebody wants larger. */
export interface WantedGrowth {
  readonly id: string;
  readonly asked: Asked & { readonly required: Bytes };
}

/** Throws Fault `invalid` or `out-of-range`, naming the field. */
export function parseExpandVolume(request: ControllerExpandVolumeRequest): WantedGrowth {
  const { volumeId, capacityRange, volumeCapability } = request;
  if (volumeId === '') throw new Fault('invalid', 'volume_id is missing');
  const asked = parseCapacityRange(capacityRange);
  if (asked.required === undefined)
    throw new Fault('invalid', 'capacity_range: required_bytes is missing: say how large it should be');
  const shape = { block: false, fsType: growingFilesystem(volumeCapability) };
  const required = sizeToMake('LVM', shape, { size: asked.required, ...present({ limit: asked.limit }) });
  return { id: volumeId, asked: { ...asked, required } };
}

/** The filesystem that is to grow, if there is one that we know. It may be smaller than what we make today. */
const growingFilesystem = (capability: VolumeCapability | undefined): string =>
  FILESYSTEMS.find(
    (type) => capability?.accessType?.$case === 'mount' && capability.accessType.value.fsType === type,
  ) ?? '';

/**
 * Whether something has to grow with the device: a filesystem, or the mapping of what is encrypted. A raw device is as
 * large as it is told at once, and a claim that no pod has would wait for the next one.
 */
export const growsOnNode = (
  { volumeCapability }: Pick<ControllerExpandVolumeRequest, 'volumeCapability'>,
  { spec }: Pick<LocalVolume, 'spec'>,
): boolean => volumeCapability?.accessType?.$case !== 'block' || spec.encryption !== undefined;

/**
 * Grows the volume on its node; a volume that is large enough stays as it is. Returns its size once the node has it.
 * Throws Fault: `out-of-range` with the size that was asked for when its group has no room, also when that turns out
 * on the node, `precondition` for a volume that has a whole disk or snapshots, `aborted`.
 */
export async function expandVolume(
  { id, asked }: WantedGrowth,
  volume: LocalVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  const header = headerOf(volume.spec.encryption);
  const grown = await growDevice({ id, asked: withHeader(asked, header) }, volume, deps, signal);
  return minus(grown, header);
}

/** The same of the device, which has the header of encryption besides. */
const withHeader = (asked: WantedGrowth['asked'], header: Bytes): WantedGrowth['asked'] => ({
  required: atMost(asked.required + header),
  ...(asked.limit === undefined ? {} : { limit: atMost(asked.limit + header) }),
});

const atMost = (size: number): Bytes => bytes(Math.min(size, BEYOND_ANY_NODE));

async function growDevice(
  { id, asked }: WantedGrowth,
  volume: LocalVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  const recorded = bytes(volume.spec.sizeBytes);
  const provided = bytes(volume.status?.sizeBytes ?? 0);
  if (provided >= asked.required && provided >= recorded) {
    checkLimit(provided, asked);
    return provided;
  }
  assertKindGrows(id, volume.spec, provided);
  const isRecorded = recorded >= asked.required;
  const before = isRecorded ? undefined : deps.volumes.heard(id)?.status;
  const size = isRecorded ? recorded : await askForMore({ id, asked }, recorded, deps, signal);
  checkLimit(size, asked);
  try {
    return await untilGrown(volume, { size, ...present({ before }) }, deps, signal);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'exhausted')) throw error;
    throw await takenBack(id, error, deps, signal);
  }
}

/** Throws Fault `precondition` for a snapshot that is mounted, and for a whole device or mount point. */
function assertKindGrows(id: string, { readOnly, kind }: LocalVolume['spec'], provided: Bytes): void {
  if (readOnly) throw new Fault('precondition', `volume ${id} is a snapshot, mounted read-only: it cannot grow`);
  if (kind !== 'LVM')
    throw new Fault('precondition', `volume ${id} has a whole ${kind} of ${formatBytes(provided)}: it cannot grow`);
}

/** Before sizes were taken back they could only grow. */
const OLD_DEFINITION =
  '. A definition that is older than this program refuses that: apply crds/ of this version, or helm upgrade';

/**
 * The node had no room though the ledger did, as when somebody took it by hand. What is recorded goes back to what the
 * node provides, so that the claim may ask for less; the node would try the larger size for ever. Gives what is to be
 * thrown: where the record cannot be taken back the code says that the growth is still under way.
 */
async function takenBack(id: string, fault: Fault, deps: MakeVolumeDeps, signal: AbortSignal): Promise<Fault> {
  const provided = bytes(deps.volumes.heard(id)?.status?.sizeBytes ?? 0);
  try {
    await deps.volumes.takeBack(id, provided, signal);
  } catch (error) {
    const help = error instanceof Fault && error.kind === 'invalid' ? OLD_DEFINITION : '';
    return new Fault('exhausted', `${fault.message}; ${textOf(error)}${help}`, { cause: error });
  }
  deps.room.shrinkTo(id, provided);
  return new Fault('out-of-range', fault.message, { cause: fault });
}

/**
 * LVM grows no active volume that has snapshots. Throws Fault: `precondition` that names them, `aborted` for those that
 * serve a clone and go by themselves.
 */
function assertGrowable(id: string, needing: readonly LocalVolume[]): void {
  const snapshots = needing.filter(({ spec }) => spec.role === 'Snapshot');
  const names = snapshots.map(({ metadata }) => metadata.name).join(', ');
  if (snapshots.some(({ spec }) => spec.restore !== undefined))
    throw new Fault(
      'precondition',
      `volume ${id} has snapshots (${names}), and LVM grows no such volume: delete them, then it grows`,
    );
  if (snapshots.length > 0) throw new Fault('aborted', `volume ${id} is being copied (${names}): it grows afterwards`);
}

/**
 * In the volume's turn as a source: what is made from it meanwhile would be made from a volume of another size.
 * No room is `out-of-range`, not `exhausted`: nothing is begun then, and csi-resizer lets a claim that is lowered again
 * ask for less only after a code that says so. After RESOURCE_EXHAUSTED it asks for the first size for ever.
 */
const askForMore = (wanted: WantedGrowth, recorded: Bytes, deps: MakeVolumeDeps, signal: AbortSignal): Promise<Bytes> =>
  deps.sources.run(wanted.id, () => recordGrowth(wanted, recorded, deps, signal), signal);

async function recordGrowth(
  { id, asked }: WantedGrowth,
  recorded: Bytes,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  assertGrowable(id, deps.volumes.needing(id));
  const grown = deps.room.grow(id, asked.required);
  if (!grown.ok)
    throw new Fault(
      'out-of-range',
      `volume ${id} cannot grow to ${formatBytes(asked.required)}: ${grown.refusal.message}`,
    );
  try {
    checkLimit(grown.size, asked);
    await deps.volumes.grow(id, grown.size, signal);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'aborted')) deps.room.shrinkTo(id, recorded);
    throw error;
  }
  return grown.size;
}
