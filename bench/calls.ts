import { claimName, nodeName, POD_NAMESPACE } from './half-full-cluster.ts';

/** The calls of a scheduler, as bytes. */

const PARALLELISM = 16;

/**
 * Names in the order in which kube-scheduler has them: it begins where the last pod ended, and 16 workers take chunks
 * of √n nodes and tell of each node when they are done with it (parallelize.Until).
 */
export function schedulerOrder(count: number, start: number, random: (below: number) => number): string[] {
  const names = Array.from({ length: count }, (_, i) => nodeName((start + i) % count));
  const size = Math.min(Math.floor(Math.sqrt(count)), Math.floor(count / PARALLELISM) + 1);
  const chunks = Array.from({ length: Math.ceil(count / size) }, (_, i) => names.slice(i * size, (i + 1) * size));
  const working = chunks.splice(0, PARALLELISM);
  const order: string[] = [];
  while (working.length > 0) {
    const worker = random(working.length);
    order.push(...working[worker]!.splice(0, 1 + random(3)));
    if (working[worker]!.length > 0) continue;
    const next = chunks.shift();
    if (next) working[worker] = next;
    else working.splice(worker, 1);
  }
  return order;
}

/** Makes the part of the body that kube-scheduler sends before the list of names. */
export function callHead(pod: number, claims: number): string {
  return `{"Pod":${JSON.stringify(podObject(pod, claims))},"Nodes":null,"NodeNames":`;
}

export const namesCall = (head: string, names: readonly string[]): string => `${head}${JSON.stringify(names)}}`;

/** Makes the same call with whole nodes, as with nodeCacheCapable: false. */
export function nodesCall(pod: number, claims: number, names: readonly string[]): string {
  return JSON.stringify({
    Pod: podObject(pod, claims),
    Nodes: { metadata: {}, items: names.map(nodeObject) },
    NodeNames: null,
  });
}

/** A pod of a StatefulSet as the scheduler's cache holds it, without managed fields. */
export function podObject(pod: number, claims: number) {
  const volumes = Array.from({ length: claims }, (_, i) => ({
    name: `data-${i}`,
    persistentVolumeClaim: { claimName: claimName(pod, i) },
  }));
  const token = {
    name: 'kube-api-access-7xk2p',
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
      defaultMode: 420,
    },
  };
  return {
    metadata: {
      name: `web-${pod}`,
      generateName: 'web-',
      namespace: POD_NAMESPACE,
      uid: `5f0c4a3e-3c53-4d5e-9a51-${String(pod).padStart(12, '0')}`,
      resourceVersion: '8741236',
      creationTimestamp: '2026-11-21T09:00:00Z',
      labels: {
        app: 'web',
        'apps.kubernetes.io/pod-index': String(pod),
        'controller-revision-hash': 'web-6596ffb49b',
        'statefulset.kubernetes.io/pod-name': `web-${pod}`,
      },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9113' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          name: 'web',
          uid: 'e2b1b8f1-9e1e-4b8a-8f0e-0c7d6a9f2b11',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      volumes: [...volumes, token],
      containers: ['web', 'metrics'].map((name) => ({
        name,
        image: `registry.example.org/shop/${name}:1.27.3`,
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        env: Array.from({ length: 12 }, (_, i) => ({
          name: `SETTING_${i}`,
          value: `https://settings.example.org/${name}/${i}`,
        })),
        resources: { limits: { cpu: '2', memory: '4Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
        volumeMounts: [
          ...volumes.map((volume) => ({ name: volume.name, mountPath: `/srv/${volume.name}` })),
          { name: token.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
        ],
        livenessProbe: {
          httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
      })),
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      securityContext: {},
      hostname: `web-${pod}`,
      subdomain: 'web',
      schedulerName: 'default-scheduler',
      tolerations: ['not-ready', 'unreachable'].map((key) => ({
        key: `node.kubernetes.io/${key}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    },
    status: { phase: 'Pending', qosClass: 'Burstable' },
  };
}

/** A Node of about 7.9 kB, most of it images. */
function nodeObject(name: string): object {
  const images = Array.from({ length: 50 }, (_, i) => ({
    names: [`registry.example.org/images/image-${i}@sha256:${'0123456789abcdef'.repeat(4)}`],
    sizeBytes: 91_234_567 + i,
  }));
  return {
    metadata: {
      name,
      uid: `uid-of-${name}`,
      resourceVersion: '1234567',
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    spec: { podCIDR: '10.244.0.0/24', providerID: `aws:///eu-west-1a/${name}` },
    status: {
      capacity: { cpu: '16', memory: '64Gi', pods: '110' },
      allocatable: { cpu: '15900m', memory: '62Gi', pods: '110' },
      conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        lastHeartbeatTime: '2026-11-21T09:00:00Z',
        reason: 'KubeletIs',
        message: 'kubelet is posting ready status',
      })),
      images,
    },
  };
}
