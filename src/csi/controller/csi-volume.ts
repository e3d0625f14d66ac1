import { bytes, minus } from '../../model/bytes.ts';
import { headerOf } from '../../model/encryption.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { READ_ONLY_SNAPSHOT, SNAPSHOT_ID, TOPOLOGY_KEY } from '../../model/well-known.ts';
import type { Volume } from '../gen/csi.ts';
import type { Topology } from '../ports.ts';

/** The volume as CSI's callers know it. Its context has the keys of open-local, which our node service reads too. */
export function toCsiVolume(
  { metadata, spec, status }: LocalVolume,
  parameters: Readonly<Record<string, string>>,
  { hostnameOf }: Pick<Topology, 'hostnameOf'>,
): Volume {
  return {
    volumeId: metadata.name ?? '',
    capacityBytes: BigInt(minus(bytes(status?.sizeBytes ?? spec.sizeBytes), headerOf(spec.encryption))),
    volumeContext: { ...parameters, ...placeContext(spec), ...snapshotContext(spec) },
    contentSource: contentSourceOf(spec),
    accessibleTopology: [{ segments: { [TOPOLOGY_KEY]: hostnameOf(spec.nodeName) } }],
  };
}

function placeContext({ kind, vgName = '', path = '' }: LocalVolume['spec']): Record<string, string> {
  const key = { LVM: 'vgName', Device: 'Device', MountPoint: 'MountPoint' }[kind];
  return { volumeType: kind, [key]: kind === 'LVM' ? vgName : path };
}

/** Keys of open-local, by which we and the scheduler's extender know that the volume takes no room. */
const snapshotContext = ({ readOnly, source }: LocalVolume['spec']): Record<string, string> =>
  readOnly ? { [READ_ONLY_SNAPSHOT]: 'true', [SNAPSHOT_ID]: source?.snapshot ?? '' } : {};

/** csi-provisioner removes a volume again that does not say what it was filled from. */
function contentSourceOf({ source }: LocalVolume['spec']): Volume['contentSource'] {
  if (source?.snapshot !== undefined) return { type: { $case: 'snapshot', value: { snapshotId: source.snapshot } } };
  return source?.volume === undefined ? undefined : { type: { $case: 'volume', value: { volumeId: source.volume } } };
}
