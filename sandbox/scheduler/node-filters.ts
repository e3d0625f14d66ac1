import { keptOff, nodeTraitsOf, nodeWishOf, type KeptOff } from '../../src/model/node-choice.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import type { PodClaims } from '../controllers/pod-claims.ts';
import { SELECTED_NODE } from '../../src/model/well-known.ts';
import { reaches } from '../controllers/node-affinity.ts';
import type { Rejection } from './diagnosis.ts';

/** Applies kube-scheduler's own filters, which precede the extender: why the pod may not go there, or undefined. */
export function rejectionOf(pod: Pod, node: Node, claims: PodClaims): Rejection | undefined {
  const kept = keptOff(nodeWishOf(pod), nodeTraitsOf(node));
  if (kept) return unresolvable(inWords(kept));
  if (!claims.bound.every((volume) => reaches(volume, node)))
    return unresolvable("node(s) didn't match PersistentVolume's node affinity");
  if (!claims.toProvision.every((claim) => mayBeProvisionedOn(claim, node)))
    return { reason: NO_VOLUME, unresolvable: false };
  return undefined;
}

const NO_VOLUME = "node(s) didn't find available persistent volumes to bind";

function inWords(kept: KeptOff): string {
  if (kept.by === 'cordon') return 'node(s) were unschedulable';
  if (kept.by === 'selector') return "node(s) didn't match Pod's node affinity/selector";
  if (kept.by === 'class') return NO_VOLUME;
  return `node(s) had untolerated taint {${kept.taint.key}: ${kept.taint.value ?? ''}}`;
}

/** A claim stays with the node of an earlier attempt until the provisioner removes the selected node. */
function mayBeProvisionedOn({ metadata }: PersistentVolumeClaim, node: Node): boolean {
  const selected = metadata.annotations?.[SELECTED_NODE];
  return selected === undefined || selected === node.metadata.name;
}

const unresolvable = (reason: string): Rejection => ({ reason, unresolvable: true });
