import { nodeTraitsOf, type NodeTraits } from '../../model/node-choice.ts';
import { present } from '../../model/present.ts';
import { closedStorage, cordonOf } from '../../model/cordon.ts';
import { nodeStorage, type DecodedNode } from '../../model/decode-node.ts';
import { claimFacts } from '../../model/decode-claim.ts';
import { podFacts, pvFacts } from '../../model/decode.ts';
import type { ClaimFacts, PodFacts, PvFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type {
  NlsDevice,
  Node,
  NodeLocalStorage,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../model/objects.ts';
import { storageTroubles, type StorageTroubles } from '../../model/storage-troubles.ts';
import { lacksKeep, missingMarks } from '../../model/volume-marks.ts';
import { APP_COMPONENT, FORMATTED, KEEP, LOST, SNAPSHOT_CONTENT } from '../../model/well-known.ts';

/** What is kept of a Node. */
export type NodeView = NodeTraits;

/** What is kept of a NodeLocalStorage: what it asks for, and what its status says in our own words. */
export interface StorageView extends DecodedNode {
  readonly name: string;
  readonly uid: string;
  readonly spec: NodeLocalStorage['spec'];
  /** The disks of each group as the node last reported them. */
  readonly disks: Readonly<Record<string, readonly string[]>>;
  /** What the node's report says is wrong. */
  readonly troubles: StorageTroubles;
  /**
   * Disks in no use that can be seen from outside, and that no include of the configuration offers to claims. Nobody
   * has looked whether they are blank. Absent: none.
   */
  readonly unoffered?: readonly Pick<NlsDevice, 'name' | 'total' | 'mediaType'>[];
  /** Names of what an administrator cordoned (model/cordon.ts); absent: nothing. */
  readonly cordon?: ReadonlySet<string>;
  /** How many things its agent refuses; absent: none, or it has not said. */
  readonly refused?: number;
  /** Reasons of its conditions that do not hold, one for each; absent: all hold. */
  readonly refusals?: readonly string[];
  /** Reasons for which disks of it fail, one for each disk; absent: none. */
  readonly failing?: readonly string[];
  /** When its agent last reported, by the agent's clock: ms since 1970; absent: never. */
  readonly reportedAt?: number;
  /** An agent of ours made the report: that of open-local before us has no conditions. */
  readonly isOurs: boolean;
  /** Its agent has stopped reporting: what is free in its storage is kept back from new volumes. */
  readonly silent?: true;
  /** Its kubelet does not know the driver: what is free in its storage is kept back from new volumes, too. */
  readonly unregistered?: true;
  /** Why an administrator calls the node lost; its storage is then empty, so that nothing is placed there. */
  readonly lost?: string;
}

/** What is kept of a PersistentVolume: for the ledger, and for the metrics. */
export interface PvView {
  readonly facts: PvFacts;
  readonly phase: string;
  /** Its data stays, whatever its phase: a claim has it or may have it, or it is to be retained. */
  readonly keepsData: boolean;
  /** The claim's names, for the metrics; empty where the volume takes no room of ours, since no metric shows it. */
  readonly claim: { readonly namespace: string; readonly name: string };
}

/**
 * How each kind of object is kept. A large cluster has a hundred thousand of them, so every field and every copy of a
 * text costs.
 */
export interface Views {
  readonly node: (node: Node) => NodeView;
  readonly storage: (nls: NodeLocalStorage) => StorageView;
  /**
   * Its spec and status, and of its metadata name, uid and deletionTimestamp; of its annotations KEEP and LOST while it
   * is being deleted, SNAPSHOT_CONTENT of a snapshot, and FORMATTED where the spec names no filesystem. Of its labels
   * and finalizers nothing, but all where one of ours is missing, or KEEP (volume-marks.ts).
   */
  readonly volume: (volume: LocalVolume) => LocalVolume;
  readonly pod: (pod: Pod) => PodFacts;
  readonly claim: (claim: PersistentVolumeClaim) => ClaimFacts;
  readonly pv: (pv: PersistentVolume) => PvView;
}

const NO_CLAIM = { namespace: '', name: '' };
const NO_VOLUMES: PodFacts['volumes'] = [];
/** More than the names of nodes, volumes, groups and namespaces, and uids of claims, in use in a very large cluster. */
const MAX_TEXTS = 200_000;

/** `drivers` are the names of CSI drivers that are ours. */
export function createViews(drivers: readonly string[]): Views {
  const share = createSharing(MAX_TEXTS);
  return {
    node: (node) => share(nodeTraitsOf(node), 'name'),
    storage: (nls) => {
      const view = storageView(nls);
      for (const group of view.storage.groups) {
        share(group, 'name');
        for (const volume of group.volumes) share(volume, 'name');
      }
      return share(view, 'name');
    },
    volume: ({ metadata, spec, status }) => ({
      metadata: share(
        { ...identityOf(metadata, annotationsRead(metadata, spec)), ...marksRead({ metadata, spec }) },
        'name',
      ),
      spec: {
        ...share(spec, 'nodeName', 'vgName', 'fsType'),
        ...(spec.claim && { claim: share(spec.claim, 'namespace', 'uid') }),
        ...(spec.request && { request: share(spec.request, 'name', 'parameters') }),
      },
      ...(status && { status: share(status, 'phase') }),
    }),
    pod: (pod) => {
      const facts = podFacts(pod, drivers);
      const isAgent = pod.metadata.labels?.[APP_COMPONENT] === 'agent' ? { isAgent: true as const } : {};
      const { phase = 'Pending' } = pod.status ?? {};
      const volumes = phase === 'Pending' && !facts.finished ? facts.volumes : inlineOf(facts);
      const unseenBy = unseenByOf(pod);
      return share({ ...facts, volumes, ...isAgent, ...present({ unseenBy }) }, 'namespace', 'nodeName');
    },
    claim: (claim) => {
      share(claim.metadata, 'uid');
      return share(claimFacts(claim), 'namespace', 'storageClass', 'volumeName', 'selectedNode');
    },
    pv: (pv) => {
      const facts = pvFacts(pv);
      const { claimRef, persistentVolumeReclaimPolicy } = pv.spec ?? {};
      const { namespace = '', name = '' } = claimRef ?? {};
      const phase = pv.status?.phase ?? '';
      return {
        facts: share(facts, 'name', 'handle', 'driver', 'node', 'claimUid'),
        phase,
        keepsData: phase === 'Bound' || facts.offer !== undefined || persistentVolumeReclaimPolicy === 'Retain',
        claim: facts.takes ? { namespace, name } : NO_CLAIM,
      };
    },
  };
}

function storageView(nls: NodeLocalStorage): StorageView {
  const { name = '', uid = '' } = nls.metadata;
  const { storage, problems } = nodeStorage(nls);
  const groups = nls.status?.nodeStorageInfo?.volumeGroups ?? [];
  const disks = Object.fromEntries(groups.map((group) => [group.name, group.physicalVolumes ?? []]));
  const unoffered = unofferedDisks(nls);
  const failing = nls.status?.failingDisks?.map(({ reason }) => reason);
  const cordon = cordonOf(nls);
  const isOurs = nls.status?.conditions !== undefined;
  const told = { problems, disks, isOurs, troubles: storageTroubles(nls) };
  const common = {
    name,
    uid,
    spec: nls.spec,
    ...told,
    ...present({ unoffered, failing, cordon: cordon.size > 0 ? cordon : undefined }),
    ...reportOf(nls.status),
  };
  return { ...common, ...countedOf(nls, storage) };
}

/** Its storage as far as it counts, and why if not all does. */
function countedOf(
  nls: NodeLocalStorage,
  storage: StorageView['storage'],
): Pick<StorageView, 'storage' | 'lost' | 'unregistered'> {
  const lost = nls.metadata.annotations?.[LOST];
  if (lost !== undefined) return { lost, storage: { ...storage, groups: [], units: [] } };
  return isUnregistered(nls) ? { unregistered: true, storage: closedStorage(storage) } : { storage };
}

/** csi-provisioner makes no volume on such a node, and never takes a claim back from it. */
const isUnregistered = ({ status }: NodeLocalStorage): boolean =>
  (status?.conditions ?? []).some(({ type, status: holds }) => type === 'DriverRegistered' && holds === 'False');

function reportOf(status: NodeLocalStorage['status']): Pick<StorageView, 'refused' | 'refusals' | 'reportedAt'> {
  const reasons = (status?.conditions ?? [])
    .filter(({ type, status: holds }) => holds === 'False' && !type.startsWith('Disk/'))
    .map(({ reason }) => reason);
  const reportedAt = Date.parse(status?.nodeStorageInfo?.state?.lastHeartbeatTime ?? '');
  return present({
    refused: status?.summary?.refused,
    refusals: reasons.length === 0 ? undefined : reasons,
    reportedAt: Number.isNaN(reportedAt) ? undefined : reportedAt,
  });
}

function unofferedDisks({ status }: NodeLocalStorage): StorageView['unoffered'] {
  const offered = status?.filteredStorageInfo?.devices ?? [];
  const disks = (status?.nodeStorageInfo?.deviceInfo ?? [])
    .filter(({ name, inUse, readOnly }) => inUse === undefined && !readOnly && !offered.includes(name))
    .map(({ name, total, mediaType }) => ({ name, total, ...present({ mediaType }) }));
  return disks.length > 0 ? disks : undefined;
}

/** What is read of a volume: of one that is being deleted, of a snapshot, and where the spec names no filesystem. */
function annotationsRead({ deletionTimestamp }: ObjectMeta, { role, fsType }: LocalVolume['spec']): readonly string[] {
  const read: string[] = [];
  if (deletionTimestamp !== undefined) read.push(KEEP, LOST);
  if (role === 'Snapshot') read.push(SNAPSHOT_CONTENT);
  if (fsType === undefined) read.push(FORMATTED);
  return read;
}

const marksRead = (volume: LocalVolume): Pick<ObjectMeta, 'labels' | 'finalizers'> =>
  missingMarks(volume) === undefined && !lacksKeep(volume)
    ? {}
    : { labels: volume.metadata.labels ?? {}, finalizers: volume.metadata.finalizers ?? [] };

const identityOf = (
  { name, uid, deletionTimestamp, annotations = {} }: ObjectMeta,
  read: readonly string[],
): ObjectMeta => ({ ...present({ name, uid, deletionTimestamp }), ...pick(annotations, read) });

function pick(annotations: Readonly<Record<string, string>>, read: readonly string[]): Pick<ObjectMeta, 'annotations'> {
  const found = Object.entries(annotations).filter(([key]) => read.includes(key));
  return found.length === 0 ? {} : { annotations: Object.fromEntries(found) };
}

/** A scheduling gate is told as a condition, too, by the API server. */
const unseenByOf = ({ spec, status }: Pod): string | undefined =>
  spec?.nodeName || status?.conditions?.some(({ type }) => type === 'PodScheduled')
    ? undefined
    : spec?.schedulerName || undefined;

/** Of a pod that runs or has ended, which asks for no claim any more. No other object knows its inline volumes. */
function inlineOf({ volumes }: PodFacts): PodFacts['volumes'] {
  const inline = volumes.filter(({ kind }) => kind === 'inline');
  return inline.length > 0 ? inline : NO_VOLUMES;
}

/**
 * Replaces equal texts in fields of objects by one, in place: JSON.parse makes a copy of each. Starts anew at `max`
 * texts.
 */
function createSharing(max: number): <T extends object>(object: T, ...fields: readonly (keyof T)[]) => T {
  const texts = new Map<string, string>();
  return (object, ...fields) => {
    for (const field of fields) {
      const text: unknown = object[field];
      if (typeof text !== 'string') continue;
      const known = texts.get(text);
      if (known !== undefined) {
        (object as Record<keyof typeof object, unknown>)[field] = known;
        continue;
      }
      if (texts.size >= max) texts.clear();
      texts.set(text, text);
    }
    return object;
  };
}
