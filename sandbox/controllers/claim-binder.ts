import { CLAIMS, VOLUMES } from '../../src/kube/resource.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim } from '../../src/model/objects.ts';
import { SELECTED_NODE } from '../../src/model/well-known.ts';
import type { Deps } from './deps.ts';
import { claimNamesOf } from './pod-claims.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';

const PROTECTION = 'kubernetes.io/pvc-protection';

/** Adds to a new claim what admission (StorageObjectInUseProtection) adds on a real API server. */
export const admitted = <T extends KubeObject>(object: T): T =>
  object.kind === 'PersistentVolumeClaim'
    ? { ...object, metadata: { ...object.metadata, finalizers: [PROTECTION] } }
    : object;

/** Annotation that asks the external provisioner named in it for a volume. */
export const PROVISIONER = 'volume.kubernetes.io/storage-provisioner';

/** Stands in for the claims' half of the volume controller, and for claim protection. Keys are claims. */
export function createClaimBinder(deps: Deps): StandIn {
  const { pods, claims, volumes } = deps.stores;
  return {
    name: 'claim-binder',
    wakes: [
      onChange(claims, (claim) => [keyOf(claim)]),
      onChange(volumes, claimOf),
      onChange(pods, (pod) => claimNamesOf(pod).map((name) => `${pod.metadata.namespace ?? ''}/${name}`)),
    ],
    reconcile: async (key, signal) => {
      const claim = claims.get(key);
      if (!claim) return;
      if (claim.metadata.deletionTimestamp !== undefined) await release(claim, deps, signal);
      else if (!claim.metadata.finalizers?.includes(PROTECTION))
        await setFinalizers(claim, { protect: true }, deps, signal);
      else if (claim.status?.phase !== 'Bound') await bind(claim, deps, signal);
    },
  };
}

const claimOf = ({ spec }: PersistentVolume): string[] =>
  spec?.claimRef ? [`${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`] : [];

/** Lets a deleted claim go once no pod uses it. */
async function release(claim: PersistentVolumeClaim, deps: Deps, signal: AbortSignal): Promise<void> {
  const { namespace, name = '', finalizers = [] } = claim.metadata;
  const used = deps.stores.pods
    .list()
    .some(
      (pod) =>
        pod.spec?.nodeName !== undefined && pod.metadata.namespace === namespace && claimNamesOf(pod).includes(name),
    );
  if (!used && finalizers.includes(PROTECTION)) await setFinalizers(claim, { protect: false }, deps, signal);
}

async function setFinalizers(
  { metadata }: PersistentVolumeClaim,
  { protect }: { readonly protect: boolean },
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { name = '', namespace, resourceVersion, finalizers = [] } = metadata;
  const others = finalizers.filter((finalizer) => finalizer !== PROTECTION);
  const body = { metadata: { resourceVersion, finalizers: protect ? [...others, PROTECTION] : others } };
  await client.patch(CLAIMS, { name, namespace }, { type: 'merge', body }, signal);
}

async function bind(claim: PersistentVolumeClaim, deps: Deps, signal: AbortSignal): Promise<void> {
  const volume = deps.stores.volumes.list().find(({ spec }) => spec?.claimRef?.uid === claim.metadata.uid);
  if (volume) await bindTo(volume, claim, deps, signal);
  else await askProvisioner(claim, deps, signal);
}

async function bindTo(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const key = splitKey(keyOf(claim));
  const name = volume.metadata.name ?? '';
  const annotations = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };
  await client.patch(VOLUMES, { name }, { type: 'merge', body: { status: { phase: 'Bound' } } }, signal, 'status');
  const { resourceVersion } = claim.metadata;
  const bound = { metadata: { resourceVersion, annotations }, spec: { volumeName: name } };
  await client.patch(CLAIMS, key, { type: 'merge', body: bound }, signal);
  const status = { phase: 'Bound', accessModes: volume.spec?.accessModes, capacity: volume.spec?.capacity };
  await client.patch(CLAIMS, key, { type: 'merge', body: { status } }, signal, 'status');
}

async function askProvisioner(
  claim: PersistentVolumeClaim,
  { client, stores }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const key = splitKey(keyOf(claim));
  const { annotations = {}, resourceVersion } = claim.metadata;
  if (claim.status?.phase === undefined)
    await client.patch(CLAIMS, key, { type: 'merge', body: { status: { phase: 'Pending' } } }, signal, 'status');
  const storageClass = stores.classes.get(claim.spec?.storageClassName ?? '');
  if (!storageClass || annotations[PROVISIONER] !== undefined) return;
  if (storageClass.volumeBindingMode === 'WaitForFirstConsumer' && annotations[SELECTED_NODE] === undefined) return;
  const body = { metadata: { resourceVersion, annotations: { [PROVISIONER]: storageClass.provisioner } } };
  await client.patch(CLAIMS, key, { type: 'merge', body }, signal);
}
