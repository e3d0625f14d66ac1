import type { VolumeSummary } from '../model/volume-summary.ts';
import type { ListAsk, Listed } from './asking.ts';
import type { SupposedClaim } from './claims-asked.ts';
import type { NodeDetail, NodeRow, Overview, PodRow, Sees, Verdict } from './wire.ts';

/**
 * What the page shows, from the operator's own view of the cluster. It says everything that is asked: who may see it is
 * decided before. What takes long yields to the rest of the process, and ends with its signal.
 */
export interface PageSource {
  /** Why nothing can be said yet; undefined once all can. */
  notReady(): string | undefined;
  overview(sees: Sees, signal: AbortSignal): Promise<Overview>;
  nodes(ask: ListAsk): Promise<Listed<NodeRow>>;
  /** Undefined for a node without storage of ours. */
  node(name: string, sees: Pick<Sees, 'volumes'>): NodeDetail | undefined;
  volumes(ask: ListAsk, of: VolumesAsk): Promise<Listed<VolumeSummary>>;
  /** Pods that wait; of one namespace, or all. */
  pods(ask: ListAsk, namespace: string | undefined): Promise<Listed<PodRow>>;
  /** Undefined for a pod that is not there, or has its node. */
  pod(key: PodKey, ask: VerdictAsk): Promise<Verdict | undefined>;
  /** The StorageClasses that are ours. */
  classes(): readonly string[];
  /** Throws Fault `invalid` for a class that is not ours. */
  whatIf(claims: readonly SupposedClaim[], ask: VerdictAsk): Promise<Verdict>;
}

export interface VolumesAsk {
  readonly sees: Pick<Sees, 'nodes'>;
  /** Those of one node alone. */
  readonly node?: string;
  /** Of that node, those in one group, disk or mount point alone. */
  readonly place?: string;
}

export interface PodKey {
  readonly namespace: string;
  readonly name: string;
}

export interface VerdictAsk {
  readonly sees: Pick<Sees, 'nodes'>;
  /** A part of the names of the nodes that are wanted as rows; empty for the best of all. */
  readonly search: string;
  readonly signal: AbortSignal;
}

/** Who answers. */
export type PageState =
  | { readonly source: PageSource }
  /** Another replica leads, by its pod's name if that is known. */
  | { readonly leader: string | undefined };
