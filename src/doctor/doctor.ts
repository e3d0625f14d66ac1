import { checkAgents } from './checks/agents.ts';
import { checkBindVerb } from './checks/bind-verb.ts';
import { checkCertificates } from './checks/certificates.ts';
import { checkClaims } from './checks/claims.ts';
import { checkClasses } from './checks/classes.ts';
import { checkClocks } from './checks/clocks.ts';
import { checkConfiguration } from './checks/configuration.ts';
import { checkDefinitions } from './checks/definitions.ts';
import { checkHostnames } from './checks/hostnames.ts';
import { checkLeftovers } from './checks/leftovers.ts';
import { checkMachines } from './checks/machines.ts';
import { checkMarkedPods } from './checks/marked-pods.ts';
import { checkOperator } from './checks/operator.ts';
import { checkPermissions } from './checks/permissions.ts';
import { checkPreemptVerb } from './checks/preempt-verb.ts';
import { checkScheduler } from './checks/scheduler.ts';
import { checkVolumes } from './checks/volumes.ts';
import type { Facts } from './model/facts.ts';
import type { Finding } from './model/finding.ts';

export type Check = (facts: Facts) => readonly Finding[];

/** In the order in which a person would look: what comes first is often the cause of what follows. */
const CHECKS: readonly Check[] = [
  checkDefinitions,
  checkOperator,
  checkPermissions,
  checkCertificates,
  checkAgents,
  checkClocks,
  checkHostnames,
  checkScheduler,
  checkBindVerb,
  checkPreemptVerb,
  checkMarkedPods,
  checkLeftovers,
  checkConfiguration,
  checkMachines,
  checkClasses,
  checkVolumes,
  checkClaims,
];

/** Everything that is wrong with what was seen: what is broken before what may break. */
export function diagnose(facts: Facts): readonly Finding[] {
  const all = CHECKS.flatMap((check) => check(facts));
  return [...all.filter(({ level }) => level === 'broken'), ...all.filter(({ level }) => level === 'risk')];
}
