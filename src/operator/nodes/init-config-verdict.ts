import { isDeepStrictEqual } from 'node:util';
import type { Condition, InitConfig } from '../../model/objects.ts';
import { present } from '../../model/present.ts';
import { initConfigProblems } from './check-init-config.ts';
import { initConfigNotes } from './init-config-notes.ts';

/** Whether an init config is applied, and why not. */
export interface Verdict {
  readonly ok: boolean;
  readonly reason: 'Accepted' | 'PartlyUsed' | 'Invalid' | 'NotUsed';
  /** Sentences for a person. */
  readonly message: string;
}

/** Judges the spec of the init config that counts by all of its problems. */
export function judge(spec: InitConfig['spec'] = {}): Verdict {
  const problems = initConfigProblems(spec);
  if (problems.length > 0) {
    const rest = 'Until this is corrected every node keeps what it has.';
    return { ok: false, reason: 'Invalid', message: `${problems.join('; ')}. ${rest}` };
  }
  const applied = 'The configuration is applied to every node.';
  const notes = initConfigNotes(spec);
  if (notes.length === 0) return { ok: true, reason: 'Accepted', message: applied };
  return { ok: true, reason: 'PartlyUsed', message: `${applied} But: ${notes.join('; ')}.` };
}

/** The verdict on any other init config than the one that counts. */
export const notUsed = (counting: string): Verdict => ({
  ok: false,
  reason: 'NotUsed',
  message: `Only the NodeLocalStorageInitConfig ${counting} counts (flag --initconfig); this one changes nothing.`,
});

type Status = NonNullable<InitConfig['status']>;

/** The length that metav1.Condition allows a message. */
const MAX_MESSAGE_CHARS = 32_768;

/**
 * The status with the verdict as its condition, and the number of nodes of the config that counts; undefined when the
 * object has it already. `now` is an RFC 3339 time.
 */
export function statusFor(
  config: InitConfig,
  { ok, reason, message }: Verdict,
  now: string,
  nodes?: Status['nodes'],
): Status | undefined {
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
  const next = { observedGeneration: generation, conditions: [condition], ...present({ nodes }) };
  return isDeepStrictEqual(config.status, next) ? undefined : next;
}
