import { volumeIdOf } from '../../csi/controller/volume-id.ts';
import { bytes, formatBytes, MIB, type Bytes } from '../../model/bytes.ts';
import { pvFacts } from '../../model/decode.ts';
import type { PvFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { UNTIL_DELETE_SNAPSHOT, UNTIL_DELETE_VOLUME } from '../../model/needed-data.ts';
import type { PersistentVolume } from '../../model/objects.ts';
import type { VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import { readLayout, readLimits, type IoLimits, type Layout, type Parameters } from '../../model/parameters.ts';
import { present } from '../../model/present.ts';
import { FILESYSTEMS } from '../../model/filesystem-type.ts';
import { strangeOptions } from '../../model/mount-options.ts';
import { parseSnapshotClass } from '../../model/snapshot-class.ts';
import { READ_ONLY_SNAPSHOT, SNAPSHOT_ID } from '../../model/well-known.ts';
import { isReporting, LEAVE, record, refuse, volumeIn, type Adoption, type Known } from './adoption.ts';

/** open-local makes volumes on nodes in whole MiB, rounded down, and in whole extents. */
const ROUNDING = MIB - 1;

/**
 * A PersistentVolume as the API server has it now. One that is released is DeleteVolume's: adopting it could bring back
 * what was just removed.
 */
export function planPvAdoption(pv: PersistentVolume, known: Known): Adoption {
  const facts = pvFacts(pv);
  const { handle } = facts;
  if (!isOpen(facts, known) || isEnding(pv)) return LEAVE;
  if (volumeIdOf(handle) !== handle) return refuse(`Its volumeHandle "${handle}" can be no name of a volume of LVM`);
  if (pv.spec?.csi?.volumeAttributes?.[READ_ONLY_SNAPSHOT] === 'true') return planReader(pv, facts, known);
  const { takes } = facts;
  if (!takes)
    return refuse(
      'Its volumeAttributes do not say what it takes: volumeType, and vgName, Device or MountPoint. Make it anew with them',
    );
  const node = nodeOf(facts, known);
  if (typeof node !== 'string') return node;
  const size = takes.kind === 'LVM' ? sizeInGroup(handle, takes, node, known) : sizeOfUnit(takes, node, known);
  if (typeof size !== 'number') return size;
  return { kind: 'adopt', volume: recordOf(pv, { facts, takes, node, size }), ...present({ note: noteOn(pv, takes) }) };
}

/** What is kept although a new volume could not have it. */
function noteOn({ spec }: PersistentVolume, { kind }: Takes): string | undefined {
  const fsType = FILESYSTEMS.find((type) => type === (spec?.csi?.fsType || 'ext4'));
  const strange = strangeOptions(spec?.mountOptions ?? [], kind === 'MountPoint' ? kind : (fsType ?? 'ext4'));
  const effect = kind === 'MountPoint' ? 'have no effect, as before' : 'are kept, and no new volume can have them';
  return strange.length === 0 ? undefined : `Its mount options ${strange.join(', ')} ${effect}.`;
}

/** It is one of ours, and has no record. */
const isOpen = ({ handle, driver, letGo }: PvFacts, { drivers, volumes }: Known): boolean =>
  drivers.includes(driver) && handle !== '' && !letGo && !volumes.has(handle);

/** It is deleted, or will be by DeleteVolume. */
const isEnding = ({ metadata, spec, status }: PersistentVolume): boolean =>
  metadata.deletionTimestamp !== undefined ||
  (['Released', 'Failed'].includes(status?.phase ?? '') && spec?.persistentVolumeReclaimPolicy === 'Delete');

type Takes = NonNullable<PvFacts['takes']>;

/** The node that it is on, once an agent of ours has reported there. */
function nodeOf({ node: hostname }: PvFacts, { topology, storages }: Known): string | Adoption {
  if (hostname === undefined)
    return refuse('Its nodeAffinity names no node by kubernetes.io/hostname: make it anew with that of its node');
  const nodes = topology.nodesAt(hostname);
  return nodes.find((name) => isReporting(storages.get(name))) ?? { kind: 'wait', node: nodes[0] ?? hostname };
}

/** How large its record is to be: no larger than the logical volume, which is not to grow by being adopted. */
function sizeInGroup(handle: string, takes: Takes, node: string, { storages }: Known): Bytes | Adoption {
  const { where, size } = takes;
  const view = storages.get(node);
  const found = volumeIn(view, where, handle);
  if (!found) {
    const elsewhere = [...storages.values()].flatMap(({ name, storage }) =>
      storage.groups
        .filter(({ volumes }) => volumes.some((one) => one.name === handle))
        .map((one) => `${name} has ${one.name}/${handle}`),
    );
    const missing = view?.storage.groups.some(({ name }) => name === where)
      ? `reports no logical volume ${where}/${handle}`
      : `does not report volume group ${where} as managed`;
    const what =
      elsewhere.length === 0 ? 'bring its disks back, or include the group in the nlsc' : `but ${elsewhere.join(', ')}`;
    return refuse(`Node ${node} ${missing}: ${what}`, node);
  }
  if (found.size + ROUNDING >= size) return bytes(Math.min(size, found.size));
  const less = `has ${formatBytes(found.size)}, less than the ${formatBytes(size)} of the PersistentVolume`;
  return refuse(`Logical volume ${where}/${handle} of node ${node} ${less}: grow it with lvextend`, node);
}

function sizeOfUnit({ kind, where, size }: Takes, node: string, { storages, volumes }: Known): Bytes | Adoption {
  const unit = storages.get(node)?.storage.units.find((one) => one.kind === kind && one.path === where);
  if (!unit)
    return refuse(`Node ${node} does not report ${where} as managed: bring it back, or include it in the nlsc`, node);
  const other = [...volumes.values()].find(({ spec }) => spec.nodeName === node && spec.path === where);
  if (other) return refuse(`${where} of node ${node} is that of the volume ${other.metadata.name}`, node);
  if (unit.size >= size) return size;
  return refuse(
    `${where} of node ${node} has ${formatBytes(unit.size)}, less than the ${formatBytes(size)} of the PersistentVolume: another disk may be there`,
    node,
  );
}

interface Placed {
  readonly facts: PvFacts;
  readonly takes: Takes;
  readonly node: string;
  readonly size: Bytes;
}

function recordOf(pv: PersistentVolume, { facts, takes, node, size }: Placed): LocalVolume {
  const read = readAttributes(pv.spec?.csi?.volumeAttributes ?? {});
  return record(facts.handle, node, UNTIL_DELETE_VOLUME, {
    kind: takes.kind,
    ...(takes.kind === 'LVM' ? { vgName: takes.where, layout: read.layout } : { path: takes.where }),
    sizeBytes: size,
    role: 'Volume',
    ...present({ encryption: read.encryption, fsType: fsTypeOf(pv), claim: claimOf(pv), limits: anyOf(read.limits) }),
    request: { name: facts.handle, requiredBytes: size },
  });
}

const fsTypeOf = ({ spec }: PersistentVolume): string | undefined =>
  spec?.volumeMode === 'Block' ? undefined : spec?.csi?.fsType || undefined;

const anyOf = (limits: IoLimits): IoLimits | undefined => (Object.keys(limits).length === 0 ? undefined : limits);

function claimOf({ spec }: PersistentVolume): LocalVolume['spec']['claim'] {
  const { namespace, name, uid } = spec?.claimRef ?? {};
  return namespace && name ? { namespace, name, ...present({ uid }) } : undefined;
}

/** What of a StorageClass stands in the attributes. What cannot be read had no effect before either. */
function readAttributes(values: Readonly<Record<string, string>>): {
  readonly layout: Layout;
  readonly limits: IoLimits;
  readonly encryption: 'luks2' | undefined;
} {
  const parameters: Parameters = { what: 'attribute', values };
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch {
      return otherwise;
    }
  };
  return {
    layout: attempt<Layout>(() => readLayout(parameters), 'linear'),
    limits: attempt<IoLimits>(() => readLimits(parameters), {}),
    encryption: values['encryption'] === 'luks2' ? 'luks2' : undefined,
  };
}

/** A claim that mounts a snapshot as it is: it has nothing of its own. */
function planReader(pv: PersistentVolume, { handle }: PvFacts, { volumes }: Known): Adoption {
  const id = pv.spec?.csi?.volumeAttributes?.[SNAPSHOT_ID];
  if (!id) return refuse(`It mounts a snapshot, and its volumeAttributes do not say which: ${SNAPSHOT_ID} is missing`);
  const snapshot = volumes.get(id);
  if (!snapshot) return { kind: 'wait', volume: id };
  if (snapshot.spec.role !== 'Snapshot') return refuse(`It mounts ${id}, which is no snapshot`);
  const sizeBytes = snapshot.status?.snapshot?.sourceBytes;
  if (sizeBytes === undefined) return { kind: 'wait', volume: id };
  const { nodeName, vgName, fsType } = snapshot.spec;
  const volume = record(handle, nodeName, UNTIL_DELETE_VOLUME, {
    kind: 'LVM',
    ...present({ vgName, fsType }),
    sizeBytes,
    role: 'Volume',
    readOnly: true,
    source: { snapshot: id },
    ...present({ claim: claimOf(pv) }),
    request: { name: handle },
  });
  return { kind: 'adopt', volume };
}

/** A VolumeSnapshotContent as the API server has it now: the store in the group of its source, and nowhere else. */
export function planSnapshotAdoption(
  { metadata, spec = {}, status = {} }: VolumeSnapshotContent,
  known: Known,
): Adoption {
  const { driver = '', source: { volumeHandle: origin = '', snapshotHandle = '' } = {} } = spec;
  const { snapshotHandle: handle = snapshotHandle, restoreSize } = status;
  if (metadata.deletionTimestamp !== undefined || !isOpen({ name: '', driver, handle }, known)) return LEAVE;
  if (volumeIdOf(handle) !== handle) return refuse(`Its snapshotHandle "${handle}" can be no name of a volume of LVM`);
  const source = known.volumes.get(origin);
  return source ? planTaken({ handle, origin, restoreSize }, source, known) : { kind: 'wait', volume: origin };
}

interface Taken {
  readonly handle: string;
  /** The handle of what it was taken of. */
  readonly origin: string;
  readonly restoreSize: number | undefined;
}

function planTaken({ handle, origin, restoreSize }: Taken, { spec }: LocalVolume, known: Known): Adoption {
  const { nodeName, vgName = '', fsType } = spec;
  const view = known.storages.get(nodeName);
  if (!isReporting(view)) return { kind: 'wait', node: nodeName };
  const found = volumeIn(view, vgName, handle);
  if (!found)
    return refuse(
      `Node ${nodeName} reports no snapshot ${vgName}/${handle}: backups to S3 are not read, and one that overflowed is gone`,
      nodeName,
    );
  const policy = parseSnapshotClass({ [READ_ONLY_SNAPSHOT]: 'true' });
  const volume = record(handle, nodeName, UNTIL_DELETE_SNAPSHOT, {
    kind: 'LVM',
    vgName,
    ...present({ fsType }),
    sizeBytes: found.size,
    role: 'Snapshot',
    source: { volume: origin },
    copyOnWrite: { thresholdPercent: policy.thresholdPercent, stepBytes: policy.step },
    restore: 'Mount',
    request: { name: handle, ...present({ requiredBytes: restoreSize }) },
  });
  return { kind: 'adopt', volume };
}
