import { bytes, GIB, type Bytes } from './bytes.ts';
import { Fault } from './fault.ts';
import type { Encryption } from './encryption.ts';
import { sizeToMake } from './claim-judge.ts';
import { checkGroupName } from './lvm-name.ts';
import { parseMkfsOptions } from './mkfs-options.ts';
import { present } from './present.ts';
import {
  readEncryption,
  readLayout,
  readLimits,
  readWhole,
  type IoLimits,
  type Layout,
  type Parameters,
} from './parameters.ts';

/** What a pod asks of an inline volume in its own spec. */
export interface InlineAsk {
  readonly vgName: string;
  readonly size: Bytes;
  readonly layout: Layout;
  readonly limits: IoLimits;
  /** Empty: our choice. */
  readonly fsType: string;
  /** With a key that nobody keeps: what is in the volume ends with its pod, and with a boot of its node. */
  readonly encryption?: Encryption;
}

const DEFAULT_SIZE = bytes(GIB);

/**
 * Reads the `volumeAttributes` and the `fsType` of an inline volume, for the scheduler, the node and the metrics alike:
 * what the node would refuse is refused before a node is chosen. As in open-local, `vgName` is required and `size` is
 * 1Gi by default; `lvmType` and the limits are as in a StorageClass, and keys that are not known, such as those that
 * the kubelet adds, are left alone. Throws Fault `invalid` that names the attribute.
 */
export function parseInlineAttributes(values: Readonly<Record<string, string>>, fsType = ''): InlineAsk {
  const parameters: Parameters = { what: 'attribute', values };
  const { vgName } = values;
  if (!vgName)
    throw new Fault('invalid', 'attribute vgName is missing from volumeAttributes: name the volume group to use');
  checkGroupName('attribute vgName', vgName);
  if (values['mkfsOptions']) parseMkfsOptions(values['mkfsOptions'], fsType);
  const encryption = readEncryption(parameters, 'LVM');
  const size = sizeToMake('LVM', { block: false, fsType, encryption }, { size: readSize(values['size']) });
  const limits = readLimits(parameters);
  return { vgName, size, layout: readLayout(parameters), limits, fsType, ...present({ encryption }) };
}

function readSize(text: string | undefined): Bytes {
  if (!text) return DEFAULT_SIZE;
  const size = readWhole('attribute size', text);
  if (size > 0) return size;
  throw new Fault('invalid', `attribute size: "${text}" must be more than zero`);
}
