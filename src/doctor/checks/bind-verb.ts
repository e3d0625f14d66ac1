import { isInstalled, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { GIVE_RIGHT_TO_BIND, SCHEDULER_CONFIG } from '../model/mend.ts';
import { bindsInVain, entriesOf } from './extender-entry.ts';

/**
 * Whether kube-scheduler binds through an extender that may not (docs/decisions/0035). Where the extender must not be
 * ignored no pod gets its node, which is checkScheduler's.
 */
export const checkBindVerb = (facts: Facts): readonly Finding[] =>
  isInstalled(facts)
    ? (facts.schedulers ?? [])
        .filter(({ config }) => entriesOf(config, facts).some((each) => each.ignorable && bindsInVain(each, facts)))
        .map(({ object }) => found('BindsInVain', object, WHAT, SCHEDULER_CONFIG, GIVE_RIGHT_TO_BIND))
    : [];

const WHAT = 'Its configuration has bindVerb, and the operator may not create pods/binding.';
