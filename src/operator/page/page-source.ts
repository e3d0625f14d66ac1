import type { Ledger } from '../../capacity/ledger.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { summaryOf, type VolumeSummary } from '../../model/volume-summary.ts';
import type { ListAsk, Listed } from '../../page/asking.ts';
import type { PageSource } from '../../page/source.ts';
import type { PodRow, Sees } from '../../page/wire.ts';
import type { Informers } from '../follow/informers.ts';
import type { CountedStorages } from '../follow/silent-nodes.ts';
import { describeAsked, type Told } from '../waiting/sentences.ts';
import type { RefusedClaims } from '../waiting/refused-claims.ts';
import { refusedClaimOf, waitsForUs } from '../waiting/waiting-pod.ts';
import { nodeDetail, nodeRow } from './node-rows.ts';
import { createPageIndex, nameInKey, type PageIndex } from './page-index.ts';
import { scan, type SortedNames } from './sorted-names.ts';
import { createTotals } from './totals.ts';
import { supposedPod, verdictOf } from './verdicts.ts';

export interface PageSourceDeps {
  readonly informers: Pick<Informers, 'nodes' | 'storages' | 'volumes' | 'pods'>;
  readonly ledger: Pick<Ledger, 'node' | 'lacks' | 'classesOf' | 'prioritize' | 'classes' | 'concerns'>;
  /** As the ledger hears of them. */
  readonly storages: Pick<CountedStorages, 'get'>;
  readonly refused: Pick<RefusedClaims, 'wordsOf'>;
  readonly notReady: () => string | undefined;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/** What the page shows, and what hears of what the operator tells pods. To be made before the informers run. */
export function createPageSource(deps: PageSourceDeps): PageSource & { onTold(pod: PodFacts, told: Told): void } {
  const { informers, ledger, storages } = deps;
  const index = createPageIndex(informers);
  const totals = createTotals(index, deps);
  const judged = { nodes: informers.nodes.values, storages, ledger };
  return {
    notReady: deps.notReady,
    onTold: (pod, told) => index.tell(pod, told),
    overview: async (sees, signal) => totals.overview(sees, signal),
    nodes: (ask) =>
      listed(index.nodes, ask, (name) => {
        const view = storages.get(name);
        if (!view || !hasIn(ask.search, name, view.storage.groups.map((group) => group.name).join(' ')))
          return undefined;
        return nodeRow(view, ledger.node(name));
      }),
    node: (name, sees) => {
      const view = storages.get(name);
      return view && nodeDetail(view, ledger.node(name), sees);
    },
    volumes: (ask, { sees, node, place }) => {
      const names = node === undefined ? index.volumes : index.volumesOf(node);
      return listed(names, ask, (key) => {
        const volume = informers.volumes.get(nameInKey(key));
        if (!volume || (place !== undefined && placeOf(volume) !== place)) return undefined;
        return hasIn(ask.search, key, volume.spec.nodeName, placeOf(volume)) ? summary(volume, sees, deps) : undefined;
      });
    },
    pods: (ask, namespace) => {
      const within = namespace === undefined ? {} : { prefix: `${namespace}/` };
      return listed(index.pods, { ...ask, ...within }, (key) => {
        const pod = informers.pods.get(key);
        return pod && hasIn(ask.search, key) && waitsForUs(pod, deps) ? podRow(pod, index, deps) : undefined;
      });
    },
    pod: async ({ namespace, name }, ask) => {
      const key = `${namespace}/${name}`;
      const pod = informers.pods.get(key);
      if (!pod || !index.pods.has(key)) return undefined;
      // One that no scheduler has looked at yet asks nothing of its node that is known here.
      return verdictOf({ ...pod, unscheduled: pod.unscheduled ?? {} }, judged, ask, refusedClaimOf(pod, deps.refused));
    },
    classes: () => [...ledger.classes()].map(({ name }) => name).toSorted(),
    whatIf: async (claims, ask) => verdictOf(supposedPod(claims, ledger), judged, ask),
  };
}

async function listed<R>(
  names: SortedNames,
  ask: ListAsk & { readonly prefix?: string },
  take: (name: string) => R | undefined,
): Promise<Listed<R>> {
  return { ...(await scan(names, ask, take)), all: names.size };
}

const hasIn = (search: string, ...texts: readonly string[]): boolean =>
  search === '' || texts.some((text) => text.toLowerCase().includes(search));

const placeOf = ({ spec }: LocalVolume): string => (spec.kind === 'LVM' ? spec.vgName : spec.path) ?? '';

/** What is wrong on its node is told to those who may see nodes. */
function summary(volume: LocalVolume, sees: Pick<Sees, 'nodes'>, { informers }: PageSourceDeps): VolumeSummary {
  const { nodeName, readOnly, source } = volume.spec;
  const snapshot = readOnly ? informers.volumes.get(source?.snapshot ?? '') : undefined;
  const storage = sees.nodes ? informers.storages.get(nodeName)?.troubles : NO_TROUBLES;
  return summaryOf(volume, { storage, snapshot });
}

function podRow(pod: PodFacts, index: PageIndex, { ledger }: PageSourceDeps): PodRow {
  const { namespace, name } = pod;
  const told = index.toldOf(pod);
  const asks = ledger.lacks(pod, []).asked.map(describeAsked);
  return { namespace, name, asks, ...(told && { reason: told.reason, message: told.message }) };
}
