import type { Bytes } from '../../model/bytes.ts';
import type { Encryption } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import { parseInlineAttributes } from '../../model/inline-attributes.ts';
import { EPHEMERAL } from '../../model/well-known.ts';
import type { IoLimits, Layout } from '../../model/storage-class.ts';
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
  readonly encryption?: Encryption;
  /** The path at which the pod's kubelet wants it. */
  readonly targetPath: string;
}

export const isInline = ({ volumeContext }: Pick<NodePublishVolumeRequest, 'volumeContext'>): boolean =>
  volumeContext[EPHEMERAL] === 'true';

/** The ids that the kubelet gives to inline volumes: model/inline-volume.ts. */
export const INLINE_ID = /^csi-[0-9a-f]{64}$/;

/** Throws Fault `invalid` that names the field, or the attribute. */
export function parseInline(request: NodePublishVolumeRequest): InlineVolume {
  const { volumeId: id, volumeContext, volumeCapability, targetPath } = request;
  if (!INLINE_ID.test(id))
    throw new Fault('invalid', `volume_id "${id}" is not one that the kubelet gives to inline volumes`);
  const { accessType } = volumeCapability ?? {};
  if (accessType?.$case === 'block') throw new Fault('invalid', 'an inline volume is a filesystem, not a block device');
  const { size: sizeBytes, ...asked } = parseInlineAttributes(volumeContext, accessType?.value.fsType);
  if (asked.encryption && request.secrets['key'] !== undefined)
    throw new Fault('invalid', 'the key of an inline volume is kept nowhere: leave nodePublishSecretRef out');
  return { id, ...asked, sizeBytes, targetPath };
}
