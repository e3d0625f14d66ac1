import type { Finding } from './expectation.ts';
import type { Snapshot } from './snapshot.ts';

/** Document that `--json` prints. */
export interface SandboxReport {
  readonly ok: boolean;
  readonly lvm: 'simulated' | 'real';
  readonly ms: number;
  readonly steps: readonly StepReport[];
  /** Reason why the story ended early. */
  readonly error?: string;
  /** Folder of the logs of operator and agents, unless they were deleted. */
  readonly logs?: string;
}

export interface StepReport {
  readonly title: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly findings: readonly Finding[];
  /** State of the cluster right after the step. */
  readonly state: Snapshot;
}
