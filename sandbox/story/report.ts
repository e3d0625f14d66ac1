import { isDeepStrictEqual } from 'node:util';
import { bytes, formatBytes } from '../../src/model/bytes.ts';
import type { Finding } from './expectation.ts';
import type { EventObject } from '../../src/kube/events/event-object.ts';
import type { Outcome } from './play.ts';
import type { Snapshot } from './snapshot.ts';
import { textTable } from './text-table.ts';

/** Describes one step for a person: what was checked, and what changed in the cluster. */
export function describeOutcome({ ok, findings, ms }: Outcome, now: Snapshot, before?: Snapshot): string[] {
  const told = [
    ...ifChanged(before?.pods, now.pods, () => placementTable(now)),
    ...ifChanged(before?.groups, now.groups, () => groupTable(now)),
    ...ifChanged(before?.refused, now.refused, () => refusalLines(now)),
  ];
  return [
    ...findings.map(describeFinding),
    ...told.map((line) => (line === '' ? '' : `    ${line}`)),
    '',
    `  ${ok ? 'done' : 'NOT as it should be'} after ${(ms / 1000).toFixed(1)} s`,
    '',
  ];
}

const ifChanged = (before: unknown, now: unknown, lines: () => readonly string[]): readonly string[] =>
  isDeepStrictEqual(before, now) ? [] : lines();

function describeFinding({ ok, says, wanted, found }: Finding): string {
  if (ok) return `  ✓ ${says}: ${shorten(valuesInWords(found))}`;
  return `  ✗ ${says}\n      wanted ${wanted}\n      found  ${valuesInWords(found)}`;
}

/** Lists equal values once, with their number. */
function valuesInWords(values: readonly unknown[]): string {
  const counts = new Map<string, number>();
  for (const value of values) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const words = [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  return words.length === 0 ? 'none' : words.join(', ');
}

const MAX_WIDTH = 120;
const shorten = (text: string): string => (text.length <= MAX_WIDTH ? text : `${text.slice(0, MAX_WIDTH - 1)}…`);

/** Describes each claim of a pod (where, how big, why there), and for a pod without a node why it has none. */
function placementTable({ pods, claims }: Snapshot): string[] {
  const rows = pods.flatMap(({ pod, node, phase, claims: names, why }) =>
    names.map((name) => {
      const claim = claims.find((row) => row.claim === `${pod.split('/')[0] ?? ''}/${name}`);
      const size = claim?.sizeBytes === undefined ? `(${claim?.requested ?? '?'})` : inWords(claim.sizeBytes);
      return [pod, phase, node ?? '-', name, size, claim?.group ?? '-', withoutPreemption(why ?? '')];
    }),
  );
  return rows.length === 0 ? [] : ['', ...textTable(['POD', 'PHASE', 'NODE', 'CLAIM', 'SIZE', 'GROUP', 'WHY'], rows)];
}

/** Removes the part about preemption: evicting pods frees no disk. */
const withoutPreemption = (message: string): string => message.replace(/ preemption: .*$/s, '');

function groupTable({ groups }: Snapshot): string[] {
  const rows = groups.map(({ node, group, disks, totalBytes, availableBytes, volumes }) => [
    node,
    group,
    disks.join(' '),
    volumes,
    inWords(totalBytes),
    inWords(availableBytes),
    availableBytes,
  ]);
  const header = ['NODE', 'GROUP', 'DISKS', 'VOLUMES', 'TOTAL', 'FREE', 'FREE BYTES'];
  return rows.length === 0 ? [] : ['', ...textTable(header, rows)];
}

const refusalLines = ({ refused }: Snapshot): string[] => [
  '',
  ...refused.map(({ node, what, why }) => `${node} refused a part of ${what}: ${why}`),
];

/** Reasons of the Events that are shown as progress. */
const TOLD = new Set([
  'Scheduled',
  'FailedScheduling',
  'ProvisioningSucceeded',
  'ProvisioningFailed',
  'VolumeResizeFailed',
  'FailedMount',
]);

/** Makes a line of progress; undefined for an Event that is not worth showing. */
export function describeEvent({ involvedObject, reason, message }: EventObject): string | undefined {
  if (!TOLD.has(reason)) return undefined;
  return `  … ${involvedObject.kind.toLowerCase()} ${involvedObject.name}: ${reason}: ${withoutPreemption(message)}`;
}

const inWords = (n: number): string => formatBytes(bytes(n));
