/**
 * The alerts of the chart, in one table. `make deploy` writes them into deploy/helm/files, docs/runbooks.md has a
 * section for each, and test/docs and test/deploy hold all of them together.
 */

export interface Alert {
  /** PromQL, on metrics of the operator alone. */
  readonly expr: string;
  /** How long it must be so before anybody is told, as Prometheus writes it. */
  readonly after: string;
  /** critical: data, or the work of the cluster, is at stake now. */
  readonly severity: 'critical' | 'warning';
  /** One line; `{{ $labels.nodename }}`, `{{ $value }}` as Prometheus has them. */
  readonly summary: string;
  readonly description: string;
}

/** Agents write at least every five minutes; twice that, and a little, as the doctor has it. */
const SILENT_S = 660;
const DAY_S = 86_400;

const PART_USED = 'local_volume_group_used / local_volume_group_total';
/** A group that lacks a disk offers nothing: its own alert tells of it. */
const OFFERS_ROOM = 'local_volume_group_total > 0';
const PERCENT = '{{ $value | humanizePercentage }}';
const GROUP = 'Volume group {{ $labels.vgname }} of node {{ $labels.nodename }}';

export const ALERTS = {
  OpenLocalVolumeGroupNearlyFull: {
    expr: `${PART_USED} > 0.9 and ${OFFERS_ROOM}`,
    after: '15m',
    severity: 'warning',
    summary: `${GROUP} is ${PERCENT} full.`,
    description: 'New volumes soon find no room there, and volumes there cannot grow. Volumes that exist go on.',
  },
  OpenLocalVolumeGroupFullSoon: {
    expr:
      `predict_linear(local_volume_group_used[6h], ${4 * DAY_S}) > local_volume_group_total ` +
      `and ${PART_USED} > 0.5 and ${OFFERS_ROOM}`,
    after: '1h',
    severity: 'warning',
    summary: `${GROUP} will be full within four days if it goes on as in the last six hours.`,
    description: 'More than half of it is taken, and volumes, growth and snapshots take the rest.',
  },
  OpenLocalStorageFaulty: {
    expr: 'open_local_node_faults > 0',
    after: '5m',
    severity: 'critical',
    summary: 'Node {{ $labels.nodename }} reports {{ $value }} faulty: {{ $labels.of }}.',
    description: 'A disk is missing or fails, or a filesystem cannot be read. Volumes there may have lost data.',
  },
  OpenLocalDiskFailing: {
    expr: 'max by (nodename, reason) (open_local_node_failing_disks) > 0',
    after: '5m',
    severity: 'critical',
    summary: 'Node {{ $labels.nodename }} has {{ $value }} failing disks: {{ $labels.reason }}.',
    description: 'They still serve. What their volumes hold should be copied elsewhere while it can be read.',
  },
  OpenLocalAgentSilent: {
    expr: `time() - open_local_node_report_timestamp_seconds > ${SILENT_S}`,
    after: '5m',
    severity: 'warning',
    summary: 'The agent of node {{ $labels.nodename }} has not reported for {{ $value | humanizeDuration }}.',
    description: 'Volumes are not made, grown or removed there, and its room is counted by an old report.',
  },
  OpenLocalAgentNeverReported: {
    expr: 'max by (nodename) (open_local_node_never_reported) > 0',
    after: '15m',
    severity: 'warning',
    summary: 'The agent of node {{ $labels.nodename }} has never reported.',
    description: 'A pod of the DaemonSet was sent there. Until it reports the node has no storage for volumes.',
  },
  OpenLocalSnapshotNearOverflow: {
    expr: 'max by (nodename) (open_local_snapshot_stores{state="nearly_full"}) > 0',
    after: '5m',
    severity: 'critical',
    summary:
      '{{ $value }} snapshots of node {{ $labels.nodename }} are about to be lost: their stores are nearly full.',
    description: 'A snapshot whose store is full is lost, whatever is mounted or copied from it. Its source goes on.',
  },
  OpenLocalSnapshotCannotGrow: {
    expr: 'max(open_local_snapshot_stores_without_room) > 0',
    after: '5m',
    severity: 'warning',
    summary: '{{ $value }} snapshots need more room for what their sources write, and their groups have none.',
    description: 'Such a snapshot is lost when its store is full. Its source goes on.',
  },
  OpenLocalExtenderSlow: {
    expr:
      'histogram_quantile(0.99, sum by (verb, le) (rate(open_local_extender_call_seconds_bucket{verb!="bind"}[10m])))' +
      ' > 1',
    after: '15m',
    severity: 'warning',
    summary: 'One in a hundred calls of {{ $labels.verb }} takes {{ $value | humanizeDuration }} or more.',
    description: 'kube-scheduler waits for each of them, and gives up after the httpTimeout of its configuration.',
  },
  OpenLocalExtenderFailing: {
    expr:
      'sum by (verb) (rate(open_local_extender_call_seconds_count{outcome="error"}[10m]))' +
      ' / sum by (verb) (rate(open_local_extender_call_seconds_count[10m])) > 0.1',
    after: '10m',
    severity: 'critical',
    summary: `${PERCENT} of the calls of {{ $labels.verb }} are answered with an error.`,
    description: 'Pods are placed without a look at their room, or wait, as long as their calls fail.',
  },
  OpenLocalExtenderNotCalled: {
    expr:
      'sum(increase(open_local_csi_call_seconds_count{method="CreateVolume",code="OK"}[1h])) > 0' +
      ' unless time() - max(max_over_time(open_local_extender_last_call_timestamp_seconds[1h])) < 3600',
    after: '30m',
    severity: 'critical',
    summary: 'Volumes were made within the last hour, and kube-scheduler did not ask where there is room.',
    description:
      'Pods are placed without a look at their room: some wait on full nodes, volumes of one pod may not fit.',
  },
  OpenLocalNoLeader: {
    expr: '(max(open_local_leader) or vector(0)) < 1',
    after: '5m',
    severity: 'critical',
    summary: 'No operator leads, or Prometheus reads none.',
    description: 'Pods are placed without a look at their room, or wait; no volume is made, grown or deleted.',
  },
  OpenLocalWatchFailing: {
    expr: 'max by (resource) (open_local_informer_failures) > 5',
    after: '5m',
    severity: 'warning',
    summary: 'The operator cannot follow {{ $labels.resource }}: {{ $value }} tries in a row failed.',
    description: 'It decides by what it knew before. Nothing is promised twice, and new objects wait.',
  },
  OpenLocalLedgerWrong: {
    expr: 'sum by (kind) (increase(open_local_ledger_faults_total[1h])) > 0',
    after: '0m',
    severity: 'warning',
    summary: 'The ledger and the objects of the cluster disagreed ({{ $labels.kind }}); it was counted anew.',
    description: 'The operator found it by itself and mended it. It should never happen.',
  },
  OpenLocalVolumeUnseen: {
    expr: 'max(open_local_unseen_volumes) > 0',
    after: '10m',
    severity: 'critical',
    summary: '{{ $value }} volumes are Ready, and their nodes do not report them.',
    description: 'LVM on the node does not show what the cluster believes to be there.',
  },
  OpenLocalVolumeNotMade: {
    expr: 'max by (of) (open_local_holds_older_than{seconds="3600"}) > 0',
    after: '5m',
    severity: 'warning',
    summary: 'For {{ $value }} {{ $labels.of }} room has been held for more than an hour, and no volume is made.',
    description: 'The room is taken from all others meanwhile. A volume is made within seconds when all is well.',
  },
  OpenLocalCertificateEnds: {
    expr: `min by (certificate) (open_local_certificate_end_timestamp_seconds) - time() < ${14 * DAY_S}`,
    after: '1h',
    severity: 'warning',
    summary: "The certificate of the extender's {{ $labels.certificate }} ends in {{ $value | humanizeDuration }}.",
    description: 'Once it has ended they refuse each other, and pods are placed without a look at their room, or wait.',
  },
  OpenLocalVolumeWithoutNode: {
    expr: 'max(open_local_volumes_without_node) > 0',
    after: '15m',
    severity: 'warning',
    summary: '{{ $value }} volumes are on nodes that the cluster has no more.',
    description: 'Their pods cannot start anywhere else. Their data is still on the disks of those machines.',
  },
  OpenLocalVolumeWithoutOwner: {
    expr: 'max(open_local_volumes_without_pv) > 0',
    after: '1h',
    severity: 'warning',
    summary: '{{ $value }} volumes have room on nodes, and no PersistentVolume refers to them.',
    description: 'They take room that nobody uses, until somebody decides what becomes of their data.',
  },
  OpenLocalStrayVolumes: {
    expr: 'max by (nodename) (open_local_node_refusals{reason="VolumesFound"}) > 0',
    after: '15m',
    severity: 'warning',
    summary: 'Node {{ $labels.nodename }} has logical volumes of open-local that the cluster does not know.',
    description:
      'Mostly the node was lost, its volumes were let go, and it came back. They take room, and keep their data.',
  },
} as const satisfies Readonly<Record<string, Alert>>;

export type AlertName = keyof typeof ALERTS;

/** Where people read what to do. */
export const runbookOf = (name: string): string => `docs/runbooks.md#${name.toLowerCase()}`;

/** A rule as Prometheus' files and the PrometheusRule have it. */
export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export const RULES: readonly Rule[] = Object.entries(ALERTS).map(
  ([alert, { expr, after, severity, summary, description }]) => ({
    ...{ alert, expr, for: after, labels: { severity } },
    annotations: { summary, description, runbook: runbookOf(alert) },
  }),
);
