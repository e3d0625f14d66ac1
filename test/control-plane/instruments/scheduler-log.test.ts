import { expect, test } from 'vitest';
import { extenderComplaints, unexplained } from './scheduler-log.ts';

/** Lines of kube-scheduler 1.36 whose extender was away, with `ignorable: false` and with `ignorable: true`. */
const RESET = String.raw`err="Post \"https://127.0.0.1:43127/scheduler/filter\": read tcp 127.0.0.1:39682->127.0.0.1:43127: read: connection reset by peer"`;
const COMPLAINTS = [
  String.raw`E1128 16:52:04.075294    4693 schedule_one.go:279] "Error selecting node for pod" err="Post \"https://127.0.0.1:43127/scheduler/filter\": EOF" pod="default/waiting-4"`,
  String.raw`E1128 16:52:04.108672    4693 schedule_one.go:1243] "Error scheduling pod; retrying" ${RESET} logger="UnhandledError" pod="default/waiting-5"`,
  String.raw`E1128 16:52:05.108672    4693 schedule_one.go:279] "Error selecting node for pod" err="not listed yet: pods" pod="default/waiting-5"`,
  String.raw`I1128 16:55:20.356255   10542 schedule_one.go:914] "Skipping extender as it returned error and has ignorable flag set" pod="default/passed-6" extender={} err="not listed yet: pods"`,
  String.raw`I1128 16:55:21.707738   10542 schedule_one.go:1172] "Skipping extender in bind as it returned error and has ignorable flag set" pod="default/passed-1" extender={} err="the room is gone"`,
];
/** Lines of the same logs that are no complaints: the configuration, refused pods, other errors. */
const OTHERS = [
  String.raw`I1128 16:52:01.049003    4534 scheduler.go:592] "Creating extender" extender={"URLPrefix":"https://127.0.0.1:43127/scheduler","FilterVerb":"filter"}`,
  String.raw`I1128 16:52:01.054975    4534 framework.go:825] "Disabling signatures for profile because it has extenders configured." profile="default-scheduler"`,
  `	  urlPrefix: https://127.0.0.1:43127/scheduler`,
  String.raw`I1128 16:52:04.354363    4693 schedule_one.go:1168] "Unable to schedule pod; no fit; waiting" pod="default/a" err="0/2 nodes are available: 2 not enough room"`,
  String.raw`E1128 16:52:01.040324    4534 options.go:205] The manifest file is empty, ignoring.`,
  String.raw`E1128 16:52:03.040324    4534 run.go:72] "command failed" err="finished without leader elect"`,
];

test.each(COMPLAINTS)('%s is a complaint', (line) => {
  expect(extenderComplaints(line)).toEqual([line]);
});

test('nothing else of the log is', () => {
  expect(extenderComplaints(OTHERS.join('\n'))).toEqual([]);
  expect(extenderComplaints([...OTHERS, ...COMPLAINTS].join('\n'))).toEqual(COMPLAINTS);
});

const at = (time: string): number => new Date(`2026-01-20T${time}`).getTime();

test('an absence explains the complaints around it, and no others', () => {
  const during = { from: at('16:52:03'), to: at('16:52:05') };
  expect(unexplained(COMPLAINTS, [during])).toEqual(COMPLAINTS.slice(3));
  expect(unexplained(COMPLAINTS, [])).toEqual(COMPLAINTS);
});

test('an absence that goes over midnight explains both sides of it', () => {
  const lines = ['23:59:59.000000', '00:00:01.000000'].map((time) => `E1128 ${time} 1 x.go:1] extender`);
  expect(unexplained(lines, [{ from: at('23:59:58'), to: at('23:59:58') + 5000 }])).toEqual([]);
});

test('a complaint without a time is never explained', () => {
  expect(unexplained(['Skipping extender'], [{ from: 0, to: Infinity }])).toEqual(['Skipping extender']);
});
