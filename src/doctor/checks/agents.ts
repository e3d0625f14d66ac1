import { inWords } from '../../model/in-words.ts';
import { isReady, nameOf, nodesWithStorage, since, some, statusTimes, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { LOST, POD_SECURITY } from '../../model/well-known.ts';
import { agentLog, APPLY_AGAIN } from '../model/mend.ts';
import { waitingFor } from './operator.ts';

/** An agent writes at least every five minutes; twice that, and a little. */
const SILENT_MS = 660_000;

/** The agents: admitted, on every node that has storage, reporting, registered with the kubelet. */
export function checkAgents(facts: Facts): readonly Finding[] {
  if (facts.operator && facts.daemonSets && !facts.agents)
    return [found('AgentMissing', `Namespace/${facts.namespace}`, 'There is no DaemonSet of the agent.', APPLY_AGAIN)];
  return [
    ...forbidden(facts),
    ...notOnNodes(facts),
    ...reportFindings(facts),
    ...notRegistered(facts),
    ...folderElsewhere(facts),
    ...versionsDiffer(facts),
  ];
}

function forbidden({ agents, ownNamespace, namespace }: Facts): Finding[] {
  const level = ownNamespace?.metadata.labels?.[POD_SECURITY];
  if (!agents || level === undefined || level === 'privileged') return [];
  const what = `Its label ${POD_SECURITY} is ${level}: the agents, which are privileged, are not created.`;
  return [
    found(
      'AgentForbidden',
      `Namespace/${namespace}`,
      what,
      `kubectl label --overwrite namespace ${namespace} ${POD_SECURITY}=privileged`,
    ),
  ];
}

function notOnNodes(facts: Facts): Finding[] {
  const { nodes, agents, agentPods, namespace } = facts;
  if (!nodes || !agents || !agentPods) return [];
  const ready = new Set(agentPods.filter(isReady).map(({ spec }) => spec?.nodeName));
  const there = new Set(nodes.map(nameOf));
  return [...nodesWithStorage(facts)]
    .filter((node) => there.has(node) && !ready.has(node))
    .toSorted()
    .map((node) => {
      const pod = agentPods.find(({ spec }) => spec?.nodeName === node);
      const reasons = pod ? waitingFor(pod).join('; ') || 'it is not Ready' : '';
      return found(
        'AgentNotOnNode',
        `Node/${node}`,
        pod ? `Its agent ${nameOf(pod)} does not run: ${reasons}.` : 'It has storage of ours and no agent.',
        pod
          ? `kubectl -n ${namespace} describe pod ${nameOf(pod)}`
          : `kubectl -n ${namespace} describe daemonset ${nameOf(agents)}   (its nodeSelector and tolerations against kubectl describe node ${node})`,
      );
    });
}

/** Ms since the last report of a node whose agent is silent; undefined while it reports. */
export function silenceOf(nls: NodeLocalStorage, now: number): number | undefined {
  const age = ageOf(nls, now);
  return age !== undefined && age > SILENT_MS ? age : undefined;
}

/** Ms since its last report, by the clock of the API server where it tells; else as the agent says. */
function ageOf(nls: NodeLocalStorage, now: number): number | undefined {
  const written = statusTimes(nls).at(-1);
  return written === undefined ? since(nls.status?.nodeStorageInfo?.state?.lastHeartbeatTime, now) : now - written;
}

function reportFindings(facts: Facts): Finding[] {
  const { storages = [], nodes, now } = facts;
  const there = new Set((nodes ?? []).map(nameOf));
  return storages
    .filter((nls) => there.has(nameOf(nls)) && nls.metadata.annotations?.[LOST] === undefined)
    .flatMap((nls) => {
      const object = `NodeLocalStorage/${nameOf(nls)}`;
      const silence = silenceOf(nls, now);
      const { reason, message = '' } = nls.status?.nodeStorageInfo?.state ?? {};
      if (silence !== undefined)
        return [
          found('AgentSilent', object, `Its last report is ${inWords(silence)} old.`, agentLog(facts, nameOf(nls))),
        ];
      if (reason === 'DiscoveryFailed')
        return [found('AgentCannotLook', object, message, agentLog(facts, nameOf(nls)))];
      return [];
    });
}

function notRegistered(facts: Facts): Finding[] {
  const { csiNodes, agentPods = [], settings, namespace, agents } = facts;
  if (!csiNodes || !agents) return [];
  const registered = new Set(
    csiNodes.filter(({ spec }) => spec?.drivers?.some(({ name }) => name === settings.driver)).map(nameOf),
  );
  const known = new Set(folderElsewhere(facts).map(({ object }) => object));
  const nodes = agentPods
    .filter(isReady)
    .map(({ spec }) => spec?.nodeName ?? '')
    .filter((node) => !registered.has(node) && !known.has(`Node/${node}`));
  return nodes
    .toSorted()
    .map((node) =>
      found(
        'DriverNotRegistered',
        `Node/${node}`,
        `Its agent runs, and its kubelet does not know driver ${settings.driver}.`,
        `tr '\\0' ' ' < /proc/$(pidof kubelet)/cmdline   on the node: its --root-dir, if it has one, is what --kubelet-dir of the agent must be`,
        `kubectl -n ${namespace} edit daemonset ${nameOf(agents)}   (--kubelet-dir, and the volume and mount called kubelet)`,
      ),
    );
}

/** The folder that the DaemonSet gives its agents. */
function givenFolder({ agents }: Facts): string | undefined {
  const args = agents?.spec?.template?.spec?.containers?.flatMap((container) => container.args ?? []) ?? [];
  return (
    args.flatMap((arg) => /^--kubelet-dir=(.+)$/.exec(arg)?.[1] ?? [])[0] ?? (agents ? '/var/lib/kubelet' : undefined)
  );
}

function folderElsewhere(facts: Facts): Finding[] {
  const { storages = [], agents, namespace } = facts;
  const given = givenFolder(facts);
  if (given === undefined || !agents) return [];
  return storages.flatMap((nls) => {
    const folder = nls.status?.host?.kubeletFolder;
    if (folder === undefined || folder === given) return [];
    return [
      found(
        'KubeletFolderElsewhere',
        `Node/${nameOf(nls)}`,
        `Its kubelet works in ${folder}, and the agent in ${given}.`,
        `kubectl -n ${namespace} edit daemonset ${nameOf(agents)}   (--kubelet-dir=${folder}, --csi-endpoint and --metrics-endpoint below it, and the volume and mount called kubelet)`,
      ),
    ];
  });
}

function versionsDiffer({ storages = [], version, namespace, agents }: Facts): Finding[] {
  const others = storages.filter(({ status }) => (status?.host?.agentVersion ?? version) !== version);
  if (others.length === 0 || !agents) return [];
  const versions = [...new Set(others.map(({ status }) => status?.host?.agentVersion ?? ''))].toSorted();
  const what = `This program is ${version}; agents are ${versions.join(', ')} on ${some(others.map(nameOf))}.`;
  return [
    found(
      'VersionsDiffer',
      `DaemonSet/${namespace}/${nameOf(agents)}`,
      what,
      `kubectl -n ${namespace} rollout status daemonset/${nameOf(agents)}`,
    ),
  ];
}
