import { bytes, GIB, type Bytes } from '../../model/bytes.ts';
import { Fault, textOf } from '../../model/fault.ts';
import { parseQuantity } from '../../model/quantity.ts';
import { parseStorageClass, type IoLimits, type Layout } from '../../model/storage-class.ts';
import type { NodePublishVolumeRequest } from '../gen/csi.ts';

/** A volume that a pod describes in its own spec, and that lives as long as the pod. */
export interface InlineVolume {
  readonly id: string;
  readonly vgName: string;
  readonly sizeBytes: Bytes;
  readonly layout: Layout;
  readonly limits: IoLimits;
  /** Empty: our choice. */
  readonly fsType: string;
  /** The path at which the pod's kubelet wants it. */
  readonly targetPath: string;
}

/** The key that the kubelet adds to the volume context when the CSIDriver object has podInfoOnMount. */
const EPHEMERAL = 'csi.storage.k8s.io/ephemeral';

export const isInline = ({ volumeContext }: Pick<NodePublishVolumeRequest, 'volumeContext'>): boolean =>
  volumeContext[EPHEMERAL] === 'true';

/** The ids that the kubelet gives to inline volumes: model/inline-volume.ts. */
export const INLINE_ID = /^csi-[0-9a-f]{64}$/;

/**
 * Reads the volumeAttributes of open-local: `vgName` is required, `size` is 1Gi by default, and `lvmType`, `bps` and `iops` are as in a
 * StorageClass. Throws Fault `invalid` naming the attribute.
 */
export function parseInline(request: NodePublishVolumeRequest): InlineVolume {
  const { volumeId: id, volumeContext, volumeCapability, targetPath } = request;
  if (!INLINE_ID.test(id))
    throw new Fault('invalid', `volume_id "${id}" is not one that the kubelet gives to inline volumes`);
  const { accessType } = volumeCapability ?? {};
  if (accessType?.$case === 'block') throw new Fault('invalid', 'an inline volume is a filesystem, not a block device');
  const { size, ...attributes } = volumeContext;
  const { vgName, layout, limits } = parseStorageClass({ ...attributes, volumeType: 'LVM' });
  if (vgName === undefined)
    throw new Fault('invalid', 'attribute vgName is missing from volumeAttributes: name the volume group to use');
  return { id, vgName, sizeBytes: parseSize(size), layout, limits, fsType: accessType?.value.fsType ?? '', targetPath };
}

function parseSize(text: string | undefined): Bytes {
  if (!text) return bytes(GIB);
  try {
    const size = parseQuantity(text);
    if (size > 0) return size;
  } catch (error) {
    throw new Fault('invalid', `attribute size: ${textOf(error)}`, { cause: error });
  }
  throw new Fault('invalid', `attribute size: "${text}" must be more than zero`);
}
