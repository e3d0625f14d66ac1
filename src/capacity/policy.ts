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

/**
 * How long an object is expected that was to be created and is not seen. Longer than any watch may lag, since the
 * object may well exist. Nothing else would end the room of an object that came and went while the watch was down.
 */
export const EXPECTED_TTL_MS = 15 * 60_000;
/**
 * How long a node's refusal is remembered when nothing changes there: an administrator may have mended what no report
 * shows.
 */
export const REFUSAL_TTL_MS = 10 * 60_000;
/**
 * How long it is remembered that CreateVolume refused a claim for what it is. csi-provisioner asks again after ten
 * minutes at the latest: five that it waits between two tries, and five more since INVALID_ARGUMENT is final to it.
 */
export const WRONG_TTL_MS = 15 * 60_000;
/** How long room is held for a claim whose node was chosen while CreateVolume is not called for it (R23). */
export const CLAIM_TTL_MS = {
  /** csi-provisioner asks again every few minutes; what it refuses before it asks us it refuses for ever. */
  unasked: 15 * 60_000,
  /** Others fill it, and they wait for what they fill it from. Velero gives a restore up after four hours. */
  unfilled: 6 * 3_600_000,
};
