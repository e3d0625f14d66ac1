import type { Period } from '../system/fake-service.ts';

/**
 * A question that began before is answered, or given up, so long after: the extender's httpTimeout, and a probe. Ms.
 */
const AROUND_MS = 6000;
const DAY_MS = 86_400_000;

/** Lines of klog with the level ERROR, WARNING or FATAL: https://github.com/kubernetes/klog#usage */
const IS_TROUBLE = /^[EWF]\d{4} /;
/**
 * How kube-scheduler speaks of an extender. Of one that is not ignorable it passes on the error: that of Go's HTTP
 * client has the URL of the verb and not the word; that of an answer has neither, but nothing else in the choice of a
 * node fails. Of one that is ignorable it says so, at the level INFO.
 */
const NAMES_EXTENDER = [
  /extender/i,
  /https?:\/\/[^\s"\\]+\/(filter|prioritize|bind|preempt)\b/,
  /"Error selecting node for pod"/,
];
const IS_SKIPPED = /Skipping extender/;

/** What kube-scheduler wrote about an extender that failed, was too slow, or was passed over; not its configuration. */
export const extenderComplaints = (log: string): string[] =>
  log
    .split('\n')
    .filter(
      (line) => IS_SKIPPED.test(line) || (IS_TROUBLE.test(line) && NAMES_EXTENDER.some((name) => name.test(line))),
    );

/** Those of them that no known absence explains. */
export const unexplained = (complaints: readonly string[], absences: readonly Period[]): string[] =>
  complaints.filter((line) => {
    const at = timeOf(line);
    return !absences.some(({ from, to }) => isBetween(at, from - AROUND_MS, Math.min(to, Date.now()) + AROUND_MS));
  });

/** Ms since midnight; klog writes the local time of day: `I1121 13:05:56.123456 …`. NaN without one. */
function timeOf(line: string): number {
  const [, hours, minutes, seconds] = /^.\d{4} (\d\d):(\d\d):([\d.]+)/.exec(line) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000;
}

/** `from` and `to` in ms since the epoch, less than a day apart. */
function isBetween(timeOfDay: number, from: number, to: number): boolean {
  const start = new Date(from).setHours(0, 0, 0, 0);
  return [0, DAY_MS].some((more) => start + timeOfDay + more >= from && start + timeOfDay + more <= to);
}
