import { bytes, formatBytes } from '../model/bytes.ts';
import type { Finding } from './expectation.ts';
import type { EventObject } from '../kube/event-object.ts';
import type { Outcome } from './play.ts';
import type { Snapshot } from './snapshot.ts';
import { textTable } from './text-table.ts';

/** The lines a person reads after one step: what was checked, and how the cluster looks now. */
export function describeOutcome({ ok, findings, ms }: Outcome, now: Snapshot): string[] {
  return [
    ...findings.map(describeFinding),
    ...indent(placementTable(now)),
    ...indent(groupTable(now)),
    ...indent(now.refused.map(({ node, what, why }) => `${node} refused ${what}: ${why}`)),
    `  ${ok ? 'done' : 'NOT as it should be'} after ${(ms / 1000).toFixed(1)} s`,
    '',
  ];
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `    ${line}`);

function describeFinding({ ok, says, wanted, found }: Finding): string {
  if (ok) return `  ✓ ${says}`;
  const values = found.length === 0 ? 'nothing' : JSON.stringify(found);
  return `  ✗ ${says}\n      wanted ${wanted}\n      found  ${values}`;
}

/** One line for each claim of a pod: where it is, how big, why there; and for a pod without a node why nowhere. */
function placementTable({ pods, claims }: Snapshot): string[] {
  const rows = pods.flatMap(({ pod, node, phase, claims: names, why }) =>
    names.map((name) => {
      const claim = claims.find((row) => row.claim === `${pod.split('/')[0] ?? ''}/${name}`);
      const size = claim?.sizeBytes === undefined ? `(${claim?.requested ?? '?'})` : inWords(claim.sizeBytes);
      return [pod, phase, node ?? '-', name, size, claim?.group ?? '-', why ?? ''];
    }),
  );
  return rows.length === 0 ? [] : ['', ...textTable(['POD', 'PHASE', 'NODE', 'CLAIM', 'SIZE', 'GROUP', 'WHY'], rows)];
}

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
  return rows.length === 0 ? [] : ['', ...textTable(header, rows), ''];
}

const inWords = (n: number): string => formatBytes(bytes(n));

/** Which Events are told while the work goes on. */
const TOLD = new Set([
  'Scheduled',
  'FailedScheduling',
  'ProvisioningSucceeded',
  'ProvisioningFailed',
  'VolumeResizeFailed',
  'FailedMount',
]);

/** A line of progress, or undefined for an Event that tells a person nothing new. */
export function describeEvent({ involvedObject, reason, message }: EventObject): string | undefined {
  if (!TOLD.has(reason)) return undefined;
  return `  … ${involvedObject.kind.toLowerCase()} ${involvedObject.name}: ${reason}: ${message}`;
}
