import { valueOf } from './value-of.ts';
import { allowsNode, type ClassTopologies } from './class-topologies.ts';
import { matchesTerms, type NodeSelectorTerm, type Taint, type Toleration } from './node-terms.ts';
import type { Node, Pod } from './objects.ts';
import { present } from './present.ts';

/**
 * Whether kube-scheduler lets a pod go to a node, as far as the objects say: its plug-ins NodeUnschedulable,
 * TaintToleration and NodeAffinity, and what VolumeBinding asks of a node by a StorageClass. Room, CPU and memory are
 * others' matter.
 */

/** What a pod asks of its node; nothing, as a rule. */
export interface NodeWish {
  readonly selector?: Readonly<Record<string, string>>;
  /** One of them must match. */
  readonly terms?: readonly NodeSelectorTerm[];
  readonly tolerations?: readonly Toleration[];
  /** Of the volumes that are to be made for it. */
  readonly classes?: readonly ClassTopologies[];
}

/** What of a node decides whether pods may go there. */
export interface NodeTraits {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cordoned?: true;
  /** Those that keep pods away. Absent: none. */
  readonly taints?: readonly Taint[];
}

/** Why a pod may not go to a node. */
export type KeptOff = (
  | { readonly by: 'cordon' }
  | { readonly by: 'taint'; readonly taint: Taint }
  /** The pod's nodeSelector or node affinity leaves the node out. */
  | { readonly by: 'selector' }
  /** The `allowedTopologies` of a StorageClass leave it out. */
  | { readonly by: 'class'; readonly storageClass: string }
) & {
  /** Nothing else keeps the pod off: with this out of the way it could go there. */
  readonly alone: boolean;
};

/** The taint of a cordoned node, which pods of a DaemonSet tolerate. */
const CORDONED: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export function nodeWishOf({ spec }: Pod): NodeWish {
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return present({ selector: spec?.nodeSelector, terms, tolerations: spec?.tolerations });
}

export function nodeTraitsOf({ metadata, spec }: Node): NodeTraits {
  const taints = spec?.taints?.filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute') ?? [];
  return {
    name: metadata.name ?? '',
    labels: metadata.labels ?? {},
    ...(spec?.unschedulable === true && { cordoned: true }),
    ...(taints.length > 0 && { taints }),
  };
}

/** Undefined when the pod may go there. */
export function keptOff(wish: NodeWish, node: NodeTraits): KeptOff | undefined {
  const { tolerations = [] } = wish;
  const isTolerated = (taint: Taint): boolean => tolerations.some((toleration) => tolerates(toleration, taint));
  const taints = node.taints?.filter((each) => each.key !== CORDONED.key && !isTolerated(each)) ?? [];
  const strange = wish.classes?.find((each) => !allowsNode(each, node.labels));
  const reasons = [
    ...(isSelected(wish, node) ? [] : [{ by: 'selector' } as const]),
    ...(strange ? [{ by: 'class', storageClass: strange.storageClass } as const] : []),
    ...taints.map((taint) => ({ by: 'taint', taint }) as const),
    ...(node.cordoned && !isTolerated(CORDONED) ? [{ by: 'cordon' } as const] : []),
  ];
  const [first] = reasons;
  return first && { ...first, alone: reasons.length === 1 };
}

const isSelected = ({ selector = {}, terms }: NodeWish, node: NodeTraits): boolean =>
  Object.entries(selector).every(([key, value]) => valueOf(node.labels, key) === value) &&
  (terms === undefined || matchesTerms(terms, node));

/** An empty key with `Exists` tolerates every taint, and an absent effect every effect. */
function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator, effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (key !== '' && isLike(taint.value, toleration));
}

const isLike = (taint = '', { operator, value = '' }: Toleration): boolean =>
  valueOf(COMPARED, operator || 'Equal')?.(taint, value) ?? false;

type Compare = (taint: string, toleration: string) => boolean;

/**
 * How a taint's value is compared with that of a toleration. `Lt` and `Gt` are KEP-5471: a value that is no whole
 * number, or begins with a zero, is never tolerated by them.
 */
const COMPARED: Readonly<Record<string, Compare>> = {
  Equal: (taint, toleration) => taint === toleration,
  Lt: (taint, toleration) => areNumbers(taint, toleration) && BigInt(taint) < BigInt(toleration),
  Gt: (taint, toleration) => areNumbers(taint, toleration) && BigInt(taint) > BigInt(toleration),
};

const areNumbers = (...texts: readonly string[]): boolean => texts.every((text) => /^(0|-?[1-9]\d*)$/.test(text));
