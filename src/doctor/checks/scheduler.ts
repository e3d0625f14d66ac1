import { textOf } from '../../model/fault.ts';
import { EXTENDER_CALLED } from '../../model/well-known.ts';
import { isInstalled, type Facts, type Scheduler } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { APPLY_AGAIN, operatorLog, SCHEDULER_CONFIG } from '../model/mend.ts';
import { checkCalls } from './extender-calls.ts';
import { oursIn, problemsOf, type ExtenderEntry } from './extender-entry.ts';

/** kube-scheduler and the extender: told of it, as it is now, able to reach it, and calling. */
export function checkScheduler(facts: Facts): readonly Finding[] {
  if (!isInstalled(facts)) return [];
  const registered = registration(facts);
  const reach = reachability(facts);
  // One cause is told once: who is not told of the extender, or cannot reach it, does not call it.
  return [...reach, ...registered, ...(reach.length + registered.length === 0 ? checkCalls(facts) : [])];
}

function registration(facts: Facts): Finding[] {
  const { schedulers = [] } = facts;
  const told = schedulers.filter(({ configFile }) => configFile !== undefined);
  const judged = told.map((scheduler) => judge(scheduler, facts));
  const isAskedBySome = judged.some((findings) => findings.length === 0);
  // The cluster's own scheduler may know nothing of us where a second one does.
  const wrong = judged.flat().filter(({ name }) => !isAskedBySome || name !== 'ExtenderNotRegistered');
  return [...notTold(facts, told), ...wrong];
}

/** None was told anything, or only some replicas of one scheduler were: whichever leads asks, or does not. */
function notTold({ schedulers = [], lease }: Facts, told: readonly Scheduler[]): Finding[] {
  const isPod = ({ object }: Scheduler): boolean => object.startsWith('Pod/');
  const called = lease?.metadata.annotations?.[EXTENDER_CALLED];
  const untold = schedulers.filter(({ configFile }) => configFile === undefined);
  const isPartly = told.some(isPod) && untold.some(isPod);
  if (untold.length === 0 || !(isPartly || (told.length === 0 && called === undefined))) return [];
  const names = untold.map(({ object }) => object).join(', ');
  const what = isPartly
    ? 'It was started without --config, and another replica with it.'
    : 'It was started without --config.';
  return [found('SchedulerNotConfigured', names, what, SCHEDULER_CONFIG)];
}

/** Empty where nothing is wrong, or the file cannot be read: whether it calls is seen then. */
function judge(scheduler: Scheduler, facts: Facts): Finding[] {
  const { object, config } = scheduler;
  if (config === undefined) return [];
  let ours: readonly ExtenderEntry[];
  try {
    ours = oursIn(config, facts);
  } catch (error) {
    return [
      found('ExtenderMisconfigured', object, `Its configuration cannot be read: ${textOf(error)}.`, SCHEDULER_CONFIG),
    ];
  }
  if (ours.length === 0) {
    const what = `${scheduler.configFile ?? ''} names no extender of ours.`;
    return [found('ExtenderNotRegistered', object, what, SCHEDULER_CONFIG)];
  }
  const problems = ours.flatMap((entry) => problemsOf(entry, scheduler, facts));
  return problems.length === 0
    ? []
    : [found('ExtenderMisconfigured', object, `${problems.join('; ')}.`, SCHEDULER_CONFIG)];
}

function reachability(facts: Facts): Finding[] {
  const { service, slices, settings, namespace, lease, unseen } = facts;
  const object = `Service/${namespace}/${settings.service}`;
  if (unseen.some(({ what }) => what.startsWith('Service '))) return [];
  if (!service) return [found('ExtenderUnreachable', object, 'It is not there.', APPLY_AGAIN)];
  if (Object.keys(service.spec?.selector ?? {}).length > 0) {
    const what = 'It has a selector, as in an older version: it leads to replicas that do not serve, too.';
    const remove = `kubectl -n ${namespace} patch service ${settings.service} --type=json -p '[{"op":"remove","path":"/spec/selector"}]'`;
    return [found('ExtenderUnreachable', object, what, remove)];
  }
  const leads = slices?.some(({ endpoints = [] }) => endpoints.some(({ addresses = [] }) => addresses.length > 0));
  // Without a leader nobody writes where it leads, and that is found by itself.
  if (leads !== false || !lease?.spec?.holderIdentity) return [];
  const what = 'It leads nowhere: the leader has not written its EndpointSlice.';
  const mend = [
    `kubectl -n ${namespace} get deployment -l app.kubernetes.io/component=operator -o yaml   (POD_IP must be given from status.podIP)`,
    operatorLog(facts),
  ];
  return [found('ExtenderUnreachable', object, what, ...mend)];
}
