import type { CallReport as CsiCall } from '../../csi/call-log.ts';
import { validUntil } from '../../certificates/certificates.ts';
import { createMetrics, type Metrics } from '../../daemon/metrics.ts';
import type { CallReport as ExtenderCall, ExtenderOptions } from '../../extender/server.ts';
import type { LossCause } from '../volumes/lost-volume.ts';
import type { Sources } from './gauges.ts';
import type { LedgerFault } from '../follow/check-ledger.ts';
import { reportGauges } from './report-gauges.ts';
import { stateGauges } from './state-gauges.ts';
import { storageGauges } from './storage-gauges.ts';
import { volumeGauges } from './volume-gauges.ts';

export interface OperatorMetrics {
  readonly registry: Metrics;
  readonly onCsiCall: (call: CsiCall) => void;
  readonly onExtenderCall: (call: ExtenderCall) => void;
  /** Tells how long the extender's certificates last. */
  readonly onCertificates: NonNullable<ExtenderOptions['onCertificates']>;
  /** Counts pods that lost the room held for them because nothing more was heard of them. */
  readonly onExpired: (pods: number) => void;
  /** Counts volumes whose objects were let go though their data may still be on a lost node. */
  readonly onLetGo: (cause: LossCause) => void;
  /** How many stores of snapshots want to grow and find no room. */
  readonly onStuckStores: (stores: number) => void;
  /** Sets how many volumes are Ready and in no report. */
  readonly onUnseen: (volumes: number) => void;
  /** Counts what the comparison of the ledger with the objects found. */
  readonly onChecked: (nodes: number, faults: readonly LedgerFault[]) => void;
  /** Says where the numbers come from when a page is made; undefined while this replica does not lead. */
  readonly watch: (sources: Sources | undefined) => void;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Metrics of the operator and of the cluster's storage. Names that begin with `local_` are open-local's, for its
 * dashboard.
 */
export function createOperatorMetrics(): OperatorMetrics {
  const registry = createMetrics();
  const calls = (name: string, help: string, labels: readonly string[]) =>
    registry.histogram({ name, help, labels, buckets: SECONDS });
  const csi = calls('open_local_csi_call_seconds', 'Time of CSI calls.', ['method', 'code']);
  const onExtenderCall = extenderCalls(
    registry,
    calls('open_local_extender_call_seconds', 'Time of calls of kube-scheduler.', ['verb', 'outcome']),
  );
  const expired = registry.counter({
    name: 'open_local_expired_holds_total',
    help: 'Pods that lost the room held for them because nothing more was heard of them.',
  });
  const letGo = registry.counter({
    name: 'open_local_volumes_let_go_total',
    help: 'Volumes whose objects were let go because their node or disk is lost; their data was not touched.',
    labels: ['cause'],
  });
  const stuckStores = registry.gauge({
    name: 'open_local_snapshot_stores_without_room',
    help: 'Stores of snapshots that fill up and cannot grow: such a snapshot is lost when its store is full.',
    labels: [],
  });
  stuckStores.set([], 0);
  const unseen = registry.gauge({
    name: 'open_local_unseen_volumes',
    help: 'Volumes that are Ready and that their node does not report; more than 0 is a fault to be looked at.',
  });
  unseen.set([], 0);
  const checked = registry.counter({
    name: 'open_local_ledger_checked_nodes_total',
    help: 'Nodes whose room was compared with what the objects say.',
  });
  const faulty = registry.counter({
    name: 'open_local_ledger_faults_total',
    help: 'Numbers of the ledger that the objects say otherwise, objects that it knew otherwise, sums that were not those of their parts, and promises of more than there is; all were mended.',
    labels: ['kind'],
  });
  for (const kind of ['number', 'object', 'sum', 'promise']) faulty.add([kind], 0);
  const refreshers = [storageGauges, reportGauges, volumeGauges, stateGauges].map((make) => make(registry));
  let sources: Sources | undefined;
  registry.beforePage(function* () {
    for (const refresh of refreshers) yield* refresh(sources) ?? [];
  });
  return {
    registry,
    onCsiCall: ({ method, code, ms }) => csi.observe([method, code], ms / 1000),
    onExtenderCall,
    onCertificates: certificateEnds(registry),
    onExpired: (pods) => expired.add([], pods),
    onUnseen: (volumes) => unseen.set([], volumes),
    onLetGo: (cause) => letGo.add([cause]),
    onStuckStores: (stores) => stuckStores.set([], stores),
    onChecked: (nodes, faults) => {
      checked.add([], nodes);
      for (const kind of faults) faulty.add([kind]);
    },
    watch: (now) => void (sources = now),
  };
}

function extenderCalls(
  registry: Metrics,
  seconds: ReturnType<Metrics['histogram']>,
): OperatorMetrics['onExtenderCall'] {
  const last = registry.gauge({
    name: 'open_local_extender_last_call_timestamp_seconds',
    help: 'When kube-scheduler last called, in seconds since 1970; absent while it never did.',
  });
  return ({ verb, outcome, ms }) => {
    seconds.observe([verb, outcome], ms / 1000);
    last.set([], Math.floor(Date.now() / 1000));
  };
}

function certificateEnds(registry: Metrics): OperatorMetrics['onCertificates'] {
  const end = registry.gauge({
    name: 'open_local_certificate_end_timestamp_seconds',
    help: "Until when the extender's certificates are valid, in seconds since 1970; absent without TLS.",
    labels: ['certificate'],
  });
  return ({ cert, ca }) => {
    end.set(['server'], validUntil(cert).getTime() / 1000);
    end.set(['authority'], validUntil(ca).getTime() / 1000);
  };
}
