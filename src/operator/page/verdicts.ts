import type { Ledger } from '../../capacity/ledger.ts';
import type { PodFacts } from '../../model/facts.ts';
import { Fault } from '../../model/fault.ts';
import { present } from '../../model/present.ts';
import type { SupposedClaim } from '../../page/claims-asked.ts';
import type { VerdictAsk } from '../../page/source.ts';
import type { Verdict, VerdictRow } from '../../page/wire.ts';
import { inTurns } from '../../wait/turns.ts';
import type { NodeView } from '../follow/views.ts';
import { explainPod, NODES_AT_ONCE, type ExplainDeps } from '../waiting/explain-pod.ts';
import { whyNode } from '../waiting/judge.ts';
import { describeAsked, type RefusedClaim } from '../waiting/sentences.ts';
import { sourcesOf } from '../waiting/survey.ts';

export interface VerdictDeps extends ExplainDeps {
  readonly ledger: Pick<Ledger, 'lacks' | 'classesOf' | 'node' | 'prioritize' | 'classes'>;
}

/** The rows of one answer: the nodes that are best, of those that are searched for. */
const MAX_ROWS = 100;

/**
 * Where the pod could go and why not there, by the functions by which the operator words its Events. Holds nothing.
 * Throws the signal's reason.
 */
export async function verdictOf(
  pod: PodFacts,
  deps: VerdictDeps,
  { sees, search, signal }: VerdictAsk,
  refusedClaim?: RefusedClaim,
): Promise<Verdict> {
  const { survey, told } = await explainPod(pod, deps, refusedClaim, signal);
  const rows = sees.nodes ? await rowsOf(pod, deps, search, signal) : undefined;
  const shown = rows && bestOf(rows, pod, deps.ledger);
  return {
    asks: survey.asked.map(describeAsked),
    ...{ nodes: survey.nodes, fits: survey.fits, ...told },
    ...present({ rows: shown }),
    more: (rows?.length ?? 0) - (shown?.length ?? 0),
  };
}

async function rowsOf(
  pod: PodFacts,
  { nodes, storages, ledger }: VerdictDeps,
  search: string,
  signal: AbortSignal,
): Promise<readonly VerdictRow[]> {
  const sources = sourcesOf(ledger, storages);
  const wanted = [...nodes.values()].filter(({ name }) => name.toLowerCase().includes(search));
  const rows: VerdictRow[] = [];
  const look = (node: NodeView): void => void rows.push(whyNode(pod, node, sources));
  if (!(await inTurns(wanted, NODES_AT_ONCE, look, signal))) signal.throwIfAborted();
  return rows;
}

/** Those that fit by what the extender tells kube-scheduler of them, then those that lack least, then the others. */
function bestOf(rows: readonly VerdictRow[], pod: PodFacts, ledger: Pick<Ledger, 'prioritize'>): readonly VerdictRow[] {
  const fits = rows.filter((row) => row.fits);
  const scores = ledger.prioritize(
    pod,
    fits.map(({ node }) => node),
  );
  const scored = fits.map((row, i) => ({ ...row, score: scores[i] ?? 0 }));
  const rank = ({ fits, score = 0, lacks = Infinity }: VerdictRow): number => (fits ? -1 - score : lacks);
  return [...scored, ...rows.filter((row) => !row.fits)]
    .toSorted((a, b) => (rank(a) === rank(b) ? byNumber(a.node, b.node) : rank(a) - rank(b)))
    .slice(0, MAX_ROWS);
}

const { compare: byNumber } = new Intl.Collator('en', { numeric: true });

/** A pod that nobody has made, with these claims. Throws Fault `invalid` for a class that is not ours. */
export function supposedPod(claims: readonly SupposedClaim[], ledger: Pick<Ledger, 'classes'>): PodFacts {
  const ours = new Set([...ledger.classes()].map(({ name }) => name));
  const stranger = claims.find(({ storageClass }) => !ours.has(storageClass));
  if (stranger)
    throw new Fault('invalid', `StorageClass ${stranger.storageClass} is not there, or not one of open-local's`);
  return {
    // No claim that exists is in a namespace without a name.
    ...{ uid: '', namespace: '', name: '', finished: false, unscheduled: {} },
    volumes: claims.map(({ size, storageClass }, i) => ({
      ...{ kind: 'ephemeral', claimName: `${i + 1}`, storageClass, requested: size },
    })),
  };
}
