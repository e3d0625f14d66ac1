import type { Trace, Traces } from '../../csi/ports.ts';
import type { KubeClient } from '../../kube/client.ts';
import { createBoundedMap } from '../../kube/events/bounded-map.ts';
import { find } from '../../kube/find.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import type { PvFacts } from '../../model/facts.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { untilCalled } from '../../wait/abort.ts';
import type { Informers } from '../follow/informers.ts';
import type { SnapshotContents } from '../follow/snapshot-contents.ts';

export interface TracesDeps {
  readonly client: Pick<KubeClient, 'get'>;
  readonly informers: Pick<Informers, 'nodes' | 'storages' | 'volumes' | 'pvs'>;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly contents: Pick<SnapshotContents, 'keptBy' | 'givenTo'>;
  /** How long a node has to report that it removed a volume, in ms. */
  readonly reportMs?: number;
}

/** Volumes whose objects went lately; DeleteVolume is called again for some of them. */
const REMEMBERED = 1000;

/** Looks for volumes in what nodes report and in PersistentVolumes, whether they have a LocalVolume or not. */
export function createTraces(deps: TracesDeps): Traces {
  const { client, informers, drivers, contents, reportMs = 5000 } = deps;
  const { nodes, storages, volumes, pvs } = informers;
  const gone = createBoundedMap<true>(REMEMBERED);
  volumes.subscribe({ deleted: ({ metadata }) => gone.set(metadata.name ?? '', true) });
  const pvsOf = (id: string) => pvs.ofHandle(id).filter(({ facts }) => drivers.includes(facts.driver));
  const pvOf = (id: string): PvFacts | undefined => pvsOf(id)[0]?.facts;
  /** A node that is gone, or that an administrator calls lost, is asked for nothing. */
  const isAsked = (node: string): boolean => nodes.get(node) !== undefined && storages.get(node)?.lost === undefined;
  const look = async (id: string, signal: AbortSignal): Promise<Trace> => {
    const pv = pvOf(id);
    const home = pv?.node !== undefined && isAsked(pv.node) ? pv.node : undefined;
    const elsewhere = [...storages.values.values()]
      .filter(({ name }) => name !== home && isAsked(name))
      .flatMap(({ name, storage }) =>
        storage.groups
          .filter((group) => group.volumes.some((one) => one.name === id))
          .map((group) => ({ node: name, vgName: group.name })),
      );
    const isTaken = (path: string): boolean =>
      [...volumes.values.values()].some(({ spec }) => spec.nodeName === home && spec.path === path);
    const report = home === undefined ? undefined : await reportOf(home, client, signal);
    return traceIn({
      id,
      elsewhere,
      isTaken,
      ...(home !== undefined && { home: { node: home, takes: pv?.takes, report } }),
    });
  };
  return {
    keptBy: (id) => {
      const found = pvsOf(id);
      return found.length < 2
        ? []
        : found.flatMap(({ facts, keepsData }) => (keepsData ? [facts.name] : [])).toSorted();
    },
    snapshotKeptBy: (id, signal) => contents.keptBy(id, signal),
    snapshotGivenTo: (id, signal) => contents.givenTo(id, signal),
    traceOf: async (id, signal) => {
      // Its object was let go because it, or its node, is lost: nothing is asked of its place.
      if (pvOf(id)?.letGo) return NONE;
      // An agent removes the object when the volume is gone, and reports that it is gone a moment later.
      const mayReport = gone.get(id) === undefined ? AbortSignal.abort() : AbortSignal.timeout(reportMs);
      let trace = await look(id, signal);
      while (trace.kind !== 'none' && (await hasReported(storages, AbortSignal.any([signal, mayReport])))) {
        trace = await look(id, signal);
      }
      return trace;
    },
  };
}

/** Waits for the next report of any node; false when the signal is aborted first. */
async function hasReported(storages: Pick<Informers['storages'], 'subscribe'>, signal: AbortSignal): Promise<boolean> {
  try {
    await untilCalled((tell) => storages.subscribe({ changed: (_, before) => before && tell() }), signal);
    return true;
  } catch {
    return false;
  }
}

async function reportOf(
  node: string,
  client: TracesDeps['client'],
  signal: AbortSignal,
): Promise<NodeLocalStorage | undefined> {
  try {
    return await find(client, NODE_LOCAL_STORAGES, { name: node }, signal);
  } catch (error) {
    throw new Fault('unavailable', `asking what node ${node} has: ${textOf(error)}`, { cause: error });
  }
}

interface Place {
  readonly node: string;
  readonly vgName: string;
}

interface Home {
  readonly node: string;
  readonly takes: PvFacts['takes'] | undefined;
  readonly report: NodeLocalStorage | undefined;
}

export interface Clues {
  readonly id: string;
  /** Where other nodes than its own report a logical volume of that name. */
  readonly elsewhere: readonly Place[];
  /** The node where its PersistentVolume says it is, what it takes there, and what the node reports. */
  readonly home?: Home;
  /** Whether another volume has the disk or mount point by now: then it was given back. */
  readonly isTaken: (path: string) => boolean;
}

/** Judges the clues. Only a logical volume in the very group where the PersistentVolume says it is counts as found. */
export function traceIn({ id, elsewhere, home, isTaken }: Clues): Trace {
  const places = [...elsewhere, ...placesAt(id, home)];
  const [place] = places;
  if (place === undefined) return home === undefined ? NONE : traceAt(home, isTaken);
  if (places.length === 1 && isPlaceOf(home, place)) return { kind: 'found', ...place };
  return { kind: 'doubtful', what: `${listed(id, places)}, and no PersistentVolume of ours says that it is there.` };
}

const NONE: Trace = { kind: 'none' };

function placesAt(id: string, home: Home | undefined): readonly Place[] {
  const groups = home?.report?.status?.nodeStorageInfo?.volumeGroups ?? [];
  return groups
    .filter(({ logicalVolumes = [] }) => logicalVolumes.some(({ name }) => name === id))
    .map(({ name }) => ({ node: home?.node ?? '', vgName: name }));
}

const isPlaceOf = (home: Home | undefined, { node, vgName }: Place): boolean =>
  node === home?.node && home.takes?.kind === 'LVM' && home.takes.where === vgName;

/** No node reports a logical volume of that name: whether its own node would, or can tell of its disk. */
function traceAt(home: Home, isTaken: Clues['isTaken']): Trace {
  const { node, takes, report } = home;
  const info = report?.status?.nodeStorageInfo;
  if (!info) return { kind: 'unknown', what: `node ${node} has not reported its storage; is its agent running?` };
  if (takes === undefined || (takes.kind !== 'LVM' && isTaken(takes.where))) return NONE;
  const { kind, where } = takes;
  const lists = { LVM: info.volumeGroups, Device: info.deviceInfo, MountPoint: info.mountPoints };
  if (!lists[kind]?.some(({ name }) => name === where))
    return { kind: 'unknown', what: `node ${node} does not report ${where}; bring its disks back.` };
  // No report tells what files are in a mount point: its agent looks.
  if (kind === 'MountPoint') return { kind: 'found', node, path: where };
  return kind === 'Device' ? traceOnDisk(where, home) : NONE;
}

function traceOnDisk(path: string, { node, report }: Home): Trace {
  const { nodeStorageInfo, filteredStorageInfo } = report?.status ?? {};
  const isManaged = filteredStorageInfo?.devices?.includes(path) === true;
  const unseen = 'the nlsc does not manage it any more, so nobody looks what is on it';
  const use = isManaged ? nodeStorageInfo?.deviceInfo?.find(({ name }) => name === path)?.inUse : unseen;
  return use === undefined ? NONE : { kind: 'doubtful', what: `${path} of node ${node} is not free: ${use}.` };
}

const listed = (id: string, places: readonly Place[]): string =>
  places.map(({ node, vgName }) => `node ${node} reports logical volume ${vgName}/${id}`).join(', ');
