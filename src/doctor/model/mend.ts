import type { Facts } from './facts.ts';
import { nameOf } from './facts.ts';

/** Commands that several findings need. Whoever installed with helm uses it in place of kubectl apply. */

export const APPLY_AGAIN = 'kubectl apply -k deploy   (or helm upgrade, with the values of the installation)';
export const APPLY_DEFINITIONS = 'kubectl apply --server-side --force-conflicts -k crds';
export const SCHEDULER_CONFIG =
  'open-local scheduler-config kubeadm   (or k3s, rke2, deployment), and do the steps that it prints';
export const GIVE_RIGHT_TO_BIND =
  'or: helm upgrade with --set extender.bind=true, or kubectl apply -k deploy/bind   (a millisecond of CPU for each pod)';

export const operatorLog = ({ namespace, operator }: Pick<Facts, 'namespace' | 'operator'>): string =>
  `kubectl -n ${namespace} logs deployment/${operator ? nameOf(operator) : 'open-local-operator'} -c operator`;

/** The log of the agent of one node, by the pod's name where it is known. */
export function agentLog({ namespace, agentPods = [] }: Pick<Facts, 'namespace' | 'agentPods'>, node: string): string {
  const pod = agentPods.find(({ spec }) => spec?.nodeName === node);
  return pod
    ? `kubectl -n ${namespace} logs ${nameOf(pod)}`
    : `kubectl -n ${namespace} get pods -o wide --field-selector spec.nodeName=${node}`;
}
