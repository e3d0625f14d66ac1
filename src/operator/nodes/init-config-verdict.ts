import { isDeepStrictEqual } from 'node:util';
import type { Condition, InitConfig } from '../../model/objects.ts';
import { initConfigProblems } from './check-init-config.ts';

/** Whether an init config is applied, and why not. */
export interface Verdict {
  readonly ok: boolean;
  /** CamelCase. */
  readonly reason: 'Accepted' | 'Invalid';
  /** Sentences for a person. */
  readonly message: string;
}

/** Judges the spec of an init config by all of its problems. */
export function judge(spec: InitConfig['spec']): Verdict {
  const problems = initConfigProblems(spec ?? {});
  if (problems.length === 0)
    return { ok: true, reason: 'Accepted', message: 'The configuration is applied to every node.' };
  const rest = 'Until this is corrected every node keeps what it has.';
  return { ok: false, reason: 'Invalid', message: `${problems.join('; ')}. ${rest}` };
}

type Status = NonNullable<InitConfig['status']>;

/** The length that metav1.Condition allows a message. */
const MAX_MESSAGE_CHARS = 32_768;

/**
 * The status with the verdict as its condition; undefined when the object has it already. `now` is an RFC 3339 time.
 */
export function statusFor(config: InitConfig, { ok, reason, message }: Verdict, now: string): Status | undefined {
  const before = config.status?.conditions?.find(({ type }) => type === 'Accepted');
  const status = ok ? 'True' : 'False';
  const generation = config.metadata.generation ?? 0;
  const condition: Condition = {
    type: 'Accepted',
    status,
    reason,
    message: message.slice(0, MAX_MESSAGE_CHARS),
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    observedGeneration: generation,
  };
  const next = { observedGeneration: generation, conditions: [condition] };
  return isDeepStrictEqual(config.status, next) ? undefined : next;
}
