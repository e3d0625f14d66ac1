import { bytes, formatBytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK, KEEP, LOST } from '../../model/well-known.ts';

/** What is known of the place of a volume. */
export interface VolumePlace {
  /** Ms for which the Node object has been gone; undefined while it exists. */
  readonly goneForMs: number | undefined;
  /** Why an administrator calls the node lost; undefined when none does. */
  readonly nodeLost: string | undefined;
}

export type LossCause = 'node-gone' | 'administrator';

/** Whether nobody will ever look after a volume again. */
export type Loss =
  | { readonly kind: 'none' }
  /** Its node is gone, and may still come back. */
  | { readonly kind: 'wait'; readonly afterMs: number }
  /** `why` is a part of a sentence for people. */
  | { readonly kind: 'lost'; readonly cause: LossCause; readonly why: string };

/** A volume is lost when its Node object is gone for the grace time, or when an administrator says so. */
export function lossOf(volume: LocalVolume, { goneForMs, nodeLost }: VolumePlace, graceMs: number): Loss {
  const { nodeName } = volume.spec;
  const said = volume.metadata.annotations?.[LOST];
  if (said !== undefined)
    return { kind: 'lost', cause: 'administrator', why: `an administrator calls the volume lost (${said})` };
  if (nodeLost !== undefined)
    return { kind: 'lost', cause: 'administrator', why: `an administrator calls node ${nodeName} lost (${nodeLost})` };
  if (goneForMs === undefined) return { kind: 'none' };
  if (goneForMs < graceMs) return { kind: 'wait', afterMs: graceMs - goneForMs };
  return { kind: 'lost', cause: 'node-gone', why: `there is no Node ${nodeName} any more` };
}

/** Whether DeleteVolume, or whoever may, has asked for the removal: then only the node is waited for. */
export const isLeaving = ({ metadata }: LocalVolume): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.annotations?.[KEEP] === undefined;

/** Whether nobody but the node would ever delete the object: an inline volume, or one that was never made. */
export const isTheNodesOwn = ({ metadata, spec, status }: LocalVolume): boolean =>
  metadata.deletionTimestamp === undefined && (spec.role === 'Ephemeral' || status?.sizeBytes === undefined);

/** A sentence that says which data stays where. `disks` are those of its group, as far as they are known. */
export function dataLeft({ metadata, spec, status }: LocalVolume, disks: readonly string[]): string {
  const size = formatBytes(bytes(status?.sizeBytes ?? spec.sizeBytes));
  const disk = metadata.annotations?.[DISK];
  if (spec.kind === 'LVM') {
    const on = disks.length === 0 ? '' : ` on ${disks.join(', ')}`;
    return `logical volume ${spec.vgName}/${metadata.name} (${size})${on} of node ${spec.nodeName}`;
  }
  const what = spec.kind === 'Device' ? 'disk' : 'filesystem at';
  return `${what} ${spec.path} (${size}${disk === undefined ? '' : `, ${disk}`}) of node ${spec.nodeName}`;
}
