import type { CopiedDevice } from './report.ts';

/**
 * The devices that lvm says, beside its report, it does not use since another carries the same physical volume
 * (lib/cache/lvmcache.c); the report itself shows the chosen one alone.
 */
export const duplicatesIn = (stderr: string): readonly CopiedDevice[] =>
  [...stderr.matchAll(/Not using device (\S+) for PV ([\w-]+)/g)].map(([, device = '', uuid = '']) => ({
    device,
    uuid,
  }));
