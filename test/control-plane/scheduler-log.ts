/** What kube-scheduler wrote about an extender that failed, was too slow, or was passed over; not its configuration. */
export const extenderComplaints = (log: string): string[] =>
  log.split('\n').filter((line) => /^[EWF]\d{4} .*extender/i.test(line) || line.includes('Skipping extender'));

/** Those among them that say that the extender did not answer in time. */
export const lateAnswers = (log: string): string[] =>
  extenderComplaints(log).filter((line) => /deadline exceeded|Client\.Timeout|timed? ?out/i.test(line));
