import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { SELECTED_NODE } from '../../src/model/well-known.ts';
import type { Stores } from './deps.ts';

/** Claims of a pod, sorted by what the scheduler still has to do for them. */
export interface PodClaims {
  /** Claims that are bound, with their volumes. */
  readonly bound: readonly PersistentVolume[];
  /** Claims that wait for a node to be chosen. */
  readonly toProvision: readonly PersistentVolumeClaim[];
}

/** The pod cannot be scheduled on any node yet; the message says why. */
export interface NotYet {
  readonly notYet: string;
}

/** Names of the claims that a pod uses, those of generic ephemeral volumes included. */
export function claimNamesOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${pod.metadata.name ?? ''}-${name}`] : [];
  });
}

/** Sorts a pod's claims as the VolumeBinding plug-in's PreFilter does, or says why the pod has to wait. */
export function sortClaims(pod: Pod, stores: Pick<Stores, 'claims' | 'volumes' | 'classes'>): PodClaims | NotYet {
  const bound: PodClaims['bound'][number][] = [];
  const toProvision: PersistentVolumeClaim[] = [];
  for (const name of claimNamesOf(pod)) {
    const claim = stores.claims.get(`${pod.metadata.namespace ?? ''}/${name}`);
    if (!claim) return { notYet: `persistentvolumeclaim "${name}" not found` };
    if (claim.metadata.deletionTimestamp !== undefined)
      return { notYet: `persistentvolumeclaim "${name}" is being deleted` };
    if (isBound(claim)) {
      const volume = stores.volumes.get(claim.spec?.volumeName ?? '');
      if (!volume) return { notYet: `PersistentVolume "${claim.spec?.volumeName ?? ''}" not found` };
      bound.push(volume);
    } else if (isDelayed(claim, stores)) toProvision.push(claim);
    else return { notYet: 'pod has unbound immediate PersistentVolumeClaims' };
  }
  return { bound, toProvision };
}

/** Tells whether the claim is fully bound: it names its volume, and the volume controller has confirmed it. */
export const isBound = (claim: PersistentVolumeClaim): boolean =>
  claim.spec?.volumeName !== undefined && claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined;

const isDelayed = (claim: PersistentVolumeClaim, { classes }: Pick<Stores, 'classes'>): boolean =>
  claim.spec?.volumeName === undefined &&
  classes.get(claim.spec?.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer';

/** Node that an earlier scheduling of the claim chose. */
export const selectedNodeOf = (claim: PersistentVolumeClaim): string | undefined =>
  claim.metadata.annotations?.[SELECTED_NODE];
