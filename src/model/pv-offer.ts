import { classOf, quantity } from './decode-claim.ts';
import type { PvFacts, PvOffer } from './facts.ts';
import type { PersistentVolume } from './objects.ts';
import { present } from './present.ts';
import { TOPOLOGY_KEY } from './well-known.ts';

/**
 * What a PersistentVolume offers to claims; undefined once it is bound or may not be bound any more. One that is made
 * for a claim may be bound to that claim before its phase says so.
 */
export function offerOf(pv: PersistentVolume): PvFacts['offer'] {
  if (!isOpen(pv)) return undefined;
  const { metadata, spec = {}, status } = pv;
  return {
    storageClass: classOf(metadata, spec) ?? '',
    capacity: quantity(spec.capacity?.['storage']),
    block: spec.volumeMode === 'Block',
    accessModes: spec.accessModes ?? [],
    labels: metadata.labels ?? {},
    available: status?.phase === 'Available',
    ...present({
      attributesClass: spec.volumeAttributesClassName || undefined,
      claim: spec.claimRef && claimOf(spec.claimRef),
      nodes: nodesOf(spec),
    }),
  };
}

function isOpen({ metadata, spec, status }: PersistentVolume): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const phase = status?.phase ?? 'Pending';
  return phase === 'Available' || (phase === 'Pending' && spec?.claimRef !== undefined);
}

function claimOf({
  namespace = '',
  name = '',
  uid,
}: NonNullable<NonNullable<PersistentVolume['spec']>['claimRef']>): PvOffer['claim'] {
  return { namespace, name, ...present({ uid: uid || undefined }) };
}

/**
 * The nodes that its node affinity names, each term being one way to reach it. A term that says more than the node's
 * name leads nowhere: the ledger knows no labels, and a claim that could have the volume there is given room instead.
 */
function nodesOf({ nodeAffinity }: NonNullable<PersistentVolume['spec']>): readonly string[] | undefined {
  const terms = nodeAffinity?.required?.nodeSelectorTerms;
  return terms?.flatMap(({ matchExpressions = [] }) => {
    const [only, ...more] = matchExpressions;
    return only?.key === TOPOLOGY_KEY && only.operator === 'In' && more.length === 0 ? (only.values ?? []) : [];
  });
}
