import { present } from '../../model/present.ts';
import { useProblem } from '../../model/claim-judge.ts';
import { Fault } from '../../model/fault.ts';
import type { VolumeKind } from '../../model/storage-class.ts';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../gen/csi.ts';

/** How a volume will be used. */
export interface Usage {
  readonly block: boolean;
  /** Absent: the driver's choice. */
  readonly fsType?: string;
}

/**
 * The words of a claim for the modes that csi-provisioner sends. No claim asks for one reader on one node; whoever has
 * such a claim could have written, too.
 */
const MODE_OF_CLAIM: ReadonlyMap<Mode, string> = new Map([
  [Mode.SINGLE_NODE_WRITER, 'ReadWriteOnce'],
  [Mode.SINGLE_NODE_READER_ONLY, 'ReadWriteOnce'],
  [Mode.SINGLE_NODE_MULTI_WRITER, 'ReadWriteOnce'],
  [Mode.SINGLE_NODE_SINGLE_WRITER, 'ReadWriteOncePod'],
  [Mode.MULTI_NODE_READER_ONLY, 'ReadOnlyMany'],
  [Mode.MULTI_NODE_MULTI_WRITER, 'ReadWriteMany'],
]);

/**
 * What the capabilities ask for together. Throws Fault `invalid` when there is none, when one is incomplete, or when
 * one asks for what a volume of this kind cannot do; `problemWith` tells the latter as a value.
 */
export function parseCapabilities(capabilities: readonly VolumeCapability[], kind: VolumeKind): Usage {
  if (capabilities.length === 0) throw new Fault('invalid', 'volume_capabilities is missing: say how it will be used');
  for (const capability of capabilities) {
    checkComplete(capability);
    const problem = problemWith(capability, kind);
    if (problem !== undefined) throw new Fault('invalid', problem);
  }
  const types = capabilities.map(fsTypeOf).filter((fsType) => fsType !== '');
  const [fsType] = types;
  const other = types.find((type) => type !== fsType);
  if (other !== undefined) throw new Fault('invalid', `a volume cannot have two filesystems, ${fsType} and ${other}`);
  const block = capabilities.some(({ accessType }) => accessType?.$case === 'block');
  return { block, ...present({ fsType }) };
}

/** Throws Fault `invalid` when a required field is not there. */
export function checkComplete({ accessType, accessMode }: VolumeCapability): void {
  if (accessType === undefined)
    throw new Fault('invalid', 'a volume capability has no access_type: use mount or block');
  if (accessMode === undefined || accessMode.mode === Mode.UNKNOWN)
    throw new Fault('invalid', 'a volume capability has no access_mode: use SINGLE_NODE_WRITER');
}

/** Why a volume of this kind cannot be used so; undefined when it can. */
export function problemWith(capability: VolumeCapability, kind: VolumeKind): string | undefined {
  const mode = capability.accessMode?.mode ?? Mode.UNKNOWN;
  return useProblem(kind, {
    block: capability.accessType?.$case === 'block',
    fsType: fsTypeOf(capability),
    accessModes: [MODE_OF_CLAIM.get(mode) ?? nameOf(mode)],
    mountOptions: capability.accessType?.$case === 'mount' ? capability.accessType.value.mountFlags : [],
  });
}

const fsTypeOf = ({ accessType }: VolumeCapability): string =>
  accessType?.$case === 'mount' ? accessType.value.fsType : '';

const nameOf = (mode: Mode): string =>
  Object.entries(Mode).find(([, value]) => value === mode)?.[0] ?? `number ${mode}`;
