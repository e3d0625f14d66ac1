import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLog, type Log } from '../../src/model/log.ts';
import { NO_TRACER, type Tracer } from '../../src/trace/tracer.ts';
import { bytes, GIB } from '../../src/model/bytes.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { mountAt } from '../../src/mount/mountinfo.ts';
import { createSimulatedMounts } from '../../src/mount/simulated.ts';
import { createSimulatedCrypt } from '../../src/crypt/simulated.ts';
import { mappingPathOf } from '../../src/crypt/names.ts';
import { LUKS_HEADER } from '../../src/model/encryption.ts';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import * as csi from '../../src/csi/gen/csi.ts';
import { createOwnWork } from '../../src/csi/node/own-work.ts';
import { createNodeService } from '../../src/csi/node/node.ts';
import type { PublishedLimits } from '../../src/csi/node/published-limits.ts';
import type { NodeVolume, NodeVolumes } from '../../src/csi/node/node-volumes.ts';
import type { HealthRecords } from '../../src/csi/node/volume-health.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { NO_TROUBLES, type StorageTroubles } from '../../src/model/storage-troubles.ts';
import { createCsiServer } from '../../src/csi/server.ts';

export const never = new AbortController().signal;
export const Mode = csi.VolumeCapability_AccessMode_Mode;

export interface Rig {
  readonly node: CsiClient['node'];
  readonly folder: string;
  readonly staging: string;
  readonly target: string;
  readonly volumes: Map<string, NodeVolume>;
  /** What the agent tells and records of them; a test may exchange its functions. */
  readonly known: NodeVolumes;
  /** Sizes of the devices that are there. */
  readonly devices: Map<string, number>;
  readonly mounts: ReturnType<typeof createSimulatedMounts>['mounts'];
  readonly filesystems: ReturnType<typeof createSimulatedMounts>['filesystems'];
  readonly crypt: ReturnType<typeof createSimulatedCrypt>;
  /** Parts of the LocalVolumes of volumes, for those whose record says more than that they are ready. */
  readonly recorded: Map<string, Partial<LocalVolume>>;
  /** What the node reports of its storage. */
  readonly storage: { troubles: StorageTroubles };
  /** What was asked of the limits, and whether the volume was seen at the target then. */
  readonly limited: string[];
  /** What was asked about inline volumes. */
  readonly asked: string[];
}

export const INLINE = inlineVolumeId('u-1', 'scratch');

export const volume = (id: string, more: Partial<NodeVolume> = {}): NodeVolume => ({
  id,
  kind: 'LVM',
  source: `/dev/g/${id}`,
  fsType: '',
  formatted: undefined,
  formatting: undefined,
  sizeBytes: bytes(GIB),
  limits: {},
  ...more,
});

/** A volume that is encrypted: its device is `/dev/g/<id>`. */
export const encrypted = (id: string, more: Partial<NonNullable<NodeVolume['encryption']>> = {}): NodeVolume =>
  volume(id, {
    source: mappingPathOf(id),
    encryption: { device: `/dev/g/${id}`, recorded: undefined, copied: false, forgetsKey: false, ...more },
  });
const recordOf = ({ id, kind, source, sizeBytes }: NodeVolume): LocalVolume => ({
  metadata: { name: id },
  spec: { nodeName: 'node-a', kind, sizeBytes, role: 'Volume' },
  status: { phase: 'Ready', sizeBytes, devicePath: source },
});

/** A node service on a socket with the volumes v1 and v2, over simulated mounts, or over the machine's own. */
export async function rig(
  machine?: Pick<Rig, 'mounts' | 'filesystems'>,
  log: Log = silentLog,
  tracer: Tracer = NO_TRACER,
): Promise<Rig> {
  const folder = await mkdtemp(path.join(tmpdir(), 'csi-node-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const devices = new Map([
    ['/dev/g/v1', GIB],
    ['/dev/g/v2', GIB],
  ]);
  const crypt = createSimulatedCrypt(path.join(folder, 'crypt.json'));
  const sizeOf = async (device: string) => {
    const below = await crypt.deviceBelow(device, never);
    const size = devices.get(below ?? device);
    return size === undefined ? undefined : bytes(below === undefined ? size : size - LUKS_HEADER);
  };
  const simulated = createSimulatedMounts({ file: path.join(folder, 'mounts.json'), sizeOf });
  const mounts = machine?.mounts ?? simulated.mounts;
  const filesystems: Rig['filesystems'] = machine?.filesystems ?? {
    ...simulated.filesystems,
    probe: async (device, signal) => {
      const header = await crypt.header(device, signal);
      if (header) return { kind: 'other', what: 'crypto_LUKS', uuid: header.uuid };
      return simulated.filesystems.probe(device, signal);
    },
  };
  const known = new Map(['v1', 'v2'].map((id) => [id, volume(id)]));
  const asked: string[] = [];
  const volumes: NodeVolumes = {
    find: (id) => Promise.resolve(known.get(id)),
    makeInline: ({ id }) => {
      asked.push(`make ${id}`);
      known.set(id, volume(id, { source: '/dev/g/v1' }));
      return Promise.resolve();
    },
    assertNotElsewhere: (id, uuid) => Promise.resolve(void asked.push(`elsewhere ${id} ${uuid}`)),
    removeInline: (id) => Promise.resolve(void asked.push(`remove ${id}`)),
    markFormatting: (id, formatting, _, version) => {
      if (version !== undefined && known.get(id)?.version !== version) return Promise.resolve(false);
      known.set(id, volume(id, { ...known.get(id), formatting, ...(version && { version: `${version}+` }) }));
      return Promise.resolve(true);
    },
    markFormatted: (id, formatted) => Promise.resolve(void known.set(id, volume(id, { ...known.get(id), formatted }))),
    markEncrypting: (id) => {
      const { encryption, ...before } = known.get(id) ?? volume(id);
      const nothing = { formatted: undefined, formatting: undefined };
      if (encryption) known.set(id, { ...before, ...nothing, encryption: { ...encryption, recorded: 'begun' } });
      return Promise.resolve();
    },
    markEncrypted: (id) => {
      const { encryption, ...before } = known.get(id) ?? volume(id);
      if (encryption) known.set(id, { ...before, encryption: { ...encryption, recorded: 'done' } });
      return Promise.resolve();
    },
  };
  const endpoint = { kind: 'unix', path: path.join(folder, 'csi.sock') } as const;
  const [staging, target] = [path.join(folder, 'staging'), path.join(folder, 'pod/mount')] as const;
  await mkdir(path.dirname(target));
  const limited: string[] = [];
  const limits: PublishedLimits = {
    apply: async ({ id }, pod) =>
      void limited.push(`${id} of ${pod} ${mountAt(await mounts.list(never), target) ? 'seen' : ''}`),
    lift: async (path) => void limited.push(`lift ${mountAt(await mounts.list(never), path) ? 'seen' : ''}`),
  };
  const recorded = new Map<string, Partial<LocalVolume>>();
  const storage = { troubles: NO_TROUBLES };
  const records: HealthRecords = {
    volume: async (id) => {
      const found = known.get(id);
      return found && { ...recordOf(found), ...recorded.get(id) };
    },
    heard: (id) => {
      const more = recorded.get(id);
      return more && { ...recordOf(volume(id)), ...more };
    },
    troubles: () => storage.troubles,
  };
  const services = [
    createNodeService({
      nodeName: 'node-a',
      maxVolumes: 256,
      records,
      hostname: () => Promise.resolve('host-a'),
      volumes,
      mounts,
      filesystems,
      crypt,
      limits,
      ownWork: createOwnWork(never),
    }),
  ];
  const server = createCsiServer({ name: 'csi node', endpoint, services, log, tracer });
  await server.start(never);
  onTestFinished(() => server.stop());
  const client = createCsiClient(endpoint, 5000);
  onTestFinished(() => client.close());
  return {
    node: client.node,
    folder,
    staging,
    target,
    volumes: known,
    known: volumes,
    devices,
    mounts,
    filesystems,
    crypt,
    recorded,
    storage,
    limited,
    asked,
  };
}

export type CapabilityOptions = {
  readonly block?: boolean;
  readonly mode?: csi.VolumeCapability_AccessMode_Mode;
  readonly fsType?: string;
  readonly mountFlags?: string[];
  readonly secrets?: Record<string, string>;
};
export const capability = ({
  block = false,
  mode = Mode.SINGLE_NODE_WRITER,
  fsType = '',
  mountFlags = [],
}: CapabilityOptions = {}): csi.VolumeCapability =>
  csi.VolumeCapability.fromPartial({
    accessType: block ? { $case: 'block', value: {} } : { $case: 'mount', value: { fsType, mountFlags } },
    accessMode: { mode },
  });

export const stage = ({ node, staging }: Rig, options: CapabilityOptions = {}, volumeId = 'v1', signal = never) =>
  node.nodeStageVolume(
    csi.NodeStageVolumeRequest.fromPartial({
      volumeId,
      stagingTargetPath: staging,
      volumeCapability: capability(options),
      secrets: options.secrets ?? {},
    }),
    signal,
  );
/** As the kubelet does it, which makes the folder above the target before. */
export const publish = async (
  { node, staging, target }: Rig,
  options: CapabilityOptions & {
    readonly readonly?: boolean;
    readonly target?: string;
    readonly context?: Record<string, string>;
    readonly volumeId?: string;
  } = {},
) => {
  const targetPath = options.target ?? target;
  if (targetPath !== '') await mkdir(path.dirname(targetPath), { recursive: true });
  return node.nodePublishVolume(
    csi.NodePublishVolumeRequest.fromPartial({
      volumeId: options.volumeId ?? 'v1',
      stagingTargetPath: staging,
      targetPath,
      volumeCapability: capability(options),
      readonly: options.readonly ?? false,
      volumeContext: options.context ?? {},
    }),
    never,
  );
};
export const unpublish = ({ node, target }: Rig, volumeId = 'v1') =>
  node.nodeUnpublishVolume(csi.NodeUnpublishVolumeRequest.fromPartial({ volumeId, targetPath: target }), never);
export const unstage = ({ node, staging }: Rig, volumeId = 'v1') =>
  node.nodeUnstageVolume(csi.NodeUnstageVolumeRequest.fromPartial({ volumeId, stagingTargetPath: staging }), never);
export const stats = ({ node, target }: Rig, volumeId = 'v1', volumePath = target) =>
  node.nodeGetVolumeStats(csi.NodeGetVolumeStatsRequest.fromPartial({ volumeId, volumePath }), never);
export const expand = (
  { node, target }: Rig,
  requiredBytes: number,
  volumeId = 'v1',
  secrets: Record<string, string> = {},
) =>
  node.nodeExpandVolume(
    csi.NodeExpandVolumeRequest.fromPartial({
      volumeId,
      volumePath: target,
      capacityRange: { requiredBytes: BigInt(requiredBytes) },
      secrets,
    }),
    never,
  );

export const DATA = '/mnt/open-local/data';

/** v1 has a mounted filesystem for itself; while that is not mounted, it is not found, as the agent does it. */
export async function mountPoint(it: Rig, options: readonly string[] = []): Promise<void> {
  await it.filesystems.format('/dev/g/v1', { type: 'ext4', uuid: randomUUID() }, never);
  await it.mounts.mount({ source: '/dev/g/v1', target: DATA, fsType: 'ext4', options }, never);
  it.volumes.set('v1', volume('v1', { kind: 'MountPoint', source: DATA }));
}
