import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { Fault, type FaultKind } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { checkComplete, problemWith } from './capability.ts';
import { claimOf, parseCreateVolume } from './wanted-volume.ts';
import { deleteVolume } from './delete-volume.ts';
import { expandVolume, growsOnNode, parseExpandVolume } from './expand-volume.ts';
import {
  ControllerService,
  ControllerServiceCapability_RPC_Type as Rpc,
  GroupControllerService,
  type ControllerServiceCapability,
  type CreateVolumeRequest,
  type ValidateVolumeCapabilitiesRequest,
  type ValidateVolumeCapabilitiesResponse,
} from '../gen/csi.ts';
import { getCapacity } from './get-capacity.ts';
import { groupCalls } from './group-calls.ts';
import { allVolumes, isVolume, listVolumes, toEntry } from './list-volumes.ts';
import { modifyVolume, parseModifyVolume } from './modify-volume.ts';
import { toCsiVolume } from './csi-volume.ts';
import { makeVolume, type MakeVolumeDeps } from './make-volume.ts';
import { createPager } from './page-token.ts';
import { snapshotCalls } from './snapshot-calls.ts';
import type { StorageReports, Topology, Traces } from '../ports.ts';
import { withoutSecrets } from '../call-log.ts';
import { toVolumeHealth } from '../health.ts';
import { service, type Handlers, type Service } from '../service.ts';
import { healthOf, listVolumeHealth } from './volume-health.ts';

export interface ControllerDeps extends MakeVolumeDeps {
  readonly traces: Traces;
  readonly topology: Topology;
  readonly storage: StorageReports;
  /** Why no call can be answered yet; undefined once all can. */
  readonly notReady: () => string | undefined;
  /** Told of every claim that has no volume as it is asked. */
  readonly onClaimRefused?: (refused: ClaimRefusal) => void;
}

/** What CreateVolume answered. */
export interface ClaimRefusal {
  readonly claim: { readonly namespace: string; readonly name: string };
  /** Of the volume that was asked for. */
  readonly volume: string;
  readonly words: string;
  /** The same call will be refused again, on whatever node. */
  readonly isFinal: boolean;
}

/** What is wrong with the request, not with the state of things. */
const FINAL: ReadonlySet<FaultKind> = new Set(['invalid', 'out-of-range', 'unimplemented']);

const CAPABILITIES = [
  Rpc.CREATE_DELETE_VOLUME,
  Rpc.EXPAND_VOLUME,
  Rpc.GET_CAPACITY,
  Rpc.SINGLE_NODE_MULTI_WRITER,
  Rpc.MODIFY_VOLUME,
  Rpc.LIST_VOLUMES,
  Rpc.GET_VOLUME,
  Rpc.VOLUME_CONDITION,
  Rpc.GET_VOLUME_HEALTH,
  Rpc.LIST_VOLUME_HEALTH,
  Rpc.CREATE_DELETE_SNAPSHOT,
  Rpc.LIST_SNAPSHOTS,
  Rpc.GET_SNAPSHOT,
  Rpc.CLONE_VOLUME,
].map((type): ControllerServiceCapability => ({ type: { $case: 'rpc', value: { type } } }));

/**
 * Which volumes exist, and where: CSI's Controller and GroupController. Every call may be repeated; calls for one
 * volume, snapshot or group snapshot are taken one after another.
 */
export function createControllers(deps: ControllerDeps): readonly Service[] {
  const locks = new KeyedMutex();
  const checkReady = (): void => {
    const problem = deps.notReady();
    if (problem !== undefined) throw new Fault('unavailable', problem);
  };
  const one = async <T>(id: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    checkReady();
    return locks.run(id, work, signal);
  };
  const groups = service(GroupControllerService, groupCalls(deps, { checkReady, one }));
  const controller = service(ControllerService, {
    controllerGetCapabilities: async () => ({ capabilities: CAPABILITIES }),

    createVolume: async (request, { signal }) => {
      try {
        const wanted = parseCreateVolume(request, deps.topology);
        const volume = await one(wanted.id, () => makeVolume(wanted, deps, signal), signal);
        return { volume: toCsiVolume(volume, wanted.parameters, deps.topology) };
      } catch (error) {
        tellRefused(request, error, deps);
        throw error;
      }
    },

    deleteVolume: async ({ volumeId }, { signal }) => {
      checkVolumeId(volumeId);
      await one(volumeId, () => deleteVolume(volumeId, deps, signal), signal);
      return {};
    },

    controllerExpandVolume: async (request, { signal }) => {
      const wanted = parseExpandVolume(request);
      const grow = async () => {
        const volume = await findVolume(wanted.id, deps, signal);
        const size = await expandVolume(wanted, volume, deps, signal);
        return { capacityBytes: BigInt(size), nodeExpansionRequired: growsOnNode(request, volume) };
      };
      return one(wanted.id, grow, signal);
    },

    controllerModifyVolume: async (request, { signal }) => {
      const wanted = parseModifyVolume(request);
      const modify = async () => modifyVolume(wanted, await findVolume(wanted.id, deps, signal), deps, signal);
      await one(wanted.id, modify, signal);
      return {};
    },

    ...readingHandlers(deps, checkReady),

    ...snapshotCalls(deps, { checkReady, one, pages: createPager() }),

    validateVolumeCapabilities: async (request, { signal }) => {
      checkVolumeId(request.volumeId);
      if (request.volumeCapabilities.length === 0) throw new Fault('invalid', 'volume_capabilities is missing');
      for (const capability of request.volumeCapabilities) checkComplete(capability);
      return confirm(request, await one(request.volumeId, () => findVolume(request.volumeId, deps, signal), signal));
    },
  });
  return [controller, groups];
}

/** What the same call, repeated, may find settled is no refusal. */
function tellRefused(request: CreateVolumeRequest, error: unknown, { onClaimRefused }: ControllerDeps): void {
  const claim = claimOf(request.parameters);
  if (!claim || !(error instanceof Fault) || error.kind === 'aborted' || error.kind === 'unavailable') return;
  const words = withoutSecrets(error.message, request);
  onClaimRefused?.({ claim, volume: request.name, words, isFinal: FINAL.has(error.kind) });
}

/** Calls that read what is known now, and so wait for no other call. */
function readingHandlers(deps: ControllerDeps, checkReady: () => void): Handlers<typeof ControllerService> {
  const pages = createPager();
  return {
    listVolumes: async (request) => {
      checkReady();
      return listVolumes(request, { ...deps, pages });
    },

    controllerGetVolume: async ({ volumeId }, { signal }) => {
      checkVolumeId(volumeId);
      checkReady();
      return toEntry(await findVolume(volumeId, deps, signal), deps);
    },

    controllerGetVolumeHealth: async ({ volumeId }, { signal }) => {
      checkVolumeId(volumeId);
      checkReady();
      const volume = await findVolume(volumeId, deps, signal);
      return { volumeHealth: toVolumeHealth(volumeId, healthOf(volume, deps)) };
    },

    controllerListVolumeHealth: async (request) => {
      checkReady();
      return listVolumeHealth(request, allVolumes(deps), { ...deps, pages });
    },

    getCapacity: async (request) => {
      checkReady();
      return getCapacity(request, deps);
    },
  };
}

function checkVolumeId(volumeId: string): void {
  if (volumeId === '') throw new Fault('invalid', 'volume_id is missing');
}

async function findVolume(id: string, { volumes }: ControllerDeps, signal: AbortSignal): Promise<LocalVolume> {
  const volume = await volumes.find(id, signal);
  if (!volume || !isVolume(volume)) throw new Fault('not-found', `there is no volume ${id}`);
  return volume;
}

function confirm(request: ValidateVolumeCapabilitiesRequest, volume: LocalVolume): ValidateVolumeCapabilitiesResponse {
  const { volumeContext, volumeCapabilities, parameters, mutableParameters } = request;
  const problems = volumeCapabilities.flatMap((capability) => problemWith(capability, volume.spec.kind) ?? []);
  if (problems.length > 0) return { confirmed: undefined, message: problems.join('; ') };
  return { confirmed: { volumeContext, volumeCapabilities, parameters, mutableParameters }, message: '' };
}
