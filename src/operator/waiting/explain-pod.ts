import { setImmediate } from 'node:timers/promises';
import type { Ledger } from '../../capacity/ledger.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { NodeView, StorageView } from '../follow/views.ts';
import { sayWhy, type RefusedClaim, type Told } from './sentences.ts';
import { closestGroup, emptySurvey, sourcesOf, surveyNodes, type Survey } from './survey.ts';

export interface ExplainDeps {
  /** By name. */
  readonly nodes: ReadonlyMap<string, NodeView>;
  /** As the ledger hears of them. */
  readonly storages: { get(node: string): StorageView | undefined };
  readonly ledger: Pick<Ledger, 'lacks' | 'classesOf' | 'node'>;
}

/** Nodes looked at without a break: some microseconds each. */
export const NODES_AT_ONCE = 250;

/**
 * Looks at all nodes, some at a time: the extender is heard in between. `told` is undefined when the pod does not wait
 * for us. Throws the signal's reason.
 */
export async function explainPod(
  pod: PodFacts,
  { nodes: all, storages, ledger }: ExplainDeps,
  refusedClaim: RefusedClaim | undefined,
  signal?: AbortSignal,
): Promise<{ readonly survey: Survey; readonly told: Told | undefined }> {
  const sources = sourcesOf(ledger, storages);
  const survey = emptySurvey();
  const nodes = [...all.values()];
  for (let from = 0; from === 0 || from < nodes.length; from += NODES_AT_ONCE) {
    surveyNodes(survey, pod, nodes.slice(from, from + NODES_AT_ONCE), sources);
    await setImmediate();
    signal?.throwIfAborted();
  }
  const group = closestGroup(survey, (node) => ledger.node(node), sources);
  return { survey, told: sayWhy({ survey, group, refusedClaim }) };
}
