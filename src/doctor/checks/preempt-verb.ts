import { isInstalled, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { SCHEDULER_CONFIG } from '../model/mend.ts';
import { entriesOf } from './extender-entry.ts';

/**
 * Whether kube-scheduler asks before it evicts pods for another one. It chooses victims by its own checks, which know
 * nothing of room.
 */
export const checkPreemptVerb = (facts: Facts): readonly Finding[] =>
  isInstalled(facts)
    ? (facts.schedulers ?? [])
        .filter(({ config }) => entriesOf(config, facts).some(({ preemptVerb }) => !preemptVerb))
        .map(({ object }) => found('EvictsInVain', object, WHAT, SCHEDULER_CONFIG))
    : [];

const WHAT = 'Its configuration has no preemptVerb for the extender.';
