import type { Message } from '../src/kube/protobuf/schema.ts';
import {
  flag,
  many,
  message,
  one,
  quantityMap,
  text,
  textMap,
  texts,
  time,
  whole,
} from '../src/kube/protobuf/schema.ts';

/**
 * All fields that the objects of this folder have, and the empty ones that Go writes all the same, so that an object is
 * as long on the wire as an API server's.
 */

type Json = Readonly<Record<string, unknown>>;
// oxlint-disable-next-line no-explicit-any
type Any = Record<string, any>;

const struct = (
  fields: Parameters<typeof message<Any>>[0],
  embedded?: Parameters<typeof message<Any>>[1],
): Message<Any> => message<Any>(fields, embedded);

const OWNER = struct({
  ...{
    kind: text(1),
    name: text(3),
    uid: text(4),
    apiVersion: text(5),
    controller: flag(6),
    blockOwnerDeletion: flag(7),
  },
});
const MANAGED_FIELDS = struct({
  ...{ manager: text(1), operation: text(2), apiVersion: text(3), time: time(4), fieldsType: text(6) },
  ...{ fieldsV1: one(7, struct({ Raw: text(1) })), subresource: text(8) },
});
const metadata = one(
  1,
  struct({
    ...{ name: text(1), generateName: text(2), namespace: text(3), selfLink: text(4), uid: text(5) },
    ...{ resourceVersion: text(6), generation: whole(7), creationTimestamp: time(8), labels: textMap(11) },
    ...{ annotations: textMap(12), ownerReferences: many(13, OWNER), finalizers: texts(14) },
    managedFields: many(17, MANAGED_FIELDS),
  }),
);
const REQUIREMENT = struct({ key: text(1), operator: text(2), values: texts(3) });

const CONFIG_MAP = struct(
  { items: many(2, struct({ key: text(1), path: text(2) })) },
  { 1: struct({ name: text(1) }) },
);
const VOLUME_SOURCE = struct({
  persistentVolumeClaim: one(10, struct({ claimName: text(1), readOnly: flag(2) })),
  projected: one(
    26,
    struct({
      sources: many(
        1,
        struct({
          configMap: one(3, CONFIG_MAP),
          serviceAccountToken: one(4, struct({ audience: text(1), expirationSeconds: whole(2), path: text(3) })),
        }),
      ),
      defaultMode: whole(2),
    }),
  ),
});
const HTTP_GET = struct({
  ...{ path: text(1), port: one(2, struct({ type: whole(1), intVal: whole(2), strVal: text(3) })), host: text(3) },
  scheme: text(4),
});
const PROBE = struct(
  { timeoutSeconds: whole(3), periodSeconds: whole(4), successThreshold: whole(5), failureThreshold: whole(6) },
  { 1: struct({ httpGet: one(2, HTTP_GET) }) },
);
const CONTAINER = struct({
  ...{ name: text(1), image: text(2), workingDir: text(5) },
  ports: many(6, struct({ name: text(1), containerPort: whole(3), protocol: text(4), hostIP: text(5) })),
  env: many(7, struct({ name: text(1), value: text(2) })),
  resources: one(8, struct({ limits: quantityMap(1), requests: quantityMap(2) })),
  volumeMounts: many(
    9,
    struct({ name: text(1), readOnly: flag(2), mountPath: text(3), subPath: text(4), subPathExpr: text(6) }),
  ),
  livenessProbe: one(10, PROBE),
  ...{ terminationMessagePath: text(13), imagePullPolicy: text(14), stdin: flag(16), stdinOnce: flag(17) },
  ...{ tty: flag(18), terminationMessagePolicy: text(20) },
});
const TOLERATION = struct({
  ...{ key: text(1), operator: text(2), value: text(3), effect: text(4), tolerationSeconds: whole(5) },
});
const CONDITION = struct({
  ...{ type: text(1), status: text(2), lastTransitionTime: time(4), reason: text(5), message: text(6) },
});

const pods = struct({
  metadata,
  spec: one(
    2,
    struct({
      ...{ volumes: many(1, struct({ name: text(1) }, { 2: VOLUME_SOURCE })), containers: many(2, CONTAINER) },
      ...{ restartPolicy: text(3), terminationGracePeriodSeconds: whole(4), dnsPolicy: text(6) },
      ...{ serviceAccountName: text(8), serviceAccount: text(9), nodeName: text(10), hostNetwork: flag(11) },
      ...{ hostPID: flag(12), hostIPC: flag(13), securityContext: one(14, struct({})), hostname: text(16) },
      ...{ subdomain: text(17), schedulerName: text(19), tolerations: many(22, TOLERATION) },
      ...{ priorityClassName: text(24), priority: whole(25), enableServiceLinks: flag(30), preemptionPolicy: text(31) },
    }),
  ),
  status: one(
    3,
    struct({
      ...{ phase: text(1), conditions: many(2, CONDITION), message: text(3), reason: text(4), hostIP: text(5) },
      ...{ podIP: text(6), startTime: time(7), qosClass: text(9), nominatedNodeName: text(11), resize: text(14) },
    }),
  ),
});

const nodes = struct({
  metadata,
  spec: one(2, struct({ podCIDR: text(1), externalID: text(2), providerID: text(3), unschedulable: flag(4) })),
  status: one(3, struct({ phase: text(3), conditions: many(4, CONDITION) })),
});

const persistentvolumeclaims = struct({
  metadata,
  spec: one(
    2,
    struct({
      ...{ accessModes: texts(1), resources: one(2, struct({ requests: quantityMap(2) })), volumeName: text(3) },
      ...{ storageClassName: text(5), volumeMode: text(6) },
    }),
  ),
  status: one(3, struct({ phase: text(1), accessModes: texts(2), capacity: quantityMap(3) })),
});

const NODE_SELECTOR = struct({
  nodeSelectorTerms: many(1, struct({ matchExpressions: many(1, REQUIREMENT) })),
});
const CLAIM_REF = struct({
  ...{ kind: text(1), namespace: text(2), name: text(3), uid: text(4), apiVersion: text(5) },
  ...{ resourceVersion: text(6), fieldPath: text(7) },
});
const CSI = struct({
  ...{ driver: text(1), volumeHandle: text(2), readOnly: flag(3), fsType: text(4), volumeAttributes: textMap(5) },
});
const persistentvolumes = struct({
  metadata,
  spec: one(
    2,
    struct(
      {
        ...{ capacity: quantityMap(1), accessModes: texts(3), claimRef: one(4, CLAIM_REF) },
        ...{ persistentVolumeReclaimPolicy: text(5), storageClassName: text(6), volumeMode: text(8) },
        nodeAffinity: one(9, struct({ required: one(1, NODE_SELECTOR) })),
      },
      { 2: struct({ csi: one(22, CSI) }) },
    ),
  ),
  status: one(3, struct({ phase: text(1), message: text(2), reason: text(3) })),
});

const storageclasses = struct({
  metadata,
  ...{ provisioner: text(2), parameters: textMap(3), volumeBindingMode: text(7) },
});

/** Of Kubernetes' own kinds, by the resource's name; `kind` is that of one object. */
export const WIRE: Readonly<Record<string, { readonly kind: string; readonly schema: Message }>> = {
  pods: { kind: 'Pod', schema: pods },
  nodes: { kind: 'Node', schema: nodes },
  persistentvolumeclaims: { kind: 'PersistentVolumeClaim', schema: persistentvolumeclaims },
  persistentvolumes: { kind: 'PersistentVolume', schema: persistentvolumes },
  storageclasses: { kind: 'StorageClass', schema: storageclasses },
};

/** An object with the few things that protobuf has in another shape than JSON: FieldsV1 and IntOrString. */
export function forWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forWire);
  if (typeof value !== 'object' || value === null) return value;
  const shaped = Object.entries(value as Json).map(([key, inner]) => {
    if (key === 'fieldsV1') return [key, { Raw: JSON.stringify(inner) }];
    if (key === 'port' && typeof inner === 'string') return [key, { type: 1, strVal: inner }];
    return [key, forWire(inner)];
  });
  return Object.fromEntries(shaped);
}
