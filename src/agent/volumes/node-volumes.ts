import { present } from '../../model/present.ts';
import { bytes } from '../../model/bytes.ts';
import { isCopy } from '../../model/copies.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { ENCRYPTED, ENCRYPTING, FORMATTED, FORMATTING } from '../../model/well-known.ts';
import type { EncryptedDevice, NodeVolume, NodeVolumes } from '../../csi/node/node-volumes.ts';
import type { Disks } from '../../disk/disks.ts';
import { luksUuidIn, luksUuidOf, mappingPathOf } from '../../crypt/names.ts';
import { formatFilesystem, parseFilesystem, type Filesystems } from '../../mount/filesystem.ts';
import { mountAt } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isConflict } from '../../kube/errors.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { createDisksElsewhere, sharedWith, sharerOf } from './disk-of-two-nodes.ts';
import { leadsElsewhere } from './leads-elsewhere.ts';
import { isInPlace, isKnownByName, recordedFilesystem } from './unit-disk.ts';
import { brokenRecord } from './volume-rules.ts';
import type { VolumeWriter } from './write-volume.ts';
import { find } from '../../kube/find.ts';

type Marks = 'markFormatting' | 'markFormatted' | 'markEncrypting' | 'markEncrypted';

export interface NodeVolumesOptions {
  readonly client: Pick<KubeClient, 'get' | 'list'>;
  readonly nodeName: string;
  /** What was heard of an object; it may be behind. */
  readonly heard: (name: string) => LocalVolume | undefined;
  readonly write: Pick<VolumeWriter, Marks>;
  readonly disks: Pick<Disks, 'list' | 'mapperUuid'>;
  readonly mounts: Pick<Mounts, 'list'>;
  readonly filesystems: Pick<Filesystems, 'identify'>;
}

/**
 * LocalVolume objects as the CSI node service sees them. The API server is asked only when what was heard does not
 * serve.
 */
export function createNodeVolumes({
  client,
  nodeName,
  heard,
  write,
  disks,
  mounts,
  filesystems,
}: NodeVolumesOptions): Pick<NodeVolumes, 'find' | 'assertNotElsewhere' | Marks> {
  const disksElsewhere = createDisksElsewhere(client, nodeName);
  const ask = async (name: string, signal: AbortSignal): Promise<LocalVolume | undefined> => {
    try {
      return await find(client, LOCAL_VOLUMES, { name }, signal);
    } catch (error) {
      throw new Fault('unavailable', `volume ${name}: the API server did not tell about it`, { cause: error });
    }
  };

  const inPlace = async (volume: LocalVolume, ready: NodeVolume, signal: AbortSignal): Promise<NodeVolume> => {
    const [devices, entries] = await Promise.all([disks.list(signal), mounts.list(signal)]);
    if (volume.spec.kind === 'MountPoint') {
      const entry = mountAt(entries, ready.source);
      if (!entry) throw notMounted(ready);
      const [identity, recorded] = [await filesystems.identify(entry, signal), recordedFilesystem(volume)];
      if (recorded !== undefined && identity !== recorded) throw otherFilesystem(ready, identity, recorded);
    }
    if (!isInPlace(volume, { devices, mounts: entries })) throw displaced(ready);
    return isKnownByName(volume, { devices }) ? { ...ready, isKnownByName: true } : ready;
  };

  return {
    find: async (id, signal, how) => {
      const known = how === 'fresh' ? undefined : heard(id);
      const volume = known?.status?.phase === 'Ready' ? known : await ask(id, signal);
      if (volume?.spec.nodeName !== nodeName) return undefined;
      const ready = readyVolume(volume);
      if (volume.spec.kind !== 'LVM') return inPlace(volume, ready, signal);
      await assertOwn(volume, ready, disks, signal);
      return ready;
    },
    assertNotElsewhere: async (id, uuid, signal) => {
      const volume = heard(id) ?? (await ask(id, signal));
      const sharer = volume && sharerOf(volume, [uuid], await disksElsewhere(signal).catch(notTold));
      if (sharer) throw new Fault('precondition', `volume ${id}: its disk ${sharedWith(sharer)}. It is not used here`);
    },
    markFormatting: async (id, begun, signal, version) => {
      const writing = write.markFormatting(id, formatFilesystem(begun), signal, version);
      return recorded(id, version === undefined ? writing : falseOnConflict(writing));
    },
    markFormatted: (id, fsType, signal) => recorded(id, write.markFormatted(id, fsType, signal)),
    markEncrypting: (id, uuid, signal) => recorded(id, write.markEncrypting(id, uuid, signal)),
    markEncrypted: (id, uuid, signal) => recorded(id, write.markEncrypted(id, uuid, signal)),
  };
}

/**
 * Throws Fault `unavailable` when the path of a logical volume leads to another: a second group of its name may be
 * active. So too when something else is open under the name of an encrypted one.
 */
async function assertOwn(
  { status = {} }: LocalVolume,
  { id, source, encryption }: NodeVolume,
  disks: Pick<Disks, 'mapperUuid'>,
  signal: AbortSignal,
): Promise<void> {
  const opened = encryption && (await disks.mapperUuid(source, signal));
  if (opened !== undefined && luksUuidIn(opened) !== luksUuidOf(id))
    throw new Fault('unavailable', `volume ${id}: ${source} leads to ${opened}, not to this volume: it is not used`);
  const device = encryption?.device ?? source;
  const { groupUuid: vgUuid, volumeUuid: uuid } = status;
  const other = await leadsElsewhere(device, { vgUuid, uuid }, disks, signal);
  if (!other) return;
  const { found, wanted } = other;
  throw new Fault(
    'unavailable',
    `volume ${id}: ${device} leads to ${found}, not to its own ${wanted}: it is not used. Where no other group has the ` +
      'name of its own, have the device files of LVM made anew on the node: vgmknodes',
  );
}

function notTold(cause: unknown): never {
  throw new Fault('unavailable', 'the API server did not tell which disks other nodes have', { cause });
}

async function falseOnConflict(writing: Promise<boolean>): Promise<boolean> {
  try {
    return await writing;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

async function recorded<T>(id: string, writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    throw new Fault('unavailable', `volume ${id}: how far it is formatted could not be written down`, { cause: error });
  }
}

/** Throws Fault `unavailable` while the volume is not ready. */
function readyVolume(volume: LocalVolume): NodeVolume {
  const { metadata, spec, status } = volume;
  const { name: id = '', annotations = {}, resourceVersion: version } = metadata;
  const { kind, fsType = '', limits = {} } = spec;
  const { sizeBytes = spec.sizeBytes, devicePath: device } = status ?? {};
  if (status?.phase !== 'Ready' || device === undefined) throw notReady(id, status);
  assertHolds(volume);
  const formatting = parseFilesystem(annotations[FORMATTING]);
  const formatted = annotations[FORMATTED];
  const known = { id, kind, source: device, fsType, formatted, formatting, sizeBytes: bytes(sizeBytes), limits };
  const plain = { ...known, ...present({ version }), ...adoptedMark(spec) };
  if (spec.readOnly) return { ...plain, isSnapshot: true };
  const served = { ...plain, ...copied(spec) };
  if (!spec.encryption) return served;
  return { ...served, source: mappingPathOf(id), encryption: encryptedDevice(spec, device, annotations) };
}

const adoptedMark = ({ adopted }: LocalVolume['spec']): Pick<NodeVolume, 'isAdopted'> =>
  adopted ? { isAdopted: true } : {};

function assertHolds(volume: LocalVolume): void {
  const broken = brokenRecord(volume);
  if (broken === undefined) return;
  throw new Fault('unavailable', `volume ${volume.metadata.name}: ${broken}; it is looked at again first`);
}

const copied = (spec: LocalVolume['spec']): Pick<NodeVolume, 'isCopy'> => (isCopy({ spec }) ? { isCopy: true } : {});

const encryptedDevice = (
  { source, role }: LocalVolume['spec'],
  device: string,
  annotations: Readonly<Record<string, string>>,
): EncryptedDevice => ({
  device,
  recorded: annotations[ENCRYPTED] ? 'done' : annotations[ENCRYPTING] ? 'begun' : undefined,
  copied: source !== undefined,
  forgetsKey: role === 'Ephemeral',
});

const notMounted = ({ id, source }: NodeVolume): Fault =>
  new Fault('unavailable', `volume ${id}: its filesystem is not mounted at ${source}: mount it there again`);

const otherFilesystem = ({ id, source }: NodeVolume, found: string, recorded: string): Fault =>
  new Fault('unavailable', `volume ${id}: filesystem ${found} is mounted at ${source}, not its own, ${recorded}`);

const displaced = ({ id, source }: NodeVolume): Fault =>
  new Fault('unavailable', `volume ${id}: another disk is at ${source} now, or none: its own is looked for`);

const notReady = (id: string, status: LocalVolume['status']): Fault =>
  new Fault(
    'unavailable',
    `volume ${id} is ${status?.phase ?? 'not made yet'}: ${status?.message ?? 'try again later'}`,
  );
