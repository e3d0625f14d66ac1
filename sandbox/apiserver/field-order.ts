import { isObject, type JsonObject } from './json.ts';

/**
 * The order of the Go structs of k8s.io/api and k8s.io/apimachinery, in which a real server writes the fields of
 * built-in kinds, whatever
 * order they were sent in. Where it says nothing of a struct, fields stay as they were sent.
 */
const METADATA = [
  'name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp',
  'deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields',
];
const POD_SPEC = [
  'volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds',
  'activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken nodeName',
  'hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity',
  'schedulerName tolerations hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName',
  'enableServiceLinks preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers',
  'schedulingGates resourceClaims resources hostnameOverride',
];
const POD_STATUS = [
  'observedGeneration phase conditions message reason nominatedNodeName hostIP hostIPs podIP podIPs startTime',
  'initContainerStatuses containerStatuses qosClass ephemeralContainerStatuses resize resourceClaimStatuses',
];
const CLAIM_SPEC = [
  'accessModes selector resources volumeName storageClassName volumeMode dataSource dataSourceRef',
  'volumeAttributesClassName',
];
const NODE_SPEC = ['podCIDR podCIDRs providerID taints unschedulable configSource externalID'];

type Order = ReadonlyMap<string, number>;

const orderOf = (lines: readonly string[]): Order =>
  new Map(
    lines
      .join(' ')
      .split(' ')
      .map((field, place) => [field, place]),
  );

const META = orderOf(METADATA);
const POD = { spec: orderOf(POD_SPEC), status: orderOf(POD_STATUS) };
const PARTS: Readonly<Record<string, { readonly spec?: Order; readonly status?: Order }>> = {
  Pod: POD,
  PersistentVolumeClaim: { spec: orderOf(CLAIM_SPEC) },
  Node: { spec: orderOf(NODE_SPEC) },
};
/** spec and status come behind what most kinds have, and other fields of the kind between them and metadata. */
const WHOLE = new Map([
  ['metadata', 0],
  ['spec', 2],
  ['status', 3],
]);
const REST = 1;

/**
 * An object of a built-in kind without kind and apiVersion, its fields in the order in which a real server writes them.
 */
export function inStructOrder(kind: string, object: Readonly<Record<string, unknown>>): object {
  const { spec, status } = PARTS[kind] ?? {};
  const whole = sorted(object as JsonObject, WHOLE, REST);
  for (const [field, order] of [
    ['metadata', META],
    ['spec', spec],
    ['status', status],
  ] as const) {
    const part = whole[field];
    if (order && isObject(part)) whole[field] = sorted(part, order, order.size);
  }
  return whole;
}

function sorted(object: JsonObject, order: Order, rest: number): JsonObject {
  const place = (field: string): number => order.get(field) ?? rest;
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => place(a) - place(b)));
}

/**
 * An object of a custom kind: a real server writes the keys of what it has no struct for in the order of the alphabet.
 */
export function inAlphabet(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inAlphabet);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, inAlphabet(value[key])]));
}
