import { present } from '../../../src/model/present.ts';
import { TOOL } from './kubelet-image.ts';

export interface ToolContainer {
  readonly name?: string;
  /** For sh; absent: it does nothing. */
  readonly script?: string;
  readonly resources?: object;
}

export interface ToolPod {
  readonly name: string;
  readonly containers?: readonly ToolContainer[];
  /** What every container has at /data. Absent: nothing. */
  readonly volume?: object;
  /** The volume is a device, at /dev/data. */
  readonly block?: boolean;
  /** The folder of the volume that is at /data; absent: all of it, as it is mounted. */
  readonly subPath?: string;
  /** More of its spec. */
  readonly spec?: object;
}

/** Counts on the volume, each number on the disk before the next; a write that fails ends the container. */
export const COUNT = `set -e; n=$(cat /data/count 2> /dev/null | wc -l); while :; do n=$((n + 1)); echo $n >> /data/count; sync /data/count; sleep 0.1; done`;
/** Prints how far it has come; ends with 1 unless every number is there. */
export const COUNTED = `awk '$1 != NR { print "line " NR " says " $1; exit 1 } END { print NR }' /data/count`;

const IDLE = 'exec sleep 2147483647';

/** A pod of containers that run scripts. It ends at once when asked to. */
export function toolPod({ name, containers = [{}], volume, block = false, subPath, spec = {} }: ToolPod): object {
  const where = block
    ? { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] }
    : { volumeMounts: [{ name: 'data', mountPath: '/data', ...present({ subPath }) }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      terminationGracePeriodSeconds: 1,
      // What takes time and has nothing to do with volumes.
      ...{ hostNetwork: true, dnsPolicy: 'Default', automountServiceAccountToken: false, enableServiceLinks: false },
      containers: containers.map((container, at) => ({
        name: container.name ?? `c${at}`,
        image: TOOL,
        args: [container.script ?? IDLE],
        ...(container.resources ? { resources: container.resources } : {}),
        ...(volume ? where : {}),
      })),
      ...(volume ? { volumes: [{ name: 'data', ...volume }] } : {}),
      ...spec,
    },
  };
}

export interface ToolClaim {
  readonly name: string;
  readonly size: string;
  readonly storageClass?: string;
  readonly block?: boolean;
  /** Absent: ReadWriteOnce. */
  readonly accessMode?: string;
}

/** A claim, and of the pods' `volume` what makes use of it: `claimed`. */
export const toolClaim = ({
  name,
  size,
  storageClass = 'open-local-lvm',
  block = false,
  accessMode = 'ReadWriteOnce',
}: ToolClaim): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: {
    accessModes: [accessMode],
    storageClassName: storageClass,
    volumeMode: block ? 'Block' : 'Filesystem',
    resources: { requests: { storage: size } },
  },
});

export const claimed = (claimName: string): object => ({ persistentVolumeClaim: { claimName } });

/** The only pod of a StatefulSet, `<name>-0`, with a claim `data-<name>-0`. */
export function toolStatefulSet({ name, containers }: Pick<ToolPod, 'name' | 'containers'>, size: string): object {
  const { spec } = toolPod({ name, volume: {}, ...(containers ? { containers } : {}) }) as {
    readonly spec: { volumes?: unknown };
  };
  delete spec.volumes;
  const claim = toolClaim({ name: 'data', size }) as { readonly spec: object };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 1,
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claim.spec }],
    },
  };
}

/** Of volumes that are limited to 1 MiB/s and 500 operations a second, each way. */
export const LIMITED_CLASS = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'limited' },
  provisioner: 'local.csi.aliyun.com',
  parameters: { volumeType: 'LVM', 'csi.storage.k8s.io/fstype': 'ext4', bps: '1Mi', iops: '500' },
  volumeBindingMode: 'WaitForFirstConsumer',
};
