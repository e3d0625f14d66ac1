import { sumOf, type Amounts } from '../../capacity/amounts.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { Overview, Sees } from '../../page/wire.ts';
import { inTurns } from '../../wait/turns.ts';
import type { CountedStorages } from '../follow/silent-nodes.ts';
import type { RefusedClaims } from '../waiting/refused-claims.ts';
import { waitsForUs } from '../waiting/waiting-pod.ts';
import { nodeRow } from './node-rows.ts';
import type { PageIndex } from './page-index.ts';

export interface TotalsDeps {
  readonly informers: { readonly pods: { get(key: string): PodFacts | undefined } };
  readonly ledger: Pick<Ledger, 'node' | 'concerns'>;
  readonly storages: Pick<CountedStorages, 'get'>;
  readonly refused: Pick<RefusedClaims, 'wordsOf'>;
  readonly now: () => number;
}

/** Whoever asks within this time gets the sums of before: they are of the whole cluster. Ms. */
const FRESH_MS = 5000;
/** Looked at without a break. */
const AT_ONCE = 250;

interface Sums {
  readonly room: Amounts;
  readonly noted: number;
  readonly waiting: number;
}

/** The sums of the whole cluster: added up at most once in `FRESH_MS`, only when somebody looks, some at a time. */
export function createTotals(index: PageIndex, deps: TotalsDeps) {
  let last: { readonly at: number; readonly sums: Promise<Sums> } | undefined;
  const sums = (): Promise<Sums> => {
    if (!last || deps.now() - last.at >= FRESH_MS) {
      last = { at: deps.now(), sums: addUp(index, deps) };
      last.sums.catch(() => (last = undefined));
    }
    return last.sums;
  };
  return {
    overview: async (sees: Sees, signal: AbortSignal): Promise<Overview> => {
      const { room, noted, waiting } = await sums();
      signal.throwIfAborted();
      return {
        ...(sees.nodes && { nodes: { count: index.nodes.size, room, noted } }),
        ...(sees.volumes && { volumes: { count: index.volumes.size, notReady: index.volumesNotReady() } }),
        ...(sees.pods && { pods: { waiting } }),
      };
    },
  };
}

async function addUp(index: PageIndex, deps: TotalsDeps): Promise<Sums> {
  const { informers, ledger, storages } = deps;
  let room = sumOf([]);
  let [noted, waiting] = [0, 0];
  await inTurns([...index.nodes.sorted()], AT_ONCE, (name) => {
    const view = storages.get(name);
    const row = view && nodeRow(view, ledger.node(name));
    if (!row) return;
    room = sumOf([room, row]);
    if (row.notes.length > 0) noted += 1;
  });
  await inTurns([...index.pods.sorted()], AT_ONCE, (key) => {
    const pod = informers.pods.get(key);
    if (pod && waitsForUs(pod, deps)) waiting += 1;
  });
  return { room, noted, waiting };
}
