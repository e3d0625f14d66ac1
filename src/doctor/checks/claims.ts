import { inWords } from '../../model/in-words.ts';
import { claimFacts, classOf } from '../../model/decode-claim.ts';
import type { PersistentVolumeClaim, Pod } from '../../model/objects.ts';
import { present } from '../../model/present.ts';
import { SELECTED_NODE } from '../../model/well-known.ts';
import { createJudge, type Judge } from '../../operator/waiting/judge.ts';
import { lastAbout } from '../model/last-event.ts';
import { nameOf, placeOf, since, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { agentLog, operatorLog } from '../model/mend.ts';
import { isVolumeOf } from '../model/volume-of.ts';
import { countedStorages } from './counted-storages.ts';

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
  const judge = judgeOf(facts);
  return waiting.flatMap((claim) => reasonOf(claim, facts, judge) ?? []);
}

/** By what the operator tells pods that wait. Undefined where what it goes by could not be looked at. */
function judgeOf(facts: Facts): Judge | undefined {
  const { nodes, storages, classes, claims, volumes, pvs, settings, now } = facts;
  if (!nodes || !storages || !classes || !claims || !volumes || !pvs) return undefined;
  const { pendingPods: pods = [], snapshots, contents } = facts;
  const read = { nodes, storages, classes, claims, volumes, pvs, pods, snapshots, contents, settings };
  return createJudge(read, countedStorages({ storages, settings, csiNodes: facts.csiNodes, now }));
}

function reasonOf(claim: PersistentVolumeClaim, facts: Facts, judge: Judge | undefined): Finding | undefined {
  const why = madeFor(claim, facts) ?? provisioning(claim, facts) ?? placing(claim, facts, judge);
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
  return (
    filling(claim, facts) ?? {
      reason: 'a node was chosen, and csi-provisioner has not asked for the volume.',
      mend: [operatorLog(facts)],
    }
  );
}

/** csi-provisioner makes no volume for a claim that others fill. */
function filling({ metadata, spec }: PersistentVolumeClaim, { claims = [] }: Facts): Reason | undefined {
  const { uid, populated, restore, namespace, name } = claimFacts({ metadata, ...present({ spec }) });
  if (!populated) return undefined;
  const mend = [`kubectl -n ${namespace} describe pvc ${name}`];
  const standIn = claims.find((each) => claimFacts(each).standsInFor === uid);
  if (standIn) return { reason: `it is filled by way of PersistentVolumeClaim/${placeOf(standIn)}.`, mend };
  if (restore) return { reason: 'a node was chosen, and Velero has not given it its volume.', mend };
  const { kind = '', apiGroup = '' } = spec?.dataSourceRef ?? spec?.dataSource ?? {};
  const from = `${kind}${apiGroup === '' ? '' : `.${apiGroup}`}`;
  const reason = `it is made from a ${from}, which a volume populator must do, and none has begun: csi-provisioner makes no such volume. See whether one for that kind runs.`;
  return {
    reason,
    mend: [...mend, 'kubectl get volumepopulators.populator.storage.k8s.io   (where they are registered)'],
  };
}

/** Its pod has no node yet. Without a pod it waits as it should. */
function placing(
  claim: PersistentVolumeClaim,
  { pendingPods = [] }: Facts,
  judge: Judge | undefined,
): Reason | undefined {
  const pod = pendingPods.find((each) => mounts(each, claim));
  if (!pod || !judge) return undefined;
  const { namespace } = pod.metadata;
  const { message, nodes } = judge.why(judge.factsOf(pod));
  if (nodes === 0) return { reason: 'the cluster has no node.', mend: ['kubectl get nodes'] };
  if (message !== undefined)
    return {
      reason: `pod ${nameOf(pod)}: ${message}`,
      mend: [`kubectl open-local why pod ${nameOf(pod)} -n ${namespace}`],
    };
  const told = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  )?.message;
  const says = told === undefined ? 'kube-scheduler has not tried it' : `kube-scheduler says: ${told}`;
  return {
    reason: `some node has room for pod ${nameOf(pod)}; ${says}.`,
    mend: [`kubectl -n ${namespace} describe pod ${nameOf(pod)}`],
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
function madeFor(claim: PersistentVolumeClaim, facts: Facts): Reason | undefined {
  const volume = facts.volumes?.find((each) => isVolumeOf(each, claim));
  if (!volume || volume.status?.phase === 'Ready') return undefined;
  const node = volume.spec.nodeName;
  const { reason = 'Pending', message = 'its agent has not looked at it.' } = volume.status ?? {};
  return {
    reason: `LocalVolume ${nameOf(volume)} on node ${node}: ${reason}: ${message}`,
    mend: [`kubectl describe lvol ${nameOf(volume)}`, agentLog(facts, node)],
  };
}

const failureOf = (claim: PersistentVolumeClaim, { events = [] }: Facts): string | undefined =>
  lastAbout([claim], events)?.message;
