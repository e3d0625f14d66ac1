import { type ApiFailure, badRequest, conflict, invalid, notFound, wrong } from './failure.ts';
import { at, isObject, type JsonObject, type Stored } from './json.ts';
import { idOf, type Kind } from './kind.ts';
import { timestamp } from './meta.ts';
import type { RemovalDeps } from './removal.ts';
import { keyOf } from './version.ts';

/**
 * Gives a pod its node, as its `binding` subresource does. Throws 404, 409 when it has one or is being deleted, 422
 * without a target.
 */
export function bind(
  deps: RemovalDeps,
  pods: Kind,
  key: { namespace: string | undefined; name: string },
  binding: Stored,
): void {
  if ((binding.kind ?? 'Binding') !== 'Binding')
    throw badRequest(`${binding.kind} in version "v1" cannot be handled as a Binding`);
  if ((binding.metadata.name ?? key.name) !== key.name)
    throw badRequest('name in URL does not match name in Binding object');
  const node = at(binding, ['target', 'name']);
  if (typeof node !== 'string' || node === '') throw invalid(BINDING, key.name, [wrong.required('target.name')]);
  const version = deps.store.collection(idOf(pods)).get(keyOf(key.namespace, key.name));
  if (version === undefined) throw notFound(pods, key.name);
  const pod = version.object;
  const { metadata } = pod;
  const { annotations = {} } = binding.metadata;
  checkBindable(key.name, pod, binding.metadata.uid);

  const spec = isObject(pod['spec']) ? pod['spec'] : {};
  const next: Stored = {
    ...pod,
    metadata: {
      ...metadata,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...metadata.annotations, ...annotations } }),
    },
    spec: { ...spec, nodeName: node },
    status: scheduled(isObject(pod['status']) ? pod['status'] : {}, timestamp(deps.now())),
  };
  deps.store.put(idOf(pods), version.key, next, version.owners);
}

/** A pod is bound once, while it lives. */
function checkBindable(name: string, pod: Stored, uid: string | undefined): void {
  const { metadata } = pod;
  const node = at(pod, ['spec', 'nodeName']);
  if (uid && uid !== metadata.uid) {
    throw refused(name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
  }
  if (metadata.deletionTimestamp) throw refused(name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (node) throw refused(name, `pod ${name} is already assigned to node ${JSON.stringify(node)}`);
}

const BINDING = { group: '', plural: 'pods/binding', kind: 'Binding' };
const refused = (name: string, why: string): ApiFailure => conflict(BINDING, name, why);

function scheduled(status: JsonObject, now: string): JsonObject {
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
  const others = conditions.filter((one) => !isObject(one) || one['type'] !== 'PodScheduled');
  const condition = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now };
  return { ...status, conditions: [...others, condition] };
}
