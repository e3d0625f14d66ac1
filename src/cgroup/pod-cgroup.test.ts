import { expect, test } from 'vitest';
import { podCgroupPaths } from './pod-cgroup.ts';

const UID = '0a1b-2c3d';

test.each([
  ['Guaranteed, cgroupfs', `kubepods/pod${UID}`],
  ['Burstable, cgroupfs', `kubepods/burstable/pod${UID}`],
  ['BestEffort, cgroupfs', `kubepods/besteffort/pod${UID}`],
  ['Guaranteed, systemd', 'kubepods.slice/kubepods-pod0a1b_2c3d.slice'],
  ['Burstable, systemd', 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b_2c3d.slice'],
  ['BestEffort, systemd', 'kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0a1b_2c3d.slice'],
  [
    'Burstable, systemd, below another root',
    'kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod0a1b_2c3d.slice',
  ],
  ['BestEffort, cgroupfs, below another root', `kubelet/kubepods/besteffort/pod${UID}`],
])('%s', (_, want) => {
  expect(podCgroupPaths(UID)).toContain(want);
});

test('every class and driver, each once', () => {
  const paths = podCgroupPaths(UID);
  expect(new Set(paths).size).toBe(12);
  expect(paths).toHaveLength(12);
});
