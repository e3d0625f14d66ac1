import type { KubeClient } from '../../src/kube/client.ts';
import { isConflict } from '../../src/kube/errors.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { SELECTED_NODE } from '../../src/model/well-known.ts';
import type { Store } from '../controllers/store.ts';
import { keyOf } from '../controllers/store.ts';
import type { PodClaims } from '../controllers/pod-claims.ts';
import { isBound, selectedNodeOf } from '../controllers/pod-claims.ts';
import { untilCalled } from '../../src/wait/abort.ts';

export interface BindDeps {
  readonly client: KubeClient;
  readonly claims: Store<PersistentVolumeClaim>;
}

/** Time limit of a binding, VolumeBinding's bindTimeoutSeconds. */
const BIND_TIMEOUT_MS = 600_000;

/**
 * The binding cycle: tells the provisioner the node, waits until every claim is bound, binds the pod. Throws when the
 * provisioner gave a claim back, or the binding was refused.
 */
export async function bindPod(
  pod: Pod,
  { node, claims }: { readonly node: string; readonly claims: PodClaims },
  deps: BindDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const claim of claims.toProvision) await selectNode(claim, node, deps.client, signal);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(BIND_TIMEOUT_MS)]);
  await Promise.all(claims.toProvision.map((claim) => untilBound(claim, { node, store: deps.claims }, deadline)));

  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  };
  await deps.client.createSub(PODS, { name, namespace }, 'binding', binding, signal);
}

async function selectNode(
  claim: PersistentVolumeClaim,
  node: string,
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  if (selectedNodeOf(claim) === node) return;
  const { name = '', namespace, resourceVersion } = claim.metadata;
  const body = { metadata: { resourceVersion, annotations: { [SELECTED_NODE]: node } } };
  try {
    await client.patch(CLAIMS, { name, namespace }, { type: 'merge', body }, signal);
  } catch (error) {
    if (isConflict(error))
      throw new Fault('aborted', `claim ${name} changed while the pod was bound`, { cause: error });
    throw error;
  }
}

/**
 * Follows one claim until it is bound. Throws Fault `exhausted` when it is given back, `not-found` when it is deleted.
 */
async function untilBound(
  { metadata }: PersistentVolumeClaim,
  { node, store }: { readonly node: string; readonly store: Store<PersistentVolumeClaim> },
  signal: AbortSignal,
): Promise<void> {
  const key = keyOf({ metadata });
  await untilCalled((resolve, reject) => {
    let annotated = false;
    const look = (claim: PersistentVolumeClaim | undefined): void => {
      if (!claim) return reject(new Fault('not-found', `binding volumes: claim ${key} was deleted`));
      if (isBound(claim)) return resolve();
      const selected = selectedNodeOf(claim);
      // The store may lag behind the write that selected the node.
      if (selected === node) annotated = true;
      else if (annotated)
        reject(new Fault('exhausted', `binding volumes: provisioning failed for PVC "${metadata.name ?? ''}"`));
    };
    const unsubscribe = store.subscribe((claim, gone) => {
      if (keyOf(claim) === key) look(gone ? undefined : claim);
    });
    look(store.get(key));
    return unsubscribe;
  }, signal);
}
