import { bytes } from '../../model/bytes.ts';
import { sealedIn } from '../../model/encryption.ts';
import type { SourceFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo } from '../../model/needed-data.ts';
import type { ObjectMeta } from '../../model/objects.ts';
import { present } from '../../model/present.ts';
import {
  ANY_MODE,
  RESTORE_SOURCE,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from '../../model/snapshot-objects.ts';

/** What is kept of a VolumeSnapshot. */
export interface SnapshotView {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  /** Name of its VolumeSnapshotContent; empty: none yet. */
  readonly content: string;
  readonly ready: boolean;
  /** It is being deleted, and csi-provisioner makes nothing from it any more. */
  readonly leaving?: true;
  /** snapshot-controller says that something is wrong with it, as where it does not find its content any more. */
  readonly failed?: true;
}

/** What is kept of a VolumeSnapshotContent. */
export interface ContentView {
  readonly name: string;
  /** Of the VolumeSnapshot that it is for; empty: not known yet. */
  readonly uid: string;
  readonly driver: string;
  /** CSI snapshot id; empty: none yet. */
  readonly handle: string;
  /** `status.readyToUse`. */
  readonly ready: boolean;
  /** `namespace/name` of the VolumeSnapshot that it is for: both must name each other. */
  readonly snapshot: string;
  /** It is being deleted. */
  readonly leaving?: true;
  /** Somebody gave it the handle of a snapshot that was there: the snapshot was not taken for it. */
  readonly given?: true;
  /** The only volumeMode that csi-provisioner makes claims of from it; absent: any. */
  readonly mode?: string;
}

export const viewOfSnapshot = ({ metadata, status }: VolumeSnapshot): SnapshotView => ({
  key: `${metadata.namespace}/${metadata.name}`,
  uid: metadata.uid ?? '',
  content: status?.boundVolumeSnapshotContentName ?? '',
  ready: status?.readyToUse === true,
  ...(metadata.deletionTimestamp !== undefined && !metadata.finalizers?.includes(RESTORE_SOURCE) && { leaving: true }),
  ...(status?.error !== undefined && status.readyToUse !== true && { failed: true }),
});

export const viewOfContent = ({ metadata, spec, status }: VolumeSnapshotContent): ContentView => {
  const { driver = '', volumeSnapshotRef = {}, source = {} } = spec ?? {};
  const { namespace, name, uid = '' } = volumeSnapshotRef;
  const handle = status?.snapshotHandle ?? source.snapshotHandle ?? '';
  const ready = status?.readyToUse === true;
  return {
    ...{ name: metadata.name ?? '', uid, driver, handle, ready, snapshot: `${namespace}/${name}` },
    ...(source.snapshotHandle === undefined ? {} : { given: true }),
    ...present({ leaving: isLeaving(metadata), mode: modeOf(metadata, spec) }),
  };
};

const isLeaving = ({ deletionTimestamp }: ObjectMeta): true | undefined =>
  deletionTimestamp === undefined ? undefined : true;

/** What allows others is read as ParseBool of Go reads it, which csi-provisioner asks. */
const modeOf = ({ annotations = {} }: ObjectMeta, spec: VolumeSnapshotContent['spec']): string | undefined =>
  /^(1|t|T|true|True|TRUE)$/.test(annotations[ANY_MODE] ?? '') ? undefined : spec?.sourceVolumeMode;

/** What is known besides when it is asked what a VolumeSnapshot gives. */
export interface KnownContents {
  /** By name. */
  content(name: string): ContentView | undefined;
  /** All that there are were heard of. */
  readonly isListed: boolean;
  volume(name: string): LocalVolume | undefined;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
}

/** What the ledger is told of a VolumeSnapshot: what it gives, or that it is there and may give something yet. */
export function sourceFacts(snapshot: SnapshotView, known: KnownContents): SourceFacts {
  const [namespace = '', name = ''] = snapshot.key.split('/');
  const content = known.content(snapshot.content);
  const waits = { namespace, name, node: '', readOnly: false, waits: true } as const;
  if (!content && known.isListed && snapshot.failed && snapshot.content !== '')
    return { namespace, name, node: '', readOnly: false, problem: goneContent(snapshot.content) };
  return sourceOf(snapshot, content, content && known.volume(content.handle), known.drivers) ?? waits;
}

const goneContent = (content: string): string =>
  `its VolumeSnapshotContent ${content} is gone: make it from another VolumeSnapshot`;

/**
 * What claims made from a VolumeSnapshot get, or why none can be made from it; undefined while that may still change,
 * so that a pod waits for it. What a claim gets was decided when the snapshot was taken, and is read from its
 * LocalVolume (docs/decisions/0015-what-a-snapshot-gives.md).
 */
export function sourceOf(
  { key, ready, leaving }: SnapshotView,
  content: ContentView | undefined,
  volume: LocalVolume | undefined,
  drivers: readonly string[],
): SourceFacts | undefined {
  if (!content || content.snapshot !== key || content.handle === '') return undefined;
  const [namespace = '', name = ''] = key.split('/');
  const problem = drivers.includes(content.driver)
    ? problemOf(volume, { handle: content.handle, ready, leaving })
    : `it is a snapshot of the CSI driver ${content.driver}`;
  if (problem !== undefined) return { namespace, name, node: '', readOnly: false, problem };
  return volume && ready ? servedBy(volume, { namespace, name, ...present({ mode: content.mode }) }) : undefined;
}

function servedBy(
  volume: LocalVolume,
  snapshot: Pick<SourceFacts, 'namespace' | 'name' | 'mode'>,
): SourceFacts | undefined {
  const { spec, status } = volume;
  if (status?.phase !== 'Ready') return undefined;
  const { sourceBytes } = status.snapshot ?? {};
  const { requiredBytes } = spec.request ?? {};
  const size = sourceBytes === undefined ? undefined : bytes(sourceBytes);
  const least = requiredBytes === undefined ? undefined : bytes(requiredBytes);
  return {
    ...snapshot,
    node: spec.nodeName,
    readOnly: spec.restore === 'Mount',
    ...present({ size, least, sealed: sealedIn(volume) }),
  };
}

function problemOf(
  volume: LocalVolume | undefined,
  { handle, ready, leaving }: Pick<ContentView, 'handle' | 'ready'> & { readonly leaving: true | undefined },
): string | undefined {
  if (volume?.spec.role !== 'Snapshot') return ready ? `no node has ${handle}` : undefined;
  if (leaving || isLetGo(volume)) return 'it is being deleted';
  return volume.status?.snapshot?.overflowed
    ? 'it overflowed: its store was full, and what it held is lost'
    : undefined;
}
