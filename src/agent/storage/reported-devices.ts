import { Gate } from '../../daemon/gate.ts';
import type { BlockDevice, Disks } from '../../disk/disks.ts';
import { isKnowable } from '../../disk/identity.ts';
import { inspectDevice, useOf } from '../../disk/inspect.ts';
import type { Standing } from './conditions.ts';
import type { OwnerOf } from './owner-of.ts';
import { factsOf } from './device-facts.ts';
import type { Observation } from './observe.ts';
import type { ReportedDevice } from './storage-info.ts';

export interface ReportedDevicesInput {
  readonly observation: Observation;
  /** Kernel names of disks to report; their partitions come with them. */
  readonly pattern: RegExp;
  /** Whether claims may have it at all: only then is it looked into. */
  readonly isManaged: (path: string) => boolean;
  readonly ownerOf: OwnerOf;
  readonly disks: Pick<Disks, 'probe'>;
  /** Whether disks that would not be known again after a boot are offered all the same. */
  readonly allowWithoutIdentity?: boolean;
}

/** Three programs look into each disk, and both of its ends are in memory meanwhile. */
const PROBED_AT_ONCE = 8;

/** The disks and partitions to report, each with what keeps a claim from having it. */
export function reportedDevices(input: ReportedDevicesInput, signal: AbortSignal): Promise<readonly ReportedDevice[]> {
  const reported = input.observation.devices.filter(({ name, disk }) => input.pattern.test(disk ?? name));
  const gate = new Gate(PROBED_AT_ONCE);
  const probe: Disks['probe'] = (device, own) => gate.run(() => input.disks.probe(device, own), own);
  const gated = { ...input, disks: { probe } };
  return Promise.all(reported.map(async (device) => ({ device, inUse: await inUse(device, gated, signal) })));
}

async function inUse(
  device: BlockDevice,
  input: ReportedDevicesInput,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { observation, isManaged, ownerOf, disks } = input;
  const owner = ownerOf(device.path, observation);
  if (owner !== undefined) return `belongs to volume ${owner}`; // not opened: it may be formatted or mounted right now
  const facts = factsOf(device.path, device.path, observation);
  const use = useOf(facts);
  if (use) return use.what;
  if (!isManaged(device.path)) return undefined;
  if (!input.allowWithoutIdentity && !isKnowable(device, observation.devices)) return NO_IDENTITY;
  const inspection = inspectDevice({ ...facts, probe: await disks.probe(device, signal) });
  return inspection.blank ? undefined : inspection.finding.what;
}

/** Said of a disk that nothing uses, and that is not offered to claims all the same. */
export const NO_IDENTITY = 'tells nothing by which it would be known after a boot';

/** How it stands with disks that the configuration offers, and that are not offered for want of an identity. */
export function offeredStandings(devices: readonly ReportedDevice[]): readonly Standing[] {
  const unknown = devices.filter(({ inUse }) => inUse === NO_IDENTITY).map(({ device }) => device.path);
  if (unknown.length === 0) return [];
  const standing: Standing = {
    type: 'DevicesOffered',
    ok: false,
    reason: 'NoIdentity',
    message: `${unknown.join(', ')} tell no serial number and no worldwide name, or one that another disk tells too: after a boot nothing would tell whose data is where, so no claim gets them. Give them serial numbers (serial= of a virtio disk, disk.EnableUUID of a virtual machine of VMware), offer partitions of a GUID partition table instead, or set spec.listConfig.devices.allowWithoutIdentity if their names never change.`,
  };
  return [standing];
}
