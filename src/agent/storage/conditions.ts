import { present } from '../../model/present.ts';
import type { ConditionType } from '../../model/contract.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { Condition } from '../../model/objects.ts';

/** How one thing stands: what a condition says, without its history. */
export interface Standing {
  /** `VolumeGroup/pool-0`, `ConfigAccepted`. */
  readonly type: ConditionType;
  readonly ok: boolean;
  readonly reason: EventReason;
  /** Sentences for a person. */
  readonly message: string;
}

/** metav1 allows so many; the API server would refuse the whole status. */
const MAX_MESSAGE_CHARS = 4096;

/** Conditions sorted by type, each keeping the time of its last change of status. `now` is an RFC 3339 time. */
export function conditionsOf(
  standings: readonly Standing[],
  previous: readonly Condition[],
  { now, generation }: { readonly now: string; readonly generation: number | undefined },
): Condition[] {
  return standings
    .map(({ type, ok, reason, message }): Condition => {
      const status = ok ? 'True' : 'False';
      const before = previous.find((condition) => condition.type === type && condition.status === status);
      return {
        type,
        status,
        reason,
        message: message.slice(0, MAX_MESSAGE_CHARS),
        lastTransitionTime: before?.lastTransitionTime ?? now,
        ...present({ observedGeneration: generation }),
      };
    })
    .toSorted((a, b) => compareText(a.type, b.type));
}

/** The same order on every machine, whatever its language. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
