import { expect, test } from 'vitest';
import { folderByMounts, kubeletFolder } from './kubelet.ts';

test.each([
  ['/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml', '/var/lib/kubelet'],
  ['kubelet --root-dir=/data/kubelet/ --v=2', '/data/kubelet'],
  ['/opt/bin/kubelet --root-dir /opt/rke/var/lib/kubelet', '/opt/rke/var/lib/kubelet'],
  ['/usr/local/bin/k3s server', undefined],
  ['/snap/microk8s/8492/kubelite --kubelet-args-file=/var/snap/microk8s/8492/args/kubelet', undefined],
  ['/usr/bin/kubelet-helper', undefined],
  ['bash -c kubelet', undefined],
])('%s', (command, folder) => {
  expect(kubeletFolder(command.split(' '))).toBe(folder);
});

const UID = '0a1b2c3d-1111-2222-3333-444455556666';
const mounted = (...targets: readonly string[]): string =>
  ['/', '/proc', ...targets].map((target, id) => `${id} 1 0:${id} / ${target} rw shared:1 - tmpfs tmpfs rw`).join('\n');

test.each([
  ['k3s', [`/data/kubelet/pods/${UID}/volumes/kubernetes.io~projected/kube-api-access-x`], '/data/kubelet'],
  [
    'MicroK8s, with several mounts',
    ['a', 'b'].map((v) => `/var/snap/microk8s/common/var/lib/kubelet/pods/${UID}/volumes/kubernetes.io~csi/${v}/mount`),
    '/var/snap/microk8s/common/var/lib/kubelet',
  ],
  ['a pod of a file', [`/k/pods/${'0a'.repeat(16)}/volumes/kubernetes.io~empty-dir/x`], '/k'],
  ['nothing for pods', ['/mnt/pods/backup', '/run/containerd/x/rootfs'], undefined],
  ['two kubelets', ['/a', '/b'].map((root) => `${root}/pods/${UID}/volumes/kubernetes.io~secret/x`), undefined],
])('what is mounted by %s', (_, targets, folder) => {
  expect(folderByMounts(mounted(...targets))).toBe(folder);
});
