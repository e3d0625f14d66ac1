import { randomUUID } from 'node:crypto';
import type { Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { filesystemType, type FilesystemType } from '../../model/filesystem-type.ts';
import { parseMkfsOptions } from '../../model/mkfs-options.ts';
import { present } from '../../model/present.ts';
import { FORMATTING } from '../../model/well-known.ts';
import { probeGiven, type Content, type Filesystems, type NewFilesystem } from '../../mount/filesystem.ts';
import { isDeviceFile } from '../../mount/device-number.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';
import { requireVolume, type NodeVolume, type NodeVolumes } from './node-volumes.ts';

export interface PrepareDeps {
  readonly volumes: NodeVolumes;
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
}

export interface WantedFilesystem {
  readonly id: string;
  /** Empty: our choice. */
  readonly fsType: string;
  readonly readOnly: boolean;
  /** As a StorageClass has them. */
  readonly mkfsOptions: string;
}

/** What a device carries when it can be mounted. */
export interface PreparedFilesystem {
  readonly fsType: FilesystemType;
  /** As its first bytes told it; absent for a new one, which has all of its device, and for one that is mounted. */
  readonly size?: Bytes;
}

/**
 * Sees to it that a volume's device can be mounted, and says with what filesystem: one that is blank and always was is
 * formatted, and ext2, ext3 and ext4 are checked as at a boot. May be cut at any point and repeated: that formatting
 * begins is recorded before, with the UUID that the filesystem will have, and that it is done afterwards. A record may
 * be older than the device, as when etcd was restored, so what was begun is begun anew only while the filesystem says
 * itself that it is not finished (docs/decisions/0031).
 */
export async function prepareFilesystem(
  { id, fsType: asked, readOnly, mkfsOptions }: WantedFilesystem,
  deps: PrepareDeps,
  signal: AbortSignal,
): Promise<PreparedFilesystem> {
  const { filesystems, volumes } = deps;
  const volume = await requireVolume(volumes, id, signal);
  const fsType = filesystemType(asked);
  const entries = await mountsOf(volume.source, deps.mounts, signal);
  const mounted = entries.find((entry) => !isDeviceFile(entry.fsType));
  const given = volume.formatted === fsType ? fsType : undefined;
  const content = mounted ? contentOf(mounted) : await probeGiven(volume.source, given, filesystems, signal);
  const plan = planFilesystem(volume, content, fsType);
  if (plan !== 'keep') {
    const isAsHeard = plan === 'make' && (await beginAsHeard(volume, fsType, volumes, signal));
    const recorded = await requireVolume(volumes, id, signal, isAsHeard ? 'heard' : 'fresh');
    const wanted = { type: fsType, options: parseMkfsOptions(mkfsOptions, fsType) };
    await make(recorded, wanted, planFilesystem(recorded, content, fsType), deps, signal);
  }
  if (plan === 'keep') await assertNotElsewhere(volume, content, volumes, signal);
  if (volume.formatted === undefined) await volumes.markFormatted(id, fsType, signal);
  if (plan === 'keep' && !readOnly && entries.length === 0) await filesystems.check(volume.source, fsType, signal);
  return { fsType, ...present({ size: plan === 'keep' ? sizeOf(content) : undefined }) };
}

const sizeOf = (content: Content): Bytes | undefined => (content.kind === 'filesystem' ? content.size : undefined);

/** What a whole disk carries that is not on record may be another node's, which sees the disk, too. */
async function assertNotElsewhere(
  { id, kind, formatting }: NodeVolume,
  content: Content,
  volumes: Pick<NodeVolumes, 'assertNotElsewhere'>,
  signal: AbortSignal,
): Promise<void> {
  if (kind !== 'Device' || content.kind !== 'filesystem' || content.uuid === undefined) return;
  if (content.uuid !== formatting?.uuid) await volumes.assertNotElsewhere(id, content.uuid, signal);
}

/**
 * What was heard may be older than the volume's formatting. Where that it begins is to be recorded, the same request
 * tells whether it is; else the record is read anew, which false asks for.
 */
async function beginAsHeard(
  { id, version, formatting }: NodeVolume,
  type: FilesystemType,
  volumes: Pick<NodeVolumes, 'markFormatting'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (version === undefined || formatting?.type === type) return false;
  return volumes.markFormatting(id, { type, uuid: randomUUID() }, signal, version);
}

async function make(
  volume: NodeVolume,
  { type, options }: Pick<NewFilesystem, 'type' | 'options'>,
  plan: FilesystemPlan,
  { filesystems, volumes }: PrepareDeps,
  signal: AbortSignal,
): Promise<void> {
  if (plan === 'keep') return;
  if (plan === 'make-anew') await filesystems.unformat(volume.source, signal);
  const begun = volume.formatting?.type === type ? volume.formatting : { type, uuid: randomUUID() };
  if (begun !== volume.formatting) await volumes.markFormatting(volume.id, begun, signal);
  await filesystems.format(volume.source, { type, uuid: begun.uuid, ...present({ options }) }, signal);
}

async function mountsOf(device: string, mounts: Mounts, signal: AbortSignal): Promise<readonly MountEntry[]> {
  const found: MountEntry[] = [];
  for (const entry of await mounts.list(signal)) if (await mounts.shows(entry, device, signal)) found.push(entry);
  return found;
}

/**
 * Of a device that is mounted the kernel tells what it carries. What is read of it may be half of a change
 * (util-linux#3301: an ext4 whose checksum is wrong for a moment is taken for nothing).
 */
const contentOf = ({ fsType }: MountEntry): Content => ({ kind: 'filesystem', type: fsType });

type Planned = Pick<
  NodeVolume,
  'id' | 'source' | 'formatted' | 'formatting' | 'isAdopted' | 'isCopy' | 'isKnownByName'
>;

export type FilesystemPlan = 'keep' | 'make' | 'make-anew';

/**
 * What a device needs so that it carries the filesystem: nothing, to be formatted, or to be formatted anew, which is
 * only for what says itself that it was cut, and is a try of ours. Throws Fault `precondition` when it
 * carries something else than asked, or nothing although it once did: then its data may still be rescued.
 */
export function planFilesystem(volume: Planned, content: Content, fsType: FilesystemType): FilesystemPlan {
  const { id, source, formatted } = volume;
  if (content.kind === 'missing') throw missingDevice(volume);
  if (content.kind === 'blank') {
    if (formatted === undefined) return planBlank(volume, content.looksLike);
    const what = `was formatted with ${formatted} and shows nothing now`;
    throw new Fault('precondition', `volume ${id}: ${source} ${what}: it is not formatted again; repair or restore it`);
  }
  if (formatted === undefined && isCut(volume, content)) return 'make-anew';
  const found = typeOf(volume, content);
  if (found === fsType) return 'keep';
  throw new Fault(
    'precondition',
    `volume ${id}: ${source} carries ${found}, not the ${fsType} asked for: it is left alone`,
  );
}

/** A try of ours has the UUID that we began. What a copy has was begun on its source, when its snapshot was taken. */
const isCut = (
  { formatting, isCopy }: Planned,
  content: Content & { readonly kind: 'filesystem' | 'other' },
): boolean =>
  content.kind === 'filesystem' &&
  content.unfinished === true &&
  (formatting === undefined ? isCopy === true : content.uuid === formatting.uuid);

/**
 * A device that was never given anything shows nothing at all. What blkid cannot read and the first bytes tell is
 * somebody's: the record is older than the device, or the volume was made before it.
 */
function planBlank({ id, source, formatting }: Planned, looksLike: string | undefined): 'make' {
  if (looksLike === undefined || formatting !== undefined) return 'make';
  throw new Fault(
    'precondition',
    `volume ${id}: ${source} begins like ${looksLike}, and blkid finds nothing there: it is not formatted. It is looked ` +
      'at again; if it stays so, it is damaged: see dmesg, and repair or restore it',
  );
}

function typeOf(volume: Planned, content: Content & { readonly kind: 'filesystem' | 'other' }): string {
  if (content.kind === 'other') return content.what;
  assertOwnFilesystem(volume, content);
  return content.type;
}

/**
 * Throws Fault `precondition` when what a disk that is known by its name carries is not what the volume's was given.
 * What was made by others, or before UUIDs were recorded, is known by nothing.
 */
function assertOwnFilesystem(
  { id, source, formatted, formatting, isAdopted, isKnownByName }: Planned,
  { type, uuid }: Content & { readonly kind: 'filesystem' },
): void {
  const isUnknown = formatting === undefined && (formatted !== undefined || isAdopted);
  if (!isKnownByName || isUnknown || uuid === undefined || uuid === formatting?.uuid) return;
  const own = formatting ? `its own, ${formatting.uuid}` : 'its own, of which it has none yet';
  const search = formatting ? `blkid --uuid ${formatting.uuid} tells on the node which it is now` : 'see which it is';
  throw new Fault(
    'precondition',
    `volume ${id}: ${source} carries the ${type} ${uuid}, not ${own}: it is left alone. Disks that tell nothing of ` +
      `themselves may have each other's names after a boot: give the volume's disk its name back (${search}). Only if ` +
      `its files are the volume's: kubectl annotate localvolume ${id} ${FORMATTING}="${type} ${uuid}" --overwrite`,
  );
}

/** Throws Fault `precondition` when the volume's device is not there: a new, empty one is never made in its place. */
export async function assertDevice(
  volume: NodeVolume,
  filesystems: Pick<Filesystems, 'sizeOf'>,
  signal: AbortSignal,
): Promise<void> {
  if ((await filesystems.sizeOf(volume.source, signal)) === undefined) throw missingDevice(volume);
}

export const missingDevice = ({ id, source }: Pick<NodeVolume, 'id' | 'source'>): Fault =>
  new Fault('precondition', `volume ${id}: its device ${source} is missing on this node: check its disks and vgs`);
