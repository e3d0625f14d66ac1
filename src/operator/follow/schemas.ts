import {
  flag,
  many,
  message,
  one,
  quantityMap,
  requiredText,
  text,
  textMap,
  texts,
  time,
  type Message,
} from '../../kube/protobuf/schema.ts';
import type { CsiNode } from '../../model/csi-node.ts';
import type { NodeSelectorTerm, Taint, Toleration } from '../../model/node-terms.ts';
import type {
  LabelSelector,
  Node,
  ObjectMeta,
  OwnerReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodVolumeSource,
  StorageClass,
} from '../../model/objects.ts';

/**
 * What views read of Kubernetes' own kinds, and no field more: a pod has some hundred. A view that begins to read
 * another field adds it here; schemas.test.ts fails until it does. Numbers are those of Kubernetes 1.36, and never
 * change.
 */

type Of<T, K extends keyof T> = NonNullable<T[K]>;
type Item<T> = T extends readonly (infer I)[] ? I : never;
type ClaimSpec = Of<PersistentVolumeClaim, 'spec'>;
type PodSpec = Of<Pod, 'spec'>;
type PodStatus = Of<Pod, 'status'>;
type NodeAffinity = Of<Of<PodSpec, 'affinity'>, 'nodeAffinity'>;
type Ephemeral = Of<PodVolumeSource, 'ephemeral'>;
type PvSpec = Of<PersistentVolume, 'spec'>;

/** Fields of ObjectMeta. */
const identity = { name: text(1), uid: text(5), resourceVersion: text(6) };
const namespace = text(3);
const deletionTimestamp = time(9);
const labels = textMap(11);
const annotations = textMap(12);
const ownerReferences = many(
  13,
  message<OwnerReference>({ kind: requiredText(1), uid: requiredText(4), controller: flag(6) }),
);

const REQUIREMENT = message<Item<Of<NodeSelectorTerm, 'matchExpressions'>>>({
  ...{ key: requiredText(1), operator: requiredText(2), values: texts(3) },
});
const NODE_SELECTOR = message<{ nodeSelectorTerms: NodeSelectorTerm[] }>({
  nodeSelectorTerms: many(
    1,
    message<NodeSelectorTerm>({ matchExpressions: many(1, REQUIREMENT), matchFields: many(2, REQUIREMENT) }),
  ),
});

const CLAIM_SPEC = message<ClaimSpec>({
  accessModes: texts(1),
  resources: one(2, message<Of<ClaimSpec, 'resources'>>({ limits: quantityMap(1), requests: quantityMap(2) })),
  volumeName: text(3),
  selector: one(4, message<LabelSelector>({ matchLabels: textMap(1), matchExpressions: many(2, REQUIREMENT) })),
  storageClassName: text(5),
  volumeMode: text(6),
  dataSource: one(
    7,
    message<Of<ClaimSpec, 'dataSource'>>({ apiGroup: text(1), kind: requiredText(2), name: requiredText(3) }),
  ),
  dataSourceRef: one(
    8,
    message<Of<ClaimSpec, 'dataSourceRef'>>({
      ...{ apiGroup: text(1), kind: requiredText(2), name: requiredText(3), namespace: text(4) },
    }),
  ),
  volumeAttributesClassName: text(9),
});

const VOLUME_SOURCE = message<Partial<PodVolumeSource>>({
  persistentVolumeClaim: one(10, message<Of<PodVolumeSource, 'persistentVolumeClaim'>>({ claimName: requiredText(1) })),
  csi: one(
    28,
    message<Of<PodVolumeSource, 'csi'>>({ driver: requiredText(1), fsType: text(3), volumeAttributes: textMap(4) }),
  ),
  ephemeral: one(
    29,
    message<Ephemeral>({
      volumeClaimTemplate: one(
        1,
        message<Of<Ephemeral, 'volumeClaimTemplate'>>({
          metadata: one(1, message<ObjectMeta>({ annotations })),
          spec: one(2, CLAIM_SPEC),
        }),
      ),
    }),
  ),
});

const POD_SPEC = message<PodSpec>({
  volumes: many(1, message<PodVolumeSource>({ name: requiredText(1) }, { 2: VOLUME_SOURCE })),
  nodeSelector: textMap(7),
  nodeName: text(10),
  schedulerName: text(19),
  affinity: one(
    18,
    message<Of<PodSpec, 'affinity'>>({
      nodeAffinity: one(
        1,
        message<NodeAffinity>({ requiredDuringSchedulingIgnoredDuringExecution: one(1, NODE_SELECTOR) }),
      ),
    }),
  ),
  tolerations: many(22, message<Toleration>({ key: text(1), operator: text(2), value: text(3), effect: text(4) })),
});

const POD_STATUS = message<PodStatus>({
  phase: text(1),
  conditions: many(
    2,
    message<Item<Of<PodStatus, 'conditions'>>>({ type: requiredText(1), status: requiredText(2), reason: text(5) }),
  ),
  nominatedNodeName: text(11),
});

const PV_SPEC = message<PvSpec>(
  {
    capacity: quantityMap(1),
    accessModes: texts(3),
    claimRef: one(4, message<Of<PvSpec, 'claimRef'>>({ namespace: text(2), name: text(3), uid: text(4) })),
    persistentVolumeReclaimPolicy: text(5),
    storageClassName: text(6),
    volumeMode: text(8),
    nodeAffinity: one(9, message<Of<PvSpec, 'nodeAffinity'>>({ required: one(1, NODE_SELECTOR) })),
    volumeAttributesClassName: text(10),
  },
  {
    2: message<Partial<PvSpec>>({
      csi: one(
        22,
        message<Of<PvSpec, 'csi'>>({
          ...{ driver: requiredText(1), volumeHandle: requiredText(2), volumeAttributes: textMap(5) },
        }),
      ),
    }),
  },
);

export const SCHEMAS = {
  pod: message<Pod>({
    metadata: one(1, message<ObjectMeta>({ ...identity, namespace, deletionTimestamp, labels })),
    spec: one(2, POD_SPEC),
    status: one(3, POD_STATUS),
  }),
  node: message<Node>({
    metadata: one(1, message<ObjectMeta>({ ...identity, labels })),
    spec: one(
      2,
      message<Of<Node, 'spec'>>({
        unschedulable: flag(4),
        taints: many(5, message<Taint>({ key: requiredText(1), value: text(2), effect: requiredText(3) })),
      }),
    ),
  }),
  claim: message<PersistentVolumeClaim>({
    metadata: one(1, message<ObjectMeta>({ ...identity, namespace, deletionTimestamp, annotations, ownerReferences })),
    spec: one(2, CLAIM_SPEC),
    status: one(3, message<Of<PersistentVolumeClaim, 'status'>>({ phase: text(1) })),
  }),
  pv: message<PersistentVolume>({
    metadata: one(1, message<ObjectMeta>({ ...identity, deletionTimestamp, labels, annotations })),
    spec: one(2, PV_SPEC),
    status: one(3, message<Of<PersistentVolume, 'status'>>({ phase: text(1) })),
  }),
  csiNode: message<CsiNode>({
    metadata: one(1, message<ObjectMeta>(identity)),
    spec: one(
      2,
      message<Of<CsiNode, 'spec'>>({ drivers: many(1, message<{ readonly name: string }>({ name: requiredText(1) })) }),
    ),
  }),
  storageClass: message<StorageClass>({
    metadata: one(1, message<ObjectMeta>(identity)),
    provisioner: requiredText(2),
    parameters: textMap(3),
    mountOptions: texts(5),
    volumeBindingMode: text(7),
    allowedTopologies: many(
      8,
      message<Item<Of<StorageClass, 'allowedTopologies'>>>({
        matchLabelExpressions: many(
          1,
          message<Item<Of<Item<Of<StorageClass, 'allowedTopologies'>>, 'matchLabelExpressions'>>>({
            ...{ key: requiredText(1), values: texts(2) },
          }),
        ),
      }),
    ),
  }),
} satisfies Record<string, Message>;
