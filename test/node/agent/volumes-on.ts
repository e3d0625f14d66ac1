import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../../../src/csi/gen/csi.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { LOCAL_VOLUMES } from '../../../src/kube/resource.ts';
import type { LocalVolume } from '../../../src/model/local-volume.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../../src/model/well-known.ts';
import { NODE, type AgentNode } from './agent-node.ts';
import type { Disk } from '../machine/disk.ts';
import { attachDisk, linkOf } from '../machine/vm.ts';

export const MIB = 1024 ** 2;
/** exponentialbackoff.go of the kubelet: the first wait. */
const KUBELET_RETRY_MS = 500;
const accessMode = { mode: Mode.SINGLE_NODE_WRITER };
export const mounted = (fsType: string): VolumeCapability => ({
  accessType: { $case: 'mount', value: { fsType, mountFlags: [], volumeMountGroup: '' } },
  accessMode,
});
export const block: VolumeCapability = { accessType: { $case: 'block', value: {} }, accessMode };

/** Path at which the kubelet publishes the volume to a pod: pkg/volume/csi. */
export const stagingOf = (name: string): string => `/var/lib/kubelet/plugins/kubernetes.io/csi/${name}/globalmount`;
export const targetOf = (name: string, pod = `of-${name}`): string =>
  `/var/lib/kubelet/pods/${pod}/volumes/kubernetes.io~csi/${name}/mount`;
export const blockTargetOf = (name: string, pod = `of-${name}`): string =>
  `/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/publish/${name}/${pod}`;

/** Actions of operator and kubelet for a claim on one node. All waits end with `signal`. */
export interface VolumesOn {
  /** Attaches a blank disk of so many MiB; resolves to its device. */
  blankDisk(serial: string, mib: number, more?: Partial<Disk>): Promise<string>;
  /** Makes a group of new blank disks of 2 GiB each. */
  makeGroup(name: string, serials: readonly string[]): Promise<void>;
  /** Writes the LocalVolume, and resolves once it is ready. */
  create(name: string, mib: number, more?: Partial<LocalVolume['spec']>): Promise<LocalVolume>;
  order(name: string, mib: number, more?: Partial<LocalVolume['spec']>): Promise<void>;
  /** Changes the spec of the LocalVolume. */
  change(name: string, spec: object): Promise<void>;
  until(name: string, wanted: (volume: LocalVolume) => boolean): Promise<LocalVolume>;
  delete(name: string): Promise<void>;
  untilGone(name: string): Promise<void>;
  /** `signal`, where given, ends the call and not the work that it asked for. */
  stage(name: string, capability: VolumeCapability, signal?: AbortSignal): Promise<void>;
  /**
   * Stages after a boot as the kubelet does: repeats while the answer is UNAVAILABLE. A boot may exchange the names of
   * disks; until the agent has inspected them this is its answer for a volume on a whole disk.
   */
  stageAfterBoot(name: string, capability: VolumeCapability): Promise<void>;
  /** Publishes a staged volume to a pod. */
  publish(name: string, capability: VolumeCapability, targetPath: string): Promise<void>;
  unpublish(name: string, targetPath: string): Promise<void>;
  unstage(name: string): Promise<void>;
  /** Runs bash on the node; throws unless it ends with 0. Resolves to what it printed, trimmed. */
  bash(script: string, timeoutMs?: number): Promise<string>;
}

export function volumesOn(node: AgentNode, signal: AbortSignal): VolumesOn {
  const { client, csi, vm } = node;
  const bash: VolumesOn['bash'] = async (script, timeoutMs = 60_000) =>
    (await vm.must(script, signal, { timeoutMs })).trim();
  const until: VolumesOn['until'] = async (name, wanted) => {
    // An API server ends each watch after some minutes.
    for (;;) {
      const { items, resourceVersion } = await client.list(LOCAL_VOLUMES, {}, signal);
      const found = items.find(({ metadata }) => metadata.name === name);
      if (found && wanted(found)) return found;
      for await (const event of client.watch(LOCAL_VOLUMES, { resourceVersion }, signal))
        if (event.type !== 'BOOKMARK' && event.object.metadata.name === name && wanted(event.object))
          return event.object;
    }
  };
  const order: VolumesOn['order'] = async (name, mib, more = {}) => {
    await client.create(LOCAL_VOLUMES, orderOf(name, mib, more), signal);
  };
  const blankDisk: VolumesOn['blankDisk'] = (serial, mib, more = {}) =>
    attachDisk(vm, { serial, mib, ...more }, signal);
  const requestOf = (name: string, volumeCapability: VolumeCapability) => ({
    ...{ volumeId: name, publishContext: {}, secrets: {}, volumeContext: {}, volumeCapability },
    stagingTargetPath: stagingOf(name),
  });

  const stage: VolumesOn['stage'] = async (name, capability, caller = signal) => {
    await bash(`mkdir -p ${stagingOf(name)}`);
    await csi.nodeStageVolume(requestOf(name, capability), caller);
  };

  return {
    bash,
    blankDisk,
    until,
    order,
    makeGroup: async (name, serials) => {
      for (const serial of serials) await blankDisk(serial, 2048);
      await node.ask({ resourceToBeInited: { vgs: [{ name, devices: serials.map(linkOf) }] } }, signal);
    },
    create: async (name, mib, more) => {
      await order(name, mib, more);
      return until(name, ({ status }) => status?.phase === 'Ready' && (status.sizeBytes ?? 0) >= mib * MIB);
    },
    change: async (name, spec) => {
      await client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body: { spec } }, signal);
    },
    delete: async (name) => {
      await client.delete(LOCAL_VOLUMES, { name }, signal);
    },
    untilGone: async (name) => {
      const { items, resourceVersion } = await client.list(LOCAL_VOLUMES, {}, signal);
      if (!items.some(({ metadata }) => metadata.name === name)) return;
      for await (const event of client.watch(LOCAL_VOLUMES, { resourceVersion }, signal))
        if (event.type === 'DELETED' && event.object.metadata.name === name) return;
      await client.get(LOCAL_VOLUMES, { name }, signal).then(
        () => Promise.reject(new Error('the watch ended')),
        (error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error as Error)),
      );
    },
    stage,
    stageAfterBoot: async (name, capability) => {
      while (!(await stage(name, capability).then(() => true, unlessUnavailable)))
        await delay(KUBELET_RETRY_MS, undefined, { signal });
    },
    publish: async (name, capability, targetPath) => {
      await bash(`mkdir -p ${path.dirname(targetPath)}`);
      await csi.nodePublishVolume({ ...requestOf(name, capability), targetPath, readonly: false }, signal);
    },
    unpublish: async (name, targetPath) => {
      await csi.nodeUnpublishVolume({ volumeId: name, targetPath }, signal);
    },
    unstage: async (name) => {
      await csi.nodeUnstageVolume({ volumeId: name, stagingTargetPath: stagingOf(name) }, signal);
    },
  };
}

/** Resolves to false for an answer after which the kubelet tries again; throws any other. */
function unlessUnavailable(error: unknown): false {
  if ((error as { code?: unknown }).code !== Code.UNAVAILABLE) throw error;
  return false;
}

/** Makes the LocalVolume that the operator writes for a claim. */
function orderOf(name: string, mib: number, more: Partial<LocalVolume['spec']>): LocalVolume {
  const where = more.kind === undefined ? { vgName: 'data' } : {};
  return {
    apiVersion: 'csi.aliyun.com/v1alpha1',
    kind: 'LocalVolume',
    metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
    spec: { nodeName: NODE, kind: 'LVM', ...where, sizeBytes: mib * MIB, role: 'Volume', ...more },
  };
}
