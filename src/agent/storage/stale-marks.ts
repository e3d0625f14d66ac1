import { isMarkedIn } from '../../lvm/device-mark.ts';

/** Longer than LVM's commands are given: a try that has not ended by then has been cut. */
const TRY_MS = 900_000;

/** Whether whoever gave a device its mark is surely no longer at it. */
export type IsOver = (uuid: string) => boolean;

/**
 * A mark from an earlier boot is stale. One from this boot may be a second agent's during a rolling update, so it is
 * stale only after 15 minutes. `now` counts ms and never goes back.
 */
export function createCutTries(boot: string, now: () => number): IsOver {
  const firstSeen = new Map<string, number>();
  return (uuid) => {
    if (!isMarkedIn(boot, uuid)) return true;
    const since = firstSeen.get(uuid) ?? now();
    firstSeen.set(uuid, since);
    return now() - since >= TRY_MS;
  };
}
