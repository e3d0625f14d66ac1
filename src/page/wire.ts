import type { Amounts } from '../capacity/amounts.ts';

/** What the page's API answers, in JSON: types only, which the server and the page in the browser share. */

/** What may be seen by whoever asks. */
export interface Sees {
  /** Nodes, groups and disks. */
  readonly nodes: boolean;
  readonly volumes: boolean;
  /** Pods of all namespaces. */
  readonly pods: boolean;
  readonly classes: boolean;
}

export interface Me {
  readonly user: string;
  readonly sees: Sees;
}

/** What may not be seen is absent. */
export interface Overview {
  readonly nodes?: {
    readonly count: number;
    readonly room: Amounts;
    /** Of which something is to be known, such as a faulty disk. */
    readonly noted: number;
  };
  readonly volumes?: { readonly count: number; readonly notReady: number };
  readonly pods?: { readonly waiting: number };
}

/** At most a hundred rows. */
export interface Page<R> {
  readonly rows: readonly R[];
  /** What to give back as `continue` for the next rows; absent: these are the last. */
  readonly continue?: string;
  /** How many there are, found by the search or not. */
  readonly all: number;
}

export interface NodeRow extends Amounts {
  readonly name: string;
  readonly groups: number;
  readonly units: number;
  /** What is to be known before the numbers are believed: clauses. */
  readonly notes: readonly string[];
}

/** A volume group as the ledger counts it, bytes. free = total − reserved − taken − other − held. */
export interface GroupRow {
  readonly name: string;
  readonly total: number;
  readonly reserved: number;
  readonly observed: number;
  readonly recorded: number;
  /** By volumes, each counted once: by what is observed or what is recorded, the larger of both. */
  readonly taken: number;
  /** In use, and no volume. */
  readonly other: number;
  readonly held: number;
  readonly free: number;
  readonly cordoned?: true;
  readonly trouble?: string;
}

/** A disk or mount point that a claim has for itself. */
export interface UnitRow {
  readonly kind: 'Device' | 'MountPoint';
  readonly path: string;
  readonly size: number;
  readonly standing: Exclude<keyof Amounts, 'capacity'>;
  /** Volumes that have it; absent where those may not be seen. */
  readonly volumes?: readonly string[];
  readonly trouble?: string;
}

export interface NodeDetail extends NodeRow {
  readonly groupRows: readonly GroupRow[];
  readonly unitRows: readonly UnitRow[];
}

export interface PodRow {
  readonly namespace: string;
  readonly name: string;
  /** The volumes that it asks for, in words. */
  readonly asks: readonly string[];
  /** Of the operator's last Event about it; absent: it has told nothing yet, or told others that ask for the same. */
  readonly reason?: string;
  readonly message?: string;
}

/** Why a pod is not placed, or where it could go. */
export interface Verdict {
  readonly asks: readonly string[];
  readonly nodes: number;
  /** How many of them it may go to, and have room. */
  readonly fits: number;
  /** As the operator's Event says it; absent when it does not wait for room. */
  readonly reason?: string;
  readonly message?: string;
  /** The best first; absent where nodes may not be seen. */
  readonly rows?: readonly VerdictRow[];
  /** Nodes that are not among the rows and were searched for. */
  readonly more: number;
}

export interface VerdictRow {
  readonly node: string;
  readonly fits: boolean;
  /** From 0 to 10, what the extender tells kube-scheduler of a node that fits. */
  readonly score?: number;
  /** What stands in the way; empty where it fits. */
  readonly obstacle: string;
  /** Bytes that are missing, and in which group or unit most. */
  readonly lacks?: number;
  readonly where?: string;
}

/** Of any answer that is none. */
export interface Refused {
  readonly error: string;
  /** The pod that leads, where this one waits. */
  readonly leader?: string;
}
