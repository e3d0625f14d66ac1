import { present } from '../../model/present.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { FilesystemStats } from '../../mount/filesystem.ts';
import {
  NodeService,
  NodeServiceCapability_RPC_Type as Rpc,
  VolumeUsage_Unit as Unit,
  type NodePublishVolumeRequest,
  type NodeServiceCapability,
  type VolumeUsage,
} from '../gen/csi.ts';
import { INLINE_ID, isInline, parseInline } from './inline-volume.ts';
import { absolute, parsePublish, parseStage, parseTarget, place, required, requiredBytes } from './node-requests.ts';
import { publishInline, publishVolume, unpublishVolume, type PublishDeps } from './publish.ts';
import { toVolumeCondition, toVolumeHealth } from '../health.ts';
import { service, type Handlers, type Service } from '../service.ts';
import { stageVolume, thawAt, unstageVolume } from './stage.ts';
import { expandVolume } from './expand.ts';
import { statVolume } from './stats.ts';
import { lockVolume } from './unlock.ts';
import { resolveAbove } from './target.ts';
import type { VolumeAt } from './volume-at.ts';
import { storageHealth, volumeHealth, type HealthRecords } from './volume-health.ts';

export interface NodeDeps extends PublishDeps {
  readonly nodeName: string;
  /** This node's value of the topology key, which need not be its name. */
  readonly hostname: (signal: AbortSignal) => Promise<string>;
  /** So many volumes of claims may be in use on the node at once; 0: no limit. */
  readonly maxVolumes: number;
  readonly records: HealthRecords;
}

const CAPABILITIES = [
  Rpc.STAGE_UNSTAGE_VOLUME,
  Rpc.EXPAND_VOLUME,
  Rpc.GET_VOLUME_STATS,
  Rpc.SINGLE_NODE_MULTI_WRITER,
  Rpc.VOLUME_CONDITION,
  Rpc.GET_VOLUME_HEALTH,
  Rpc.GET_STORAGE_HEALTH,
] as const;

/** The CSI node service of one node. Calls for the same volume come one after another. */
export function createNodeService(deps: NodeDeps): Service {
  const locks = new KeyedMutex();
  return service(NodeService, {
    nodeStageVolume: async (request, { signal }) => {
      const asked = parseStage(request);
      const wanted = { ...asked, stagingPath: await resolveAbove(asked.stagingPath) };
      await locks.run(wanted.id, () => stageVolume(wanted, deps, signal), signal);
      return {};
    },
    nodeUnstageVolume: async (request, { signal }) => {
      const id = required('volume_id', request.volumeId);
      const path = await resolveAbove(absolute('staging_target_path', request.stagingTargetPath));
      await locks.run(id, () => unstageVolume({ id, path }, deps, signal), signal);
      return {};
    },
    nodePublishVolume: async (request, { signal }) => {
      const publish = await publisherOf(request, deps);
      await locks.run(request.volumeId, () => publish(signal), signal);
      return {};
    },
    nodeUnpublishVolume: async (request, { signal }) => {
      const id = required('volume_id', request.volumeId);
      const path = await resolveAbove(absolute('target_path', request.targetPath));
      const isInlineVolume = INLINE_ID.test(id); // nobody unstages it
      if (isInlineVolume) await locks.run(id, () => thawAt(path, deps, signal), signal);
      await locks.run(id, () => unpublishVolume(path, deps, signal), signal);
      if (isInlineVolume) await locks.run(id, () => lockVolume(id, deps, signal), signal);
      await deps.volumes.removeInline(id, signal);
      return {};
    },
    nodeExpandVolume: async (request, { signal }) => {
      const at = await placeOf(request);
      const wanted = requiredBytes(request.capacityRange);
      const { stagingTargetPath: staging, secrets } = request;
      const stagingPath = staging === '' ? '' : await resolveAbove(absolute('staging_target_path', staging));
      const asked = { at, stagingPath, required: wanted, secrets };
      const size = await locks.run(at.id, () => expandVolume(asked, deps, signal), signal);
      return { capacityBytes: BigInt(size) };
    },
    ...readingHandlers(deps),
  });
}

/** Calls that change nothing, and so wait for no other call. */
function readingHandlers(deps: NodeDeps): Handlers<typeof NodeService> {
  const { nodeName, hostname } = deps;
  return {
    nodeGetVolumeStats: async (request, { signal }) => {
      const at = await placeOf(request);
      const entries = await volumeHealth(at.id, [at.path], deps, signal);
      const volumeCondition = toVolumeCondition(entries);
      // Nothing can be told of a volume that cannot be reached; the kubelet then reads the condition alone.
      if (entries.some(({ health }) => health !== 'degraded')) return { usage: [], volumeCondition };
      return { usage: usageOf(await statVolume(at, deps, signal)), volumeCondition };
    },
    nodeGetVolumeHealth: async ({ volumeId, volumePublishPath, stagingTargetPath }, { signal }) => {
      const id = required('volume_id', volumeId);
      const given = [volumePublishPath, stagingTargetPath].filter((path) => path.startsWith('/'));
      const paths = await Promise.all(given.map(resolveAbove));
      return { volumeHealth: toVolumeHealth(id, await volumeHealth(id, paths, deps, signal)) };
    },
    nodeGetStorageHealth: () => Promise.resolve({ backendHealth: storageHealth(deps.records.troubles()) }),
    nodeGetCapabilities: () => Promise.resolve({ capabilities: CAPABILITIES.map(capability) }),
    nodeGetInfo: async (_, { signal }) => ({
      nodeId: nodeName,
      maxVolumesPerNode: BigInt(deps.maxVolumes),
      accessibleTopology: { segments: { [TOPOLOGY_KEY]: await hostname(signal) } },
    }),
  };
}

/** Throws what is wrong with the request at once. */
async function publisherOf(
  request: NodePublishVolumeRequest,
  deps: NodeDeps,
): Promise<(signal: AbortSignal) => Promise<void>> {
  if (isInline(request)) {
    const [target, inline] = [parseTarget(request), parseInline(request)];
    const wanted = { ...target, targetPath: await resolveAbove(target.targetPath) };
    return (signal) => publishInline(inline, wanted, deps, signal);
  }
  const asked = parsePublish(request);
  const [stagingPath, targetPath] = await Promise.all([asked.stagingPath, asked.targetPath].map(resolveAbove));
  const wanted = { ...asked, ...present({ stagingPath, targetPath }) };
  return (signal) => publishVolume(wanted, deps, signal);
}

/** Throws Fault `invalid` when the volume or its path is not named. A relative path is never found. */
async function placeOf({ volumeId, volumePath }: { volumeId: string; volumePath: string }): Promise<VolumeAt> {
  const [id, path] = [required('volume_id', volumeId), place('volume_path', volumePath)];
  return { id, path: path.startsWith('/') ? await resolveAbove(path) : path };
}

const capability = (type: (typeof CAPABILITIES)[number]): NodeServiceCapability => ({
  type: { $case: 'rpc', value: { type } },
});

function usageOf(stats: FilesystemStats | { readonly total: number }): VolumeUsage[] {
  if (!('inodes' in stats)) return [usage(Unit.BYTES, { total: stats.total, used: 0, available: 0 })];
  return [usage(Unit.BYTES, stats), usage(Unit.INODES, stats.inodes)];
}

const usage = (
  unit: Unit,
  { total, used, available }: { readonly total: number; readonly used: number; readonly available: number },
): VolumeUsage => ({ unit, total: BigInt(total), used: BigInt(used), available: BigInt(available) });
