import type { Period } from '../system/fake-service.ts';

/**
 * A question that began before is answered, or given up, so long after: the extender's httpTimeout, and a probe. Ms.
 */
const AROUND_MS = 6000;
const DAY_MS = 86_400_000;

/** What kube-scheduler wrote about an extender that failed, was too slow, or was passed over; not its configuration. */
export const extenderComplaints = (log: string): string[] =>
  log.split('\n').filter((line) => /^[EWF]\d{4} .*extender/i.test(line) || line.includes('Skipping extender'));

/** Those of them that no known absence explains. */
export const unexplained = (complaints: readonly string[], absences: readonly Period[]): string[] =>
  complaints.filter((line) => {
    const at = timeOf(line);
    return !absences.some(({ from, to }) => isBetween(at, from - AROUND_MS, Math.min(to, Date.now()) + AROUND_MS));
  });

/** Ms since midnight; klog writes the local time of day: `I1121 13:05:56.123456 …`. */
function timeOf(line: string): number {
  const [, hours, minutes, seconds] = /^.\d{4} (\d\d):(\d\d):([\d.]+)/.exec(line) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000;
}

/** `from` and `to` in ms since the epoch, less than a day apart. */
function isBetween(timeOfDay: number, from: number, to: number): boolean {
  const start = new Date(from).setHours(0, 0, 0, 0);
  return [0, DAY_MS].some((more) => start + timeOfDay + more >= from && start + timeOfDay + more <= to);
}
