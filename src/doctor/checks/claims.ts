import { Ledger } from '../../capacity/ledger.ts';
import { claimFacts, classOf } from '../../model/decode-claim.ts';
import { nodeStorage } from '../../model/decode-node.ts';
import { classFacts, podFacts, pvFacts, volumeFacts } from '../../model/decode.ts';
import type { NodeLocalStorage, PersistentVolumeClaim, Pod } from '../../model/objects.ts';
import type { Refusal, RefusalKind } from '../../model/verdict.ts';
import { LOST, SELECTED_NODE } from '../../model/well-known.ts';
import { inWords } from '../../model/in-words.ts';
import { nameOf, placeOf, since, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { agentLog, operatorLog } from '../model/mend.ts';

/** A claim that was made a moment ago is being worked on. */
const WAITS_MS = 60_000;

/** Claims of ours that are not bound, each with its reason. One that waits for its first pod is as it should be. */
export function checkClaims(facts: Facts): readonly Finding[] {
  const { claims = [], now, settings } = facts;
  const ours = new Set((facts.classes ?? []).filter(({ provisioner }) => provisioner === settings.driver).map(nameOf));
  const waiting = claims
    .filter(({ metadata, status }) => status?.phase !== 'Bound' && metadata.deletionTimestamp === undefined)
    .filter(({ metadata, spec }) => ours.has(classOf(metadata, spec) ?? ''))
    .filter(({ metadata }) => (since(metadata.creationTimestamp, now) ?? 0) > WAITS_MS);
  if (waiting.length === 0) return [];
  const ledger = ledgerOf(facts);
  return waiting.flatMap((claim) => reasonOf(claim, facts, ledger) ?? []);
}

/** The ledger as an operator has it after its start: all that is observed, recorded and settled. */
function ledgerOf(facts: Facts): Ledger {
  const { driver } = facts.settings;
  const ledger = new Ledger({ strategy: 'spread', drivers: [driver], holdTtlMs: 60_000 });
  const tell = <T>(objects: readonly T[] | undefined, hear: (object: T) => void): void => (objects ?? []).forEach(hear);
  const isHere = ({ metadata }: NodeLocalStorage): boolean => metadata.annotations?.[LOST] === undefined;
  tell(facts.classes, (each) => ledger.classChanged(classFacts(each)));
  tell(facts.storages?.filter(isHere), (nls) => ledger.nodeChanged(nodeStorage(nls).storage));
  tell(facts.volumes, (volume) => ledger.volumeChanged(volumeFacts(volume)));
  tell(facts.pvs, (pv) => ledger.pvChanged(pvFacts(pv)));
  tell(facts.claims, (claim) => ledger.claimChanged(claimFacts(claim)));
  tell(facts.pendingPods, (pod) => ledger.podChanged(podFacts(pod, [driver])));
  return ledger;
}

function reasonOf(claim: PersistentVolumeClaim, facts: Facts, ledger: Ledger): Finding | undefined {
  const why = madeFor(claim, facts) ?? provisioning(claim, facts) ?? placing(claim, facts, ledger);
  const age = inWords(since(claim.metadata.creationTimestamp, facts.now) ?? 0);
  const object = `PersistentVolumeClaim/${placeOf(claim)}`;
  return why && found('ClaimWaits', object, `It waits for ${age}: ${why.reason}`, ...why.mend);
}

/** csi-provisioner was told to make its volume, and has not. */
function provisioning(claim: PersistentVolumeClaim, facts: Facts): Reason | undefined {
  const event = failureOf(claim, facts);
  if (event !== undefined)
    return { reason: event, mend: [`kubectl -n ${claim.metadata.namespace} describe pvc ${nameOf(claim)}`] };
  if (claim.metadata.annotations?.[SELECTED_NODE] === undefined) return undefined;
  return { reason: 'a node was chosen, and csi-provisioner has not asked for the volume.', mend: [operatorLog(facts)] };
}

/** Its pod has no node yet. Without a pod it waits as it should. */
function placing(claim: PersistentVolumeClaim, facts: Facts, ledger: Ledger): Reason | undefined {
  const pod = (facts.pendingPods ?? []).find((each) => mounts(each, claim));
  if (!pod) return undefined;
  const refused = refusalsOf(pod, facts, ledger);
  if (refused) return refused;
  const told = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  )?.message;
  const says = told === undefined ? 'kube-scheduler has not tried it' : `kube-scheduler says: ${told}`;
  return {
    reason: `some node has room for pod ${nameOf(pod)}; ${says}.`,
    mend: [`kubectl -n ${pod.metadata.namespace} describe pod ${nameOf(pod)}`],
  };
}

const mounts = ({ metadata, spec }: Pod, claim: PersistentVolumeClaim): boolean =>
  metadata.namespace === claim.metadata.namespace &&
  (spec?.volumes ?? []).some(
    ({ name, persistentVolumeClaim, ephemeral }) =>
      persistentVolumeClaim?.claimName === nameOf(claim) ||
      (ephemeral !== undefined && `${metadata.name}-${name}` === nameOf(claim)),
  );

interface Reason {
  readonly reason: string;
  readonly mend: readonly string[];
}

/** Its volume is recorded, and the node could not make it yet. */
function madeFor({ metadata }: PersistentVolumeClaim, facts: Facts): Reason | undefined {
  const volume = (facts.volumes ?? []).find(
    ({ spec }) =>
      spec.claim?.namespace === metadata.namespace && spec.claim?.name === metadata.name && spec.role === 'Volume',
  );
  if (!volume || volume.status?.phase === 'Ready') return undefined;
  const node = volume.spec.nodeName;
  const { reason = 'Pending', message = 'its agent has not looked at it.' } = volume.status ?? {};
  return {
    reason: `LocalVolume ${nameOf(volume)} on node ${node}: ${reason}: ${message}`,
    mend: [`kubectl describe lvol ${nameOf(volume)}`, agentLog(facts, node)],
  };
}

function failureOf(claim: PersistentVolumeClaim, { events = [] }: Facts): string | undefined {
  const own = events
    .filter(({ involvedObject: about }) => about?.kind === 'PersistentVolumeClaim' && about.name === nameOf(claim))
    .filter(({ involvedObject: about }) => about?.namespace === claim.metadata.namespace)
    .toSorted((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? ''));
  return own.at(-1)?.message;
}

/** Why no node has room, by the judge that kube-scheduler asks; undefined where some node has. */
function refusalsOf(pod: Pod, { storages = [], nodes = [], settings }: Facts, ledger: Ledger): Reason | undefined {
  const there = new Set(nodes.map(nameOf));
  const names = storages.map(nameOf).filter((name) => there.has(name));
  const facts = podFacts(pod, [settings.driver]);
  const { refusals } = ledger.filter(facts, names, 0);
  if (names.length === 0) return { reason: 'no node reports storage of ours.', mend: [MENDS['unknown-node']] };
  if (refusals.includes(undefined)) return undefined;
  const counts = new Map<string, { refusal: Refusal; count: number }>();
  for (const refusal of refusals) {
    if (!refusal) continue;
    const before = counts.get(refusal.message);
    counts.set(refusal.message, { refusal, count: (before?.count ?? 0) + 1 });
  }
  const all = [...counts.values()].toSorted((a, b) => b.count - a.count);
  const told = all.map(({ refusal, count }) => `${count} ${count === 1 ? 'node' : 'nodes'}: ${refusal.message}`);
  const kinds = [...new Set(all.map(({ refusal }) => refusal.kind))];
  return {
    reason: `pod ${nameOf(pod)} fits on none of ${names.length} nodes: ${told.join('; ')}.`,
    mend: kinds.map((kind) => MENDS[kind]),
  };
}

const MENDS: Readonly<Record<RefusalKind, string>> = {
  'unknown-node': 'kubectl get nls; kubectl get nlsc -o yaml   (say which disks of which nodes are to be used)',
  'no-such-group':
    'kubectl edit nlsc   (list the group, or have it made of a disk), or name one that is there in the StorageClass',
  'group-too-small':
    'kubectl edit nlsc   (add a disk to the group in resourceToBeInited.vgs), or ask for less in the claim',
  'held-by-others':
    'kubectl get lvol; kubectl get pods -A --field-selector=status.phase=Pending   (room that is held comes free by itself within minutes)',
  'no-free-unit': 'kubectl edit nlsc   (offer another disk in listConfig.devices), or ask for less in the claim',
  'refused-by-node': 'kubectl get events -A --field-selector involvedObject.kind=LocalVolume   (why the node refused)',
  'wrong-node': 'kubectl get lvol -o wide   (its volumes and what they are made from must be on one node)',
  'claim-missing': 'kubectl get pvc,volumesnapshot -A   (what the pod or claim names must be there)',
  'bad-class': 'kubectl get sc -o yaml   (correct the class that the reason names)',
  'bad-request': 'correct what the reason names in the pod or the claim, and make it anew',
};
