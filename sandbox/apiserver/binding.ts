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
  { kind: pods, ...key }: { kind: Kind; namespace: string | undefined; name: string },
  binding: Stored,
  dryRun: boolean,
): void {
  if ((binding.kind ?? 'Binding') !== 'Binding')
    throw badRequest(`${binding.kind} in version "v1" cannot be handled as a Binding`);
  if ((binding.metadata.name ?? key.name) !== key.name)
    throw badRequest('name in URL does not match name in Binding object');
  const node = at(binding, ['target', 'name']);
  if (typeof node !== 'string' || node === '') throw invalid(BINDING, key.name, [wrong.required('target.name')]);
  const version = deps.store.collection(idOf(pods)).get(keyOf(key.namespace, key.name));
  if (version === undefined) throw notFound(pods, key.name);
  checkBindable(key.name, version.object, binding.metadata.uid);
  const next = withNode(version.object, node, binding.metadata.annotations ?? {}, deps.now());
  if (!dryRun) deps.store.put(idOf(pods), version.key, next, version.owners);
}

function withNode(pod: Stored, node: string, annotations: Readonly<Record<string, string>>, now: number): Stored {
  const { metadata } = pod;
  const spec = isObject(pod['spec']) ? pod['spec'] : {};
  return {
    ...pod,
    metadata: {
      ...metadata,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...metadata.annotations, ...annotations } }),
    },
    spec: { ...spec, nodeName: node },
    status: scheduled(isObject(pod['status']) ? pod['status'] : {}, timestamp(now)),
  };
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
