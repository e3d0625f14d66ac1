import type { Finding } from './expectation.ts';
import type { Snapshot } from './snapshot.ts';

/** What `--json` prints. */
export interface SandboxReport {
  readonly ok: boolean;
  readonly lvm: 'simulated' | 'real';
  readonly ms: number;
  readonly steps: readonly StepReport[];
  /** Why it ended early. */
  readonly error?: string;
  /** Where the logs of operator and agents are, unless they were deleted. */
  readonly logs?: string;
}

export interface StepReport {
  readonly title: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly findings: readonly Finding[];
  /** The cluster right after the step. */
  readonly state: Snapshot;
}
