import type { KubeClient } from '../kube/client.ts';
import { isNoSuchKind } from '../kube/errors.ts';
import { MUTATING_BINDINGS, MUTATING_POLICIES, type Resource } from '../kube/resource.ts';
import { Fault } from '../model/fault.ts';
import { marksPodsOf } from '../model/marked-pods.ts';
import type { KubeObject } from '../model/objects.ts';

/**
 * Throws Fault `precondition` where new pods of this scheduler are not marked: a kube-scheduler that asks about marked
 * pods alone would then ask about none. Throws what the client throws.
 */
export async function assertMarked(
  client: Pick<KubeClient, 'list'>,
  scheduler: string,
  signal: AbortSignal,
): Promise<void> {
  const policies = await listed(client, MUTATING_POLICIES, signal);
  const bindings = await listed(client, MUTATING_BINDINGS, signal);
  if (marksPodsOf(scheduler, policies, bindings)) return;
  throw new Fault(
    'precondition',
    `--marked-pods: no MutatingAdmissionPolicy marks pods of ${scheduler}, so kube-scheduler would ask about none of them: ` +
      'first helm upgrade with --set scheduler.markPods=true, or kubectl apply -k deploy/marked-pods (Kubernetes 1.36 or newer)',
  );
}

/** A server that does not know the kind has no such objects. */
async function listed<T extends KubeObject>(
  client: Pick<KubeClient, 'list'>,
  resource: Resource<T>,
  signal: AbortSignal,
): Promise<readonly T[]> {
  try {
    return (await client.list(resource, {}, signal)).items;
  } catch (error) {
    if (isNoSuchKind(error)) return [];
    throw error;
  }
}
