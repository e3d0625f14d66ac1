import { expect, test } from 'vitest';
import { kubeletFolder } from './kubelet.ts';

test.each([
  ['/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml', '/var/lib/kubelet'],
  ['kubelet --root-dir=/data/kubelet/ --v=2', '/data/kubelet'],
  ['/opt/bin/kubelet --root-dir /opt/rke/var/lib/kubelet', '/opt/rke/var/lib/kubelet'],
  ['/usr/local/bin/k3s agent --kubelet-arg=root-dir=/srv/kubelet', '/srv/kubelet'],
  ['/usr/local/bin/k3s server', '/var/lib/kubelet'],
  ['/usr/local/bin/k3s kubectl get pods', undefined],
  ['/usr/bin/kubelet-helper', undefined],
  ['bash -c kubelet', undefined],
])('%s', (command, folder) => {
  expect(kubeletFolder(command.split(' '))).toBe(folder);
});
