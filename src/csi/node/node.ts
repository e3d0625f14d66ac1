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
import { isInline, parseInline } from './inline-volume.ts';
import { absolute, parsePublish, parseStage, parseTarget, place, required, requiredBytes } from './node-requests.ts';
import { publishInline, publishVolume, unpublishVolume, type PublishDeps } from './publish.ts';
import { service, type Service } from '../service.ts';
import { stageVolume } from './stage.ts';
import { expandVolume } from './expand.ts';
import { statVolume } from './stats.ts';

export interface NodeDeps extends PublishDeps {
  readonly nodeName: string;
  /** This node's value of the topology key, which need not be its name. */
  readonly hostname: (signal: AbortSignal) => Promise<string>;
}

const CAPABILITIES = [
  Rpc.STAGE_UNSTAGE_VOLUME,
  Rpc.EXPAND_VOLUME,
  Rpc.GET_VOLUME_STATS,
  Rpc.SINGLE_NODE_MULTI_WRITER,
] as const;

/** The CSI node service of one node. Calls for the same volume come one after another. */
export function createNodeService(deps: NodeDeps): Service {
  const { nodeName, hostname, mounts } = deps;
  const locks = new KeyedMutex();
  return service(NodeService, {
    nodeStageVolume: async (request, { signal }) => {
      const wanted = parseStage(request);
      await locks.run(wanted.id, () => stageVolume(wanted, deps, signal), signal);
      return {};
    },
    nodeUnstageVolume: async (request, { signal }) => {
      const id = required('volume_id', request.volumeId);
      const path = absolute('staging_target_path', request.stagingTargetPath);
      await locks.run(id, () => mounts.unmount(path, signal), signal);
      return {};
    },
    nodePublishVolume: async (request, { signal }) => {
      const publish = publisherOf(request, deps);
      await locks.run(request.volumeId, () => publish(signal), signal);
      return {};
    },
    nodeUnpublishVolume: async (request, { signal }) => {
      const id = required('volume_id', request.volumeId);
      const path = absolute('target_path', request.targetPath);
      await locks.run(id, () => unpublishVolume(path, deps, signal), signal);
      await deps.volumes.removeInline(id, signal);
      return {};
    },
    nodeGetVolumeStats: async (request, { signal }) => {
      const at = { id: required('volume_id', request.volumeId), path: place('volume_path', request.volumePath) };
      return { usage: usageOf(await statVolume(at, deps, signal)) };
    },
    nodeExpandVolume: async (request, { signal }) => {
      const at = { id: required('volume_id', request.volumeId), path: place('volume_path', request.volumePath) };
      const wanted = requiredBytes(request.capacityRange);
      const size = await locks.run(at.id, () => expandVolume(at, wanted, deps, signal), signal);
      return { capacityBytes: BigInt(size) };
    },
    nodeGetCapabilities: () => Promise.resolve({ capabilities: CAPABILITIES.map(capability) }),
    nodeGetInfo: async (_, { signal }) => ({
      nodeId: nodeName,
      maxVolumesPerNode: 0n,
      accessibleTopology: { segments: { [TOPOLOGY_KEY]: await hostname(signal) } },
    }),
  });
}

/** Throws what is wrong with the request at once. */
function publisherOf(request: NodePublishVolumeRequest, deps: NodeDeps): (signal: AbortSignal) => Promise<void> {
  if (isInline(request)) {
    const target = parseTarget(request);
    const inline = parseInline(request);
    return (signal) => publishInline(inline, target, deps, signal);
  }
  const wanted = parsePublish(request);
  return (signal) => publishVolume(wanted, deps, signal);
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
