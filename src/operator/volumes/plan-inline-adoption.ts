import type { PodFacts, PodVolume } from '../../model/facts.ts';
import { textOf } from '../../model/fault.ts';
import { parseInlineAttributes, type InlineAsk } from '../../model/inline-attributes.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import { PUBLISHED_AT } from '../../model/well-known.ts';
import { isReporting, LEAVE, record, refuse, volumeIn, type Adoption, type Known } from './adoption.ts';

type Inline = PodVolume & { readonly kind: 'inline' };

/** An inline volume of a pod that has its node. One that is not there yet is made when the kubelet asks for it. */
export function planInlineAdoption(pod: PodFacts, inline: Inline, { storages, volumes }: Known): Adoption {
  const { nodeName: node, finished, uid } = pod;
  const id = inlineVolumeId(uid, inline.volumeName);
  if (node === undefined || finished || volumes.has(id)) return LEAVE;
  const view = storages.get(node);
  if (!isReporting(view)) return { kind: 'wait', node };
  const { vgName = '' } = inline.attributes;
  const found = volumeIn(view, vgName, id);
  if (!found) return LEAVE;
  let ask: InlineAsk;
  try {
    ask = parseInlineAttributes(inline.attributes, inline.fsType);
  } catch (error) {
    return refuse(`Its volume ${inline.volumeName} is not understood: ${textOf(error)}`, node);
  }
  const { size, layout, limits, fsType } = ask;
  const volume = record(id, node, undefined, {
    kind: 'LVM',
    vgName,
    layout,
    sizeBytes: Math.min(size, found.size),
    role: 'Ephemeral',
    ...(fsType === '' ? {} : { fsType }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  });
  const target = `pods/${uid}/volumes/kubernetes.io~csi/${inline.volumeName}/mount`;
  return {
    kind: 'adopt',
    volume: { ...volume, metadata: { ...volume.metadata, annotations: { [PUBLISHED_AT]: target } } },
  };
}
