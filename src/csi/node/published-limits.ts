import type { NodeVolume } from './node-volumes.ts';

/**
 * IO limits of pods on their volumes; the agent supplies them. Never throws: a limit that cannot be set is an Event,
 * and the pod starts.
 */
export interface PublishedLimits {
  /** Called after a volume was mounted for a pod: resolves once its limits are set, or cannot be. */
  apply(volume: NodeVolume, pod: string | undefined, signal: AbortSignal): Promise<void>;
  /** Called after a volume was unmounted from the path. */
  lift(targetPath: string, signal: AbortSignal): Promise<void>;
}

/** Paths at which the kubelet wants volumes published: pkg/volume/csi/csi_mounter.go and csi_block.go. */
const TARGETS = [
  /\/pods\/(?<pod>[^/]+)\/volumes\/kubernetes\.io~csi\/(?<volume>[^/]+)\/mount$/,
  /\/plugins\/kubernetes\.io\/csi\/volumeDevices\/publish\/(?<volume>[^/]+)\/(?<pod>[^/]+)$/,
];

/** The uid of the pod that a path belongs to; undefined when it is not one that the kubelet uses. */
export const podOfTarget = (targetPath: string): string | undefined => partOf(targetPath, 'pod');

/** The name of the PersistentVolume, or of the inline volume, that is published there. */
export const volumeOfTarget = (targetPath: string): string | undefined => partOf(targetPath, 'volume');

const partOf = (targetPath: string, part: 'pod' | 'volume'): string | undefined =>
  TARGETS.map((pattern) => pattern.exec(targetPath)?.groups?.[part]).find((name) => name !== undefined);
