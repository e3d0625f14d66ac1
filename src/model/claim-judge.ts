import { BEYOND_ANY_NODE, formatBytes, plus, type Bytes } from './bytes.ts';
import { headerOf, type Encryption } from './encryption.ts';
import { Fault } from './fault.ts';
import { present } from './present.ts';
import { filesystemType, largestFilesystem, smallestFilesystem } from './filesystem-type.ts';
import { parseMountOptions } from './mount-options.ts';
import type { VolumeKind, VolumePolicy } from './storage-class.ts';

/**
 * What a claim and its StorageClass ask that no node can give, judged in one place: CreateVolume refuses by these
 * functions, and filter by the same ones, so that a claim that is always refused holds no room and its pod is told why.
 * CreateVolume alone judges a VolumeAttributesClass: a claim has no more than its name, and clusters before Kubernetes
 * 1.34 have no such objects that could be watched.
 */

/** How a volume is to be used, in the words of a claim. */
export interface VolumeUse {
  /** `volumeMode: Block`. */
  readonly block: boolean;
  /** Empty: our choice. */
  readonly fsType: string;
  /** `ReadWriteOnce` and so on. A mode that claims do not have goes by its CSI name. */
  readonly accessModes: readonly string[];
  /** As a StorageClass has them; a block device is not mounted and needs none. */
  readonly mountOptions?: readonly string[];
}

/** What a claim, or the template of one, asks besides its size. All absent: a filesystem for one node. */
export interface ClaimUse {
  readonly block?: boolean;
  readonly accessModes?: readonly string[];
  /** `spec.resources.limits.storage`: the volume may not be larger. */
  readonly limit?: Bytes;
  /** The claim has `spec.selector`. */
  readonly selects?: boolean;
}

/** A local volume is on one node: these modes need no more. */
const ONE_NODE = ['ReadWriteOnce', 'ReadWriteOncePod'];

/** Why no volume of this kind can be used so; undefined when it can. */
export function useProblem(kind: VolumeKind, use: VolumeUse): string | undefined {
  const { block, fsType, accessModes, mountOptions = [] } = use;
  const mode = accessModes.find((each) => !ONE_NODE.includes(each));
  if (mode !== undefined)
    return `access mode ${mode} is not possible: a local volume is on one node; use ${ONE_NODE.join(' or ')}`;
  if (kind === 'MountPoint' && block)
    return 'a volume of volumeType MountPoint is a directory: use volumeMode Filesystem';
  if (block) return undefined;
  try {
    const type = filesystemType(fsType);
    // Every claim of every pod that is filtered comes by here, and few have options.
    if (mountOptions.length > 0) parseMountOptions(mountOptions, kind === 'MountPoint' ? kind : type);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

/** What decides how large a volume must be, beside the size that is asked. */
export interface Shape extends Pick<VolumeUse, 'block' | 'fsType'> {
  readonly encryption?: Encryption | undefined;
}

/**
 * The size to look for room with, in bytes: what is asked, and no less than its filesystem needs, and what encryption
 * takes of its device besides (headerOf). A mount point has its filesystem already. Throws Fault `out-of-range` that
 * names the filesystem's minimum when the limit is below it, or its maximum when more is asked.
 */
export function sizeToMake(
  kind: VolumeKind,
  { encryption, ...content }: Shape,
  asked: { readonly size: Bytes; readonly limit?: Bytes },
): Bytes {
  const [size, header] = [sizeOfContent(kind, content, asked), headerOf(encryption)];
  if (header < BEYOND_ANY_NODE - size) return plus(size, header);
  throw new Fault('out-of-range', 'no volume can have 8 PiB or more');
}

function sizeOfContent(
  kind: VolumeKind,
  { block, fsType }: Pick<VolumeUse, 'block' | 'fsType'>,
  { size, limit }: { readonly size: Bytes; readonly limit?: Bytes },
): Bytes {
  if (block || kind === 'MountPoint') return size;
  const type = filesystemType(fsType);
  const [least, most] = [smallestFilesystem(type), largestFilesystem(type)];
  if (most !== undefined && size > most)
    throw new Fault('out-of-range', `the filesystem ${type} has ${formatBytes(most)} at most: use ext4 or xfs`);
  if (size >= least) return size;
  if (limit === undefined || limit >= least) return least;
  throw new Fault(
    'out-of-range',
    `a limit of ${formatBytes(limit)} is too small: the filesystem ${type} needs ${formatBytes(least)}`,
  );
}

/** The size that a claim of the class takes, in bytes, or why CreateVolume would always refuse it. */
export function judgeClaim(
  policy: VolumePolicy,
  requested: Bytes,
  use: ClaimUse = {},
): { readonly size: Bytes } | { readonly problem: string } {
  const { block = false, accessModes = [], limit } = use;
  const { kind, fsType = '', mountOptions = [], encryption } = policy;
  const problem = useProblem(kind, { block, fsType, accessModes, mountOptions }) ?? problemBeyondUse(requested, use);
  if (problem !== undefined) return { problem };
  try {
    return { size: sizeToMake(kind, { block, fsType, encryption }, { size: requested, ...present({ limit }) }) };
  } catch (error) {
    if (error instanceof Fault) return { problem: error.message };
    throw error;
  }
}

/** Why a claim of the class cannot mount a snapshot of so many bytes as it is; undefined when it can. */
export function mountProblem(
  policy: VolumePolicy,
  requested: Bytes,
  use: ClaimUse,
  size: Bytes | undefined,
): string | undefined {
  const { block = false, accessModes = [] } = use;
  const { kind, fsType = '' } = policy;
  if (kind !== 'LVM') return `a snapshot is mounted as it is: use a StorageClass of volumeType LVM, not ${kind}`;
  if (size !== undefined && requested > size)
    return `it is to mount a snapshot of ${formatBytes(size)} as it is: ask for no more than that`;
  if (size !== undefined && use.limit !== undefined && use.limit < size)
    return `its limit is below the ${formatBytes(size)} of the snapshot that it is to mount`;
  return useProblem(kind, { block, fsType, accessModes }) ?? problemBeyondUse(requested, use);
}

/** Why a claim of the class cannot be filled from a source that asks for at least so much; undefined when it can. */
export function copyProblem({ kind }: VolumePolicy, requested: Bytes, least: Bytes | undefined): string | undefined {
  if (kind !== 'LVM')
    return `it is to be filled from another volume: use a StorageClass of volumeType LVM, not ${kind}`;
  if (least !== undefined && requested < least)
    return `what it is made from has ${formatBytes(least)}: ask for no less than that`;
  return undefined;
}

function problemBeyondUse(requested: Bytes, { limit, selects }: ClaimUse): string | undefined {
  if (selects) return 'no volume is made for a claim with a selector: leave spec.selector out';
  if (requested >= BEYOND_ANY_NODE) return 'no volume can have 8 PiB or more';
  if (limit !== undefined && limit < requested)
    return `its limit of ${formatBytes(limit)} is below its request of ${formatBytes(requested)}`;
  return undefined;
}
