import type { Registration } from '../csi/node/registration.ts';
import type { Standing } from './storage/conditions.ts';

/** A kubelet that runs finds the socket within seconds; one that starts with its machine takes longer. Ms. */
const PATIENCE_MS = 120_000;

export interface RegisteredOptions {
  readonly driverName: string;
  readonly socketPath: string;
  readonly kubeletDir: string;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/** Whether the kubelet knows the driver. */
export interface Registered {
  readonly note: (state: Registration) => void;
  /** A standing that does not hold, while the kubelet has not known the driver for long; else none. */
  standings(): readonly Standing[];
}

/**
 * Remembers whether the kubelet has registered the driver since this agent began, or since its socket was made anew. On
 * a node whose kubelet does not know the driver csi-provisioner makes no volume ("no topology key found on CSINode"),
 * and never lets the claim go to another.
 */
export function createRegistered({ driverName, socketPath, kubeletDir, now }: RegisteredOptions): Registered {
  let since: number | undefined = now();
  let problem: string | undefined;
  return {
    note: (state) => {
      if (state.kind === 'registered') [since, problem] = [undefined, undefined];
      else since ??= now();
      if (state.kind === 'failed') ({ problem } = state);
    },
    standings: () => {
      if (since === undefined || now() - since < PATIENCE_MS) return [];
      const why = problem ?? `it has not looked at ${socketPath}`;
      const message =
        `The kubelet does not know driver ${driverName}: ${why}. A pod with a volume would wait here for ever, so this ` +
        `storage gets no new volume. See the log of the kubelet, and whether its --root-dir is ${kubeletDir}, which is ` +
        'what the agent has as --kubelet-dir.';
      return [{ type: 'DriverRegistered', ok: false, reason: 'DriverNotRegistered', message }];
    },
  };
}
