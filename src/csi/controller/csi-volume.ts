import type { LocalVolume } from '../../model/local-volume.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
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
    capacityBytes: BigInt(status?.sizeBytes ?? spec.sizeBytes),
    volumeContext: { ...parameters, ...placeContext(spec) },
    contentSource: undefined,
    accessibleTopology: [{ segments: { [TOPOLOGY_KEY]: hostnameOf(spec.nodeName) } }],
  };
}

function placeContext({ kind, vgName = '', path = '' }: LocalVolume['spec']): Record<string, string> {
  const key = { LVM: 'vgName', Device: 'Device', MountPoint: 'MountPoint' }[kind];
  return { volumeType: kind, [key]: kind === 'LVM' ? vgName : path };
}
