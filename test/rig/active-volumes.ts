import type { Lvm } from '../../src/lvm/lvm.ts';

/**
 * Lets simulated LVM tell of each volume that its device is there, as LVM does where the kernel has device-mapper: what
 * is removed is then erased first.
 */
export const withActiveVolumes = (lvm: Lvm): Lvm => ({
  ...lvm,
  report: async (signal) => {
    const report = await lvm.report(signal);
    const groups = report.groups.map((group) => ({
      ...group,
      volumes: group.volumes.map((volume) => ({ active: true, ...volume })),
    }));
    return { ...report, groups };
  },
});
