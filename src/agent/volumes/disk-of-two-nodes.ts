import type { KubeClient } from '../../kube/client.ts';
import { pagesOf } from '../../kube/pages.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { givenTo } from './content-of-disk.ts';
import { recordedDisk } from './unit-disk.ts';

/**
 * A disk that two nodes see, as on a storage network, may be a volume of each. Proof is that both recorded the same
 * disk, and that what is on it is what the other one was given: machines are cloned with what their disks tell, and
 * content is copied onto other disks.
 */

/** Gives the volumes of other nodes that have a whole disk each. Throws what the API server's client throws. */
export type DisksElsewhere = (signal: AbortSignal) => Promise<readonly LocalVolume[]>;

export const createDisksElsewhere =
  (client: Pick<KubeClient, 'list'>, nodeName: string): DisksElsewhere =>
  async (signal) => {
    const found: LocalVolume[] = [];
    for await (const page of pagesOf(client, LOCAL_VOLUMES, {}, signal))
      found.push(...page.filter(({ spec }) => spec.kind === 'Device' && spec.nodeName !== nodeName));
    return found;
  };

/**
 * The volume of another node that has the very disk of this one, by what that carries: UUIDs of filesystems and of LUKS
 * headers. Undefined when there is no proof.
 */
export function sharerOf(
  volume: LocalVolume,
  uuids: readonly string[],
  elsewhere: readonly LocalVolume[],
): LocalVolume | undefined {
  const disk = recordedDisk(volume);
  if (disk === undefined) return undefined;
  return elsewhere.find((other) => recordedDisk(other) === disk && uuids.includes(givenTo(other) ?? ''));
}

/**
 * As sharerOf, where nothing on the disk tells whose it is: a pod writes to a raw device whatever it wants. That two
 * raw volumes that serve have recorded one disk is proof enough not to wipe it, where the disk's name is one of a kind
 * that is given once in the world: serial numbers are copied with machines.
 */
export function rawSharerOf(volume: LocalVolume, elsewhere: readonly LocalVolume[]): LocalVolume | undefined {
  const disk = recordedDisk(volume);
  if (!hasWorldwideName(volume)) return undefined;
  const serves = ({ metadata, status }: LocalVolume): boolean =>
    metadata.deletionTimestamp === undefined && status?.phase === 'Ready';
  return elsewhere.find((other) => recordedDisk(other) === disk && givenTo(other) === undefined && serves(other));
}

/** By the kinds of names of SCSI and NVMe disks that makers get from a registry. */
export const hasWorldwideName = (volume: LocalVolume): boolean => /^(?:naa|eui)\./.test(recordedDisk(volume) ?? '');

/** What is known of a disk without content that is anybody's: a clause that goes on from its name. */
export const rawSharedWith = ({ metadata: { name }, spec: { nodeName } }: LocalVolume): string =>
  `is the very disk that node ${nodeName} has recorded for its raw volume ${name}, too, and what is on it may be of ` +
  'that volume: let one of the two nodes alone see it';

/** What is on the disk: a clause that goes on from its name. */
export const sharedWith = ({ metadata: { name }, spec: { nodeName } }: LocalVolume): string =>
  `carries what volume ${name} of node ${nodeName} was given, and that node has recorded the very same disk: let one of ` +
  'the two nodes alone see it';
