import { differencesOf, type AuditDifference, type HeardOfNode } from '../../capacity/audit.ts';
import type { NodeAudit } from '../../capacity/audit-node.ts';
import { Ledger, type LedgerPolicy } from '../../capacity/ledger.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { Log } from '../../model/log.ts';
import { repeat } from '../../daemon/repeat.ts';
import { checkObjects } from './check-objects.ts';
import { createHeardOfNodes, type HeardOfNodes } from './heard-of-nodes.ts';
import { allSynced, type Informers } from './informers.ts';
import type { CountedStorages } from './silent-nodes.ts';

/**
 * What was wrong with the ledger: a number that objects say otherwise, an object that it knows otherwise or not at all,
 * a sum that is not that of its parts, or a promise of more than there is.
 */
export type LedgerFault = 'number' | 'object' | 'sum' | 'promise';

export interface CheckLedgerDeps {
  readonly ledger: Ledger;
  /** As the ledger was made with. */
  readonly policy: LedgerPolicy;
  readonly informers: Informers;
  /** As the ledger hears of them. */
  readonly storages: Pick<CountedStorages, 'get'>;
  /** How long to wait between two slices. Ms. */
  readonly everyMs: number;
  readonly log: Log;
  /** Told of every slice: how many nodes were compared, and every fault that was found in them. */
  readonly onChecked: (nodes: number, faults: readonly LedgerFault[]) => void;
}

/** Compared in one turn: a bound on the pause of everything else in this thread. */
export const NODES_A_TURN = 50;
/** Told of one node; the rest is as many more of the same. */
const MAX_TOLD = 10;

/**
 * Compares the ledger, some nodes at a time, with one that is told now what the informers have, and checks its sums;
 * after all nodes, what it knows of objects that belong to none (check-objects.ts). A difference is a fault of ours, or
 * a lost event: it is told with both sides, and the node is counted anew. Works until aborted.
 */
export async function checkLedger(deps: CheckLedgerDeps, signal: AbortSignal): Promise<void> {
  const { ledger, informers, everyMs, log } = deps;
  if (!(await allSynced(informers, signal))) return;
  const heard = createHeardOfNodes(informers, deps.storages);
  let left: string[] = [];
  const turn = async (): Promise<void> => {
    if (left.length === 0) {
      left = [...new Set([...ledger.audit().nodeNames(), ...informers.storages.values.keys()])];
      await heard.rescan(signal);
      const wrong = await checkObjects(deps, signal);
      deps.onChecked(
        0,
        Array.from({ length: wrong }, (): LedgerFault => 'object'),
      );
    }
    if (!signal.aborted) checkNodes(left.splice(0, NODES_A_TURN), heard, deps);
  };
  await repeat(everyMs, turn, (err) => log.error({ err }, 'checking the ledger failed'), signal);
  heard.stop();
}

/** What one turn needs. */
export type CheckDeps = Pick<CheckLedgerDeps, 'ledger' | 'policy' | 'log' | 'onChecked'> & {
  readonly informers: { readonly volumes: Pick<Informers['volumes'], 'get'> };
};

/** Compares these nodes, and heals those that differ: in one step, so that no event comes in between. */
export function checkNodes(names: readonly string[], all: Pick<HeardOfNodes, 'of'>, deps: CheckDeps): void {
  const { ledger, policy, informers, onChecked } = deps;
  const heard = new Map(names.map((name) => [name, all.of(name)]));
  const fresh = new Ledger(policy);
  for (const node of heard.values()) tell(fresh, node, informers);
  const [keptAudits, freshAudits] = [ledger.audit().look(names), fresh.audit().look(names)];
  const faults: LedgerFault[] = [];
  for (const [name, node] of heard) {
    const [kept, now] = [keptAudits.get(name), freshAudits.get(name)];
    if (kept && now) faults.push(...checkNode({ name, node, kept, now }, deps));
  }
  onChecked(names.length, faults);
}

interface Compared {
  readonly name: string;
  readonly node: HeardOfNode;
  readonly kept: NodeAudit;
  readonly now: NodeAudit;
}

function checkNode({ name, node, kept, now }: Compared, { ledger, log }: CheckDeps): LedgerFault[] {
  const differences = differencesOf(kept, now);
  if (differences.length === 0 && kept.broken.length === 0) return [];
  const action = { differences: differences.slice(0, MAX_TOLD).map(asText), broken: kept.broken.slice(0, MAX_TOLD) };
  const count = differences.length + kept.broken.length;
  log.error({ node: name, count, action }, 'the ledger was wrong about a node; it is counted anew');
  ledger.audit().heal(name, node);
  const left = ledger.audit().look([name]).get(name);
  const still = left ? [...differencesOf(left, now).map(asText), ...left.broken] : [];
  if (still.length > 0)
    log.error({ node: name, count: still.length, action: still.slice(0, MAX_TOLD) }, 'the ledger could not be healed');
  return [...differences.map((): LedgerFault => 'number'), ...kept.broken.map((): LedgerFault => 'sum')];
}

const asText = ({ what, kept, fresh }: AuditDifference): string =>
  `${what}: the ledger has ${kept}, objects say ${fresh}`;

/** Tells a ledger of one node. The LocalVolume of a PersistentVolume, which counts first, may be on another node. */
function tell(ledger: Ledger, { storage, volumes, pvs, pods }: HeardOfNode, informers: CheckDeps['informers']): void {
  if (storage) ledger.nodeChanged(storage);
  for (const volume of volumes) ledger.volumeChanged(volume);
  for (const pv of pvs) {
    const object = informers.volumes.get(pv.handle);
    if (object) ledger.volumeChanged(volumeFacts(object));
    ledger.pvChanged(pv);
  }
  for (const pod of pods) ledger.podChanged(pod);
}
