import { Fault } from '../../model/fault.ts';
import { filesystemType, type FilesystemType } from '../../model/filesystem-type.ts';
import { probeGiven, type Filesystems } from '../../mount/filesystem.ts';
import { missingDevice } from './prepare-filesystem.ts';
import type { NodeVolume } from './node-volumes.ts';

const COPY = 'use a snapshot class with csi.aliyun.com/snapshot-restore: copy';

/**
 * The filesystem of a volume that is a snapshot, which is mounted as it is: it is neither made nor checked. The kernel
 * may still play its journal back when it mounts it, into the snapshot's own store. Throws Fault `precondition` when it
 * cannot be mounted so.
 */
export async function snapshotFilesystem(
  volume: NodeVolume,
  asked: string,
  filesystems: Pick<Filesystems, 'probe'>,
  signal: AbortSignal,
): Promise<FilesystemType> {
  const { id, source } = volume;
  const given = asked === '' ? undefined : filesystemType(asked);
  const content = await probeGiven(source, given, filesystems, signal);
  if (content.kind === 'missing') throw missingDevice(volume);
  if (content.kind === 'other' && content.what === 'crypto_LUKS')
    throw new Fault('precondition', `volume ${id}: its snapshot ${source} is encrypted: ${COPY}`);
  const found = content.kind === 'filesystem' ? content.type : undefined;
  if (found === undefined)
    throw new Fault(
      'precondition',
      `volume ${id}: its snapshot ${source} carries no filesystem: ask for it with volumeMode: Block`,
    );
  if (content.kind === 'filesystem' && content.unfinished)
    throw new Fault(
      'precondition',
      `volume ${id}: its snapshot ${source} was taken while its ${found} was being made: there are no files in it; take another`,
    );
  if (asked !== '' && found !== filesystemType(asked))
    throw new Fault(
      'precondition',
      `volume ${id}: its snapshot ${source} carries ${found}, not the ${asked} of its StorageClass: use a class with csi.storage.k8s.io/fstype: ${found}`,
    );
  if (found === 'btrfs')
    throw new Fault(
      'precondition',
      `volume ${id}: btrfs takes a snapshot and its source for one filesystem, so they are not mounted on one node: ` +
        COPY,
    );
  return filesystemType(found);
}
