import type { AskedVolume } from '../../capacity/needs/asked-volumes.ts';
import type { ClaimFacts, ClassFacts, PodFacts } from '../../model/facts.ts';
import { describeAsked, type Told } from './sentences.ts';

/** What is known of the cluster. */
export interface KnownOfClaims {
  /** By `namespace/name`. */
  readonly claim: (key: string) => ClaimFacts | undefined;
  readonly storageClass: (name: string) => ClassFacts | undefined;
  /** Label `kubernetes.io/hostname` of the node of this name. */
  readonly hostname: (node: string) => string | undefined;
}

/** It has its node, and its claims still count for it: it has not begun. */
export const hasNodeAndClaims = ({ nodeName, finished, volumes }: PodFacts): boolean =>
  nodeName !== undefined && !finished && volumes.some(({ kind }) => kind !== 'inline');

/**
 * Why a pod that has its node never starts: no scheduler chose that node for its claims, so none chooses one for them,
 * and a class of WaitForFirstConsumer waits for that (kubernetes#95767). A scheduler may have placed it by a claim that
 * was being deleted, and that was made anew under its name (kubernetes#128164). `asked` are the pod's volumes that are
 * ours. Undefined when it is not so.
 */
export function sayNamedNode(pod: PodFacts, asked: readonly AskedVolume[], known: KnownOfClaims): Told | undefined {
  const { nodeName, namespace } = pod;
  const waits = asked.find(({ what, name, storageClass = '' }) => {
    const claim = what === 'claim' ? known.claim(`${namespace}/${name}`) : undefined;
    return claim && isUntouched(claim) && known.storageClass(storageClass)?.waitsForConsumer;
  });
  if (!waits || nodeName === undefined) return undefined;
  const message =
    `Waits with ${describeAsked(waits)}. The pod has a node (spec.nodeName is ${nodeName}), which it names itself, or ` +
    'got by an earlier claim of that name: so no scheduler chooses a node for the claim, and its class makes no volume ' +
    'before that (WaitForFirstConsumer). What helps: make the pod anew without spec.nodeName, as a controller does if ' +
    'its template has none; to have that node, with nodeSelector ' +
    `kubernetes.io/hostname: ${known.hostname(nodeName) ?? nodeName}.`;
  return { reason: 'ClaimNotReady', message };
}

const isUntouched = ({ bound, deleting, volumeName, selectedNode }: ClaimFacts): boolean =>
  !bound && !deleting && volumeName === undefined && selectedNode === undefined;
