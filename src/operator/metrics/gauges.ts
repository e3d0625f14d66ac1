import type { Ledger } from '../../capacity/ledger.ts';
import type { Gauge, Metrics, Steps } from '../../daemon/metrics.ts';
import type { Informers } from '../follow/informers.ts';

/** Where the numbers of a metrics page come from while this replica leads. */
export interface Sources {
  readonly ledger: Ledger;
  readonly informers: Informers;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  /** The namespace that the agents' pods are in. */
  readonly namespace: string;
  /** Nodes whose NodeLocalStorage is to be looked at, by state. */
  readonly queue: () => Readonly<Record<string, number>>;
}

/** Brings some gauges up to date, step by step where there is much; without sources it empties them. */
export type Refresh = (sources: Sources | undefined) => Steps;

/** How gauges are made in a registry. */
export const gaugeOf =
  (registry: Metrics) =>
  (name: string, help: string, labels: readonly string[]): Gauge =>
    registry.gauge({ name, help, labels });
