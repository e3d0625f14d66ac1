import { bytes, NO_BYTES, type Bytes } from '../model/bytes.ts';
import { isNameTooLong, TOO_LONG } from './names.ts';

/** What of a group decides how much of its free room lvcreate can give. */
interface GroupRoom {
  readonly name: string;
  readonly free: Bytes;
  readonly partial: boolean;
  readonly exported: boolean;
  readonly foreign: boolean;
  readonly devices: readonly {
    readonly device: string;
    readonly uuid: string;
    readonly free: Bytes;
    readonly missing: boolean;
    readonly allocatable: boolean;
    readonly cutTo?: Bytes;
  }[];
}

/** What `vgchange` set for a group. */
export interface GroupRules {
  /** 0: as many as there is room for. */
  readonly maxVolumes: number;
  readonly volumes: number;
  readonly readOnly: boolean;
  /** Clustered, or locked by lvmlockd, which the agent does not speak to. */
  readonly shared: boolean;
  /** `normal`, `cling`, `contiguous`, `anywhere`, … */
  readonly policy: string;
  /** Runs of free extents, by the UUID of their device. */
  readonly gaps: readonly { readonly pv: string; readonly size: Bytes }[];
}

/**
 * How much a new volume can have in all, and why that is less than what is free. Under the policies `cling` and
 * `contiguous` (lvm(8), "Allocation") it is what one volume can have, since how much more there is depends on the
 * volumes to come.
 */
export function roomOf(
  group: GroupRoom,
  rules: GroupRules,
): { readonly room: Bytes; readonly kept: readonly string[] } {
  const closed = closedBy(group, rules);
  if (closed.length > 0) return { room: NO_BYTES, kept: closed };
  const open = group.devices.filter(({ missing, allocatable }) => !missing && allocatable);
  const shut = group.devices.filter(({ allocatable, free }) => !allocatable && free > 0).map(({ device }) => device);
  const kept = shut.length === 0 ? [] : [`may put nothing on ${shut.join(', ')} (pvchange --allocatable y allows it)`];
  const all = bytes(open.reduce((sum, { free }) => sum + free, 0));
  const single = singleRoom(open, rules);
  if (single === undefined || single >= all) return { room: all, kept };
  const apart = `has the policy ${rules.policy}, by which no volume gets more than one run or device has`;
  return { room: single, kept: [...kept, apart] };
}

function closedBy({ name, partial, exported, foreign, devices }: GroupRoom, rules: GroupRules): readonly string[] {
  const { maxVolumes, volumes, readOnly, shared } = rules;
  return [
    ...(maxVolumes > 0 && volumes >= maxVolumes
      ? [`may have ${maxVolumes} volumes and has them (vgchange --logicalvolume 0 lifts that)`]
      : []),
    ...(readOnly ? ['is read-only'] : []),
    ...(isNameTooLong(name) ? [TOO_LONG] : []),
    ...(shared ? ['is shared by machines under locks that open-local does not take'] : []),
    ...(partial ? ['misses devices'] : []),
    ...devices.flatMap(({ device, cutTo }) => (cutTo === undefined ? [] : [`reaches beyond the end of ${device}`])),
    ...(exported ? ['is exported'] : []),
    ...(foreign ? ["is another machine's"] : []),
  ];
}

function singleRoom(open: GroupRoom['devices'], { policy, gaps }: GroupRules): Bytes | undefined {
  const largest = (sizes: readonly number[]): Bytes => bytes(Math.max(0, ...sizes));
  if (policy.startsWith('cling')) return largest(open.map(({ free }) => free));
  if (policy !== 'contiguous') return undefined;
  const uuids = new Set(open.map(({ uuid }) => uuid));
  return largest(gaps.flatMap(({ pv, size }) => (uuids.has(pv) ? [size] : [])));
}
