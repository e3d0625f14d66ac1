import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { VolumeCapability } from '../../src/csi/gen/csi.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, Pod, PodVolumeSource } from '../../src/model/objects.ts';
import { capabilitiesOf, type NodeCalls } from './csi-calls.ts';
import { storageOf } from './resizer.ts';

/** Mount of one volume for one pod on one node. */
export interface MountedVolume {
  readonly volumeId: string;
  /** Undefined for an inline volume, which is published without being staged. */
  readonly stagingPath: string | undefined;
  readonly targetPath: string;
  readonly capability: VolumeCapability;
  /** Whose data is sent when it is staged. */
  readonly stageSecret?: SecretRef | undefined;
}

/** A CSI volume that is written in the pod itself. */
export type InlineSource = PodVolumeSource & { readonly csi: NonNullable<PodVolumeSource['csi']> };

/** Lists the inline volumes of a pod that are this driver's. */
export const inlineVolumesOf = (pod: Pod, driver: string): InlineSource[] =>
  (pod.spec?.volumes ?? []).filter((source): source is InlineSource => source.csi?.driver === driver);

export interface PodVolumes {
  /** Finds the paths of the mount. Throws Fault `precondition` for a volume that cannot be mounted. */
  target(pod: Pod, volume: PersistentVolume): MountedVolume;
  /** Finds the path and the name of an inline volume. */
  inlineTarget(pod: Pod, source: InlineSource): MountedVolume;
  /** Stages the volume, unless it is an inline one, and publishes it for the pod. */
  mount(
    pod: Pod,
    target: MountedVolume,
    attributes: Readonly<Record<string, string>> | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Unpublishes the volume. With `last` (no other pod of the node uses it) unstages it too. */
  unmount(volume: MountedVolume, use: { readonly last: boolean }, signal: AbortSignal): Promise<void>;
  /** Grows the filesystem to the volume's capacity. */
  expand(mounted: MountedVolume, volume: PersistentVolume, signal: AbortSignal): Promise<void>;
}

const CALL_TIMEOUT_MS = 30_000;

/** What the Secret has that a PersistentVolume names; nothing where it names none. */
export type SecretsAt = (ref: SecretRef | undefined, signal: AbortSignal) => Promise<Record<string, string>>;

interface SecretRef {
  readonly name: string;
  readonly namespace: string;
}

/** Makes the volume half of a kubelet, with its paths under `directory` (`/var/lib/kubelet` on a real node). */
export function createPodVolumes(node: NodeCalls, directory: string, secretsAt: SecretsAt): PodVolumes {
  return {
    target: (pod, volume) => targetOf(pod, volume, directory),
    inlineTarget: (pod, source) => inlineTargetOf(pod, source, directory),
    mount: async (pod, { volumeId, capability, stagingPath, targetPath, stageSecret }, attributes, signal) => {
      const volumeContext = { ...attributes };
      const common = { volumeId, publishContext: {}, secrets: {}, volumeCapability: capability };
      if (stagingPath !== undefined) {
        await mkdir(stagingPath, { recursive: true });
        const secrets = await secretsAt(stageSecret, signal);
        await node.nodeStageVolume(
          { ...common, secrets, stagingTargetPath: stagingPath, volumeContext },
          withTimeout(signal),
        );
      }
      await mkdir(path.dirname(targetPath), { recursive: true });
      await node.nodePublishVolume(
        {
          ...common,
          stagingTargetPath: stagingPath ?? '',
          targetPath,
          readonly: false,
          volumeContext: { ...volumeContext, ...podInfo(pod, { ephemeral: stagingPath === undefined }) },
        },
        withTimeout(signal),
      );
    },
    unmount: async ({ volumeId, stagingPath, targetPath }, { last }, signal) => {
      await node.nodeUnpublishVolume({ volumeId, targetPath }, withTimeout(signal));
      if (last && stagingPath !== undefined)
        await node.nodeUnstageVolume({ volumeId, stagingTargetPath: stagingPath }, withTimeout(signal));
    },
    expand: async ({ volumeId, targetPath, stagingPath, capability }, volume, signal) => {
      const capacityRange = { requiredBytes: BigInt(storageOf(volume.spec?.capacity)), limitBytes: 0n };
      await node.nodeExpandVolume(
        {
          volumeId,
          volumePath: targetPath,
          stagingTargetPath: stagingPath ?? '',
          capacityRange,
          volumeCapability: capability,
          secrets: await secretsAt(volume.spec?.csi?.nodeExpandSecretRef, signal),
        },
        withTimeout(signal),
      );
    },
  };
}

const withTimeout = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);

function targetOf(pod: Pod, { metadata, spec }: PersistentVolume, directory: string): MountedVolume {
  const { driver = '', volumeHandle = '', fsType = '', nodeStageSecretRef } = spec?.csi ?? {};
  const [capability] = capabilitiesOf(spec, { fsType, mountFlags: spec?.mountOptions ?? [] });
  if (!capability) throw new Fault('precondition', `volume ${metadata.name ?? ''} has no access mode`);
  return {
    volumeId: volumeHandle,
    capability,
    stagingPath: path.join(directory, 'plugins/kubernetes.io/csi', driver, volumeHandle, 'globalmount'),
    targetPath: targetPathOf(pod, metadata.name ?? '', directory),
    stageSecret: nodeStageSecretRef,
  };
}

/** As https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/volume/csi/csi_plugin.go, `makeVolumeHandle`. */
function inlineTargetOf(pod: Pod, { name, csi: { fsType = '' } }: InlineSource, directory: string): MountedVolume {
  const hash = createHash('sha256')
    .update(`${pod.metadata.uid ?? ''}${name}`)
    .digest('hex');
  const [capability] = capabilitiesOf({ accessModes: ['ReadWriteOnce'] }, { fsType }) as [VolumeCapability];
  return {
    volumeId: `csi-${hash}`,
    capability,
    stagingPath: undefined,
    targetPath: targetPathOf(pod, name, directory),
  };
}

const targetPathOf = ({ metadata: { uid = '' } }: Pod, name: string, directory: string): string =>
  path.join(directory, 'pods', uid, 'volumes/kubernetes.io~csi', name, 'mount');

/** Volume context that the kubelet adds when the CSIDriver object has podInfoOnMount. */
const podInfo = ({ metadata }: Pod, { ephemeral }: { readonly ephemeral: boolean }): Record<string, string> => ({
  'csi.storage.k8s.io/pod.name': metadata.name ?? '',
  'csi.storage.k8s.io/pod.namespace': metadata.namespace ?? '',
  'csi.storage.k8s.io/pod.uid': metadata.uid ?? '',
  'csi.storage.k8s.io/ephemeral': String(ephemeral),
});
