import type { FloatPolicy } from './placing/narrow.ts';
import type { AntiAffinity } from './placing/score-nodes.ts';
import type { Strategy } from './placing/search.ts';

/** How a ledger decides. */
export interface LedgerPolicy {
  readonly strategy: Strategy;
  readonly antiAffinity?: AntiAffinity;
  /** CSI driver names, as in StorageClass.provisioner, that are ours. */
  readonly drivers: readonly string[];
  readonly float?: FloatPolicy;
  /** How long room is held for a pod of which nothing more is heard, ms. */
  readonly holdTtlMs: number;
  /** How many slots, and how many nodes, its columns have room for before they grow; 64 unless given. */
  readonly firstRows?: number;
  /** Told when the ledger finds that it breaks a rule of its own, in a sentence. Nothing is promised then. */
  readonly onBroken?: (what: string) => void;
}
