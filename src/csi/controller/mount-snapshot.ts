import { bytes, formatBytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { filesystemType } from '../../model/filesystem-type.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo } from '../../model/needed-data.ts';
import { present } from '../../model/present.ts';
import { checkLimit } from './capacity-range.ts';
import { newLocalVolume } from './local-volume.ts';
import type { WantedVolume } from './wanted-volume.ts';

/**
 * The record of a volume that is the snapshot itself, mounted read-only: on the snapshot's node, in its group, and
 * without room. Throws Fault: `precondition` for a snapshot that is deleted, not ready or overflowed, `invalid` for
 * what a mounted snapshot cannot be, `out-of-range` when more is asked for than it has, and `exhausted` when another
 * node is asked for.
 */
export function mountedVolume(wanted: WantedVolume, snapshot: LocalVolume, claimUid?: string): LocalVolume {
  const { metadata, spec } = snapshot;
  const { name: id = '' } = metadata;
  checkServes(snapshot);
  checkUse(wanted, snapshot);
  const size = bytes(snapshot.status?.snapshot?.sourceBytes ?? 0);
  const { required = 0 } = wanted.asked;
  if (required > size)
    throw new Fault(
      'out-of-range',
      `snapshot ${id} has ${formatBytes(size)} and is mounted as it is: ask for no more than that, not ${required} bytes`,
    );
  checkLimit(size, wanted.asked);
  if (wanted.nodes && !wanted.nodes.includes(spec.nodeName))
    throw new Fault('exhausted', `snapshot ${id} is on node ${spec.nodeName}, and can be mounted there alone`);
  const made = newLocalVolume(wanted, { kind: 'LVM', node: spec.nodeName, vgName: spec.vgName ?? '', size }, claimUid);
  const { layout: _, ...asked } = made.spec;
  const { fsType, encryption } = spec;
  return { ...made, spec: { ...asked, ...present({ fsType, encryption }), readOnly: true, source: { snapshot: id } } };
}

/** Throws Fault `precondition` for a snapshot that is deleted, not ready or overflowed. */
export function checkServes(snapshot: LocalVolume): void {
  const { name = '' } = snapshot.metadata;
  const { phase, message = 'it is being taken', snapshot: state } = snapshot.status ?? {};
  if (isLetGo(snapshot)) throw new Fault('precondition', `snapshot ${name} is being deleted`);
  if (state?.overflowed)
    throw new Fault('precondition', `snapshot ${name} overflowed: its store was full, and what it held is lost`);
  if (phase !== 'Ready') throw new Fault('precondition', `snapshot ${name} is not ready: ${message}`);
}

/** A mounted snapshot has the filesystem that its source had, in a logical volume. */
function checkUse({ policy, usage }: WantedVolume, { metadata, spec }: LocalVolume): void {
  if (policy.kind !== 'LVM')
    throw new Fault('invalid', `snapshot ${metadata.name} is mounted as it is: use volumeType LVM, not ${policy.kind}`);
  const [has, wanted] = [filesystemType(spec.fsType ?? ''), filesystemType(usage.fsType ?? '')];
  if (!usage.block && has !== wanted)
    throw new Fault(
      'invalid',
      `snapshot ${metadata.name} has the filesystem ${has} and is mounted as it is: use a StorageClass with ${has}, ` +
        `not ${wanted}`,
    );
}
