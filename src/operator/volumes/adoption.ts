import type { Topology } from '../../csi/ports.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { volumeLabels } from '../../model/node-label.ts';
import { present } from '../../model/present.ts';
import { KEEP, VOLUME_FINALIZER } from '../../model/well-known.ts';
import type { StorageView } from '../follow/views.ts';

/** What becomes of a volume that was made before us and has no LocalVolume: docs/decisions/0021. */
export type Adoption =
  /** It is where it is said to be: this is its record. */
  | { readonly kind: 'adopt'; readonly volume: LocalVolume; /** A sentence for people. */ readonly note?: string }
  /** It cannot be told yet: the node's agent has not reported, or another volume comes first. */
  | { readonly kind: 'wait'; readonly node?: string; readonly volume?: string }
  /** What is recorded of it does not fit what its node has; `why` is a sentence with what to do. */
  | { readonly kind: 'refuse'; readonly node?: string; readonly why: string }
  /** It is none, or is on its way out. */
  | { readonly kind: 'leave' };

/** What is known of the cluster. */
export interface Known {
  readonly storages: ReadonlyMap<string, StorageView>;
  readonly volumes: ReadonlyMap<string, LocalVolume>;
  readonly topology: Pick<Topology, 'nodesAt'>;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
}

export const LEAVE: Adoption = { kind: 'leave' };
/** An agent of ours has reported there, and nobody calls the node lost. */
export const isReporting = (view: StorageView | undefined): view is StorageView =>
  view !== undefined && view.isOurs && view.lost === undefined;

/** A logical volume as its node reports it. */
export const volumeIn = (view: StorageView | undefined, vgName: string, name: string) =>
  view?.storage.groups.find((group) => group.name === vgName)?.volumes.find((volume) => volume.name === name);

/** The record of a volume that is where it is said to be; `keep` is the value of KEEP. */
export const record = (
  name: string,
  nodeName: string,
  keep: string | undefined,
  spec: Omit<LocalVolume['spec'], 'nodeName' | 'adopted'>,
): LocalVolume => ({
  metadata: {
    name,
    labels: volumeLabels(nodeName),
    ...(keep === undefined ? {} : { annotations: { [KEEP]: keep } }),
    finalizers: [VOLUME_FINALIZER],
  },
  spec: { nodeName, ...spec, adopted: true },
});

/** `why` is a sentence without its full stop. */
export const refuse = (why: string, node?: string): Adoption => ({
  kind: 'refuse',
  why: `${why}.`,
  ...present({ node }),
});
