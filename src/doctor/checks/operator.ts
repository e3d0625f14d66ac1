import { inWords } from '../../model/in-words.ts';
import { isReady, nameOf, since, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import type { ComponentPod, Workload } from '../model/kinds.ts';
import { APPLY_AGAIN, operatorLog } from '../model/mend.ts';

/** A Lease is renewed every two seconds; clocks differ a little. */
const RENEWED_MS = 60_000;

/** The operator: there, running, one replica leading, with its sidecars. */
export function checkOperator(facts: Facts): readonly Finding[] {
  const { deployments, operator, operatorPods, namespace } = facts;
  if (!deployments) return [];
  if (!operator)
    return [
      found(
        'OperatorMissing',
        `Namespace/${namespace}`,
        `There is no Deployment of the operator in namespace ${namespace}.`,
        APPLY_AGAIN,
        'open-local doctor --namespace NAME   (if it is installed elsewhere)',
      ),
    ];
  const sidecars = sidecarFindings(operator);
  if (operatorPods && !operatorPods.some(isReady)) return [...sidecars, notRunning(facts, operator, operatorPods)];
  return [...sidecars, ...leaderFindings(facts)];
}

function notRunning(facts: Facts, operator: Workload, pods: readonly ComponentPod[]): Finding {
  const reasons = [...new Set(pods.flatMap(waitingFor))];
  const what = pods.length === 0 ? 'It has no pod.' : `None of its ${pods.length} pods is Ready.`;
  const because = reasons.length === 0 ? '' : ` ${reasons.join('; ')}.`;
  return found(
    'OperatorNotRunning',
    `Deployment/${facts.namespace}/${nameOf(operator)}`,
    what + because,
    `kubectl -n ${facts.namespace} describe pods -l app.kubernetes.io/component=operator`,
    operatorLog(facts),
  );
}

/** Why containers of a pod do not run, in the kubelet's words. */
export const waitingFor = ({ status }: ComponentPod): string[] =>
  (status?.containerStatuses ?? []).flatMap(({ name, state, restartCount = 0 }) => {
    const { reason, message } = state?.waiting ?? {};
    if (reason === undefined || reason === 'ContainerCreating') return [];
    const times = restartCount > 0 ? ` after ${restartCount} restarts` : '';
    return [`container ${name}: ${reason}${times}${message === undefined ? '' : ` (${message.slice(0, 200)})`}`];
  });

function leaderFindings(facts: Facts): Finding[] {
  const { lease, now, namespace, settings, operatorPods, unseen } = facts;
  if (!settings.leaderElection || !operatorPods || unseen.some(({ what }) => what.startsWith('Lease '))) return [];
  const object = `Lease/${namespace}/open-local-operator`;
  const what = whyNoLeader(lease, now);
  return what === undefined ? [] : [found('NoLeader', object, what, operatorLog(facts))];
}

/** What the operator's Lease says of a leader that is not there, in a sentence; undefined when one leads. */
export function whyNoLeader(lease: Facts['lease'] | undefined, now: number): string | undefined {
  if (!lease) return 'It is not there: no replica ever led.';
  const { holderIdentity, renewTime } = lease.spec ?? {};
  if (!holderIdentity) return 'Nobody holds it.';
  const age = since(renewTime, now);
  return age !== undefined && age > RENEWED_MS
    ? `${holderIdentity} holds it and renewed it ${inWords(age)} ago.`
    : undefined;
}

const SIDECARS = [
  { program: 'csi-provisioner', does: 'claims are not provisioned' },
  { program: 'csi-resizer', does: 'volumes do not grow' },
] as const;

function sidecarFindings(operator: Workload): Finding[] {
  const containers = operator.spec?.template?.spec?.containers ?? [];
  const object = `Deployment/${operator.metadata.namespace}/${nameOf(operator)}`;
  return SIDECARS.filter(
    ({ program }) => !containers.some(({ name, image = '' }) => name.includes(program) || image.includes(program)),
  ).map(({ program, does }) =>
    found('SidecarMissing', object, `It has no container ${program}: ${does}.`, APPLY_AGAIN),
  );
}
