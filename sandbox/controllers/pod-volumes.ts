import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { VolumeCapability } from '../../src/csi/gen/csi.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, Pod } from '../../src/model/objects.ts';
import { capabilitiesOf, type NodeCalls } from './csi-calls.ts';
import { storageOf } from './resizer.ts';

/** Mount of one volume for one pod on one node. */
export interface MountedVolume {
  readonly volumeId: string;
  readonly claimName: string;
  readonly stagingPath: string;
  readonly targetPath: string;
  readonly capability: VolumeCapability;
}

export interface PodVolumes {
  /** Finds the paths of the mount. Throws Fault `precondition` for a volume that cannot be mounted. */
  target(pod: Pod, claimName: string, volume: PersistentVolume): MountedVolume;
  /** Stages and publishes the volume for the pod. */
  mount(pod: Pod, target: MountedVolume, volume: PersistentVolume, signal: AbortSignal): Promise<void>;
  /** Unpublishes the volume. With `last` (no other pod of the node uses it) unstages it too. */
  unmount(volume: MountedVolume, use: { readonly last: boolean }, signal: AbortSignal): Promise<void>;
  /** Grows the filesystem to the volume's capacity. */
  expand(mounted: MountedVolume, volume: PersistentVolume, signal: AbortSignal): Promise<void>;
}

const CALL_TIMEOUT_MS = 30_000;

/** Makes the volume half of a kubelet, with its paths under `directory` (`/var/lib/kubelet` on a real node). */
export function createPodVolumes(node: NodeCalls, directory: string): PodVolumes {
  return {
    target: (pod, claimName, volume) => targetOf(pod, claimName, volume, directory),
    mount: async (pod, mounted, volume, signal) => {
      const context = { ...volume.spec?.csi?.volumeAttributes };
      const common = {
        volumeId: mounted.volumeId,
        publishContext: {},
        secrets: {},
        volumeCapability: mounted.capability,
      };
      await mkdir(mounted.stagingPath, { recursive: true });
      await mkdir(path.dirname(mounted.targetPath), { recursive: true });
      await node.nodeStageVolume(
        { ...common, stagingTargetPath: mounted.stagingPath, volumeContext: context },
        withTimeout(signal),
      );
      await node.nodePublishVolume(
        {
          ...common,
          stagingTargetPath: mounted.stagingPath,
          targetPath: mounted.targetPath,
          readonly: false,
          volumeContext: { ...context, ...podInfo(pod) },
        },
        withTimeout(signal),
      );
    },
    unmount: async ({ volumeId, stagingPath, targetPath }, { last }, signal) => {
      await node.nodeUnpublishVolume({ volumeId, targetPath }, withTimeout(signal));
      if (last) await node.nodeUnstageVolume({ volumeId, stagingTargetPath: stagingPath }, withTimeout(signal));
    },
    expand: async ({ volumeId, targetPath, stagingPath, capability }, volume, signal) => {
      const capacityRange = { requiredBytes: BigInt(storageOf(volume.spec?.capacity)), limitBytes: 0n };
      await node.nodeExpandVolume(
        {
          volumeId,
          volumePath: targetPath,
          stagingTargetPath: stagingPath,
          capacityRange,
          volumeCapability: capability,
          secrets: {},
        },
        withTimeout(signal),
      );
    },
  };
}

const withTimeout = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);

function targetOf(pod: Pod, claimName: string, { metadata, spec }: PersistentVolume, directory: string): MountedVolume {
  const { driver = '', volumeHandle = '', fsType = '' } = spec?.csi ?? {};
  const [capability] = capabilitiesOf(spec, { fsType, mountFlags: spec?.mountOptions ?? [] });
  if (!capability) throw new Fault('precondition', `volume ${metadata.name ?? ''} has no access mode`);
  return {
    volumeId: volumeHandle,
    claimName,
    capability,
    stagingPath: path.join(directory, 'plugins/kubernetes.io/csi', driver, volumeHandle, 'globalmount'),
    targetPath: path.join(
      directory,
      'pods',
      pod.metadata.uid ?? '',
      'volumes/kubernetes.io~csi',
      metadata.name ?? '',
      'mount',
    ),
  };
}

/** Volume context that the kubelet adds when the CSIDriver object has podInfoOnMount. */
const podInfo = ({ metadata }: Pod): Record<string, string> => ({
  'csi.storage.k8s.io/pod.name': metadata.name ?? '',
  'csi.storage.k8s.io/pod.namespace': metadata.namespace ?? '',
  'csi.storage.k8s.io/pod.uid': metadata.uid ?? '',
  'csi.storage.k8s.io/ephemeral': 'false',
});
