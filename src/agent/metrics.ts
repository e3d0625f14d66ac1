import type { LocalVolume } from '../model/local-volume.ts';
import type { CallReport } from '../csi/call-log.ts';
import { createMetrics, type Metrics } from '../daemon/metrics.ts';
import type { LvmOptions } from '../lvm/lvm.ts';
import type { Queues } from './queues.ts';
import type { DiskHealth } from './storage/disk-health.ts';
import type { Observation } from './storage/observe.ts';

export interface AgentMetrics {
  /** For its page, and for what others add. */
  readonly registry: Metrics;
  readonly onCommand: NonNullable<LvmOptions['onCommand']>;
  readonly onCall: (call: CallReport) => void;
  /** Measures one look at the node. */
  timed<T>(turn: () => Promise<T>): Promise<T>;
  /** The record of a volume was seen, or was to be written, as it cannot be. */
  readonly onBroken: () => void;
  readonly onObservation: (observation: Observation) => void;
  /** Where the numbers of volumes, of work and of disks come from when a page is made. */
  watch(volumes: ReadonlyMap<string, LocalVolume>, queues: Queues, health?: Pick<DiskHealth, 'answers'>): void;
}

const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const name = (rest: string): string => `open_local_agent_${rest}`;

/** What an agent tells of itself; a registry of its own, so that several agents can live in one process. */
export function createAgentMetrics(): AgentMetrics {
  const metrics = createMetrics();
  const histogram = (of: string, help: string, labels: readonly string[]) =>
    metrics.histogram({ name: name(of), help, labels, buckets: SECONDS });
  const gauge = (of: string, help: string, labels: readonly string[]) =>
    metrics.gauge({ name: name(of), help, labels });

  const commands = histogram('lvm_command_seconds', 'Time of LVM commands.', ['verb', 'ok']);
  const calls = histogram('csi_call_seconds', 'Time of CSI calls.', ['method', 'code']);
  const turns = histogram('sync_seconds', 'Time of a look at the node with what it led to.', ['ok']);
  const groupBytes = gauge('volume_group_bytes', 'Size of the volume groups, and what is free, in bytes.', [
    'group',
    'of',
  ]);
  const volumes = gauge('volumes', 'Volumes of this node by phase.', ['phase']);
  const waiting = gauge('work', 'Keys of the work queues.', ['queue', 'state']);

  const disks = gauge('disks', 'Disks below what is managed, by what they answered when asked for their SMART.', [
    'smart',
  ]);

  const broken = metrics.counter({
    name: name('broken_rules_total'),
    help: 'Records of volumes that were seen, or were to be written, as they cannot be.',
    labels: [],
  });

  return {
    registry: metrics,
    onBroken: () => broken.add([]),
    onCommand: ({ verb, ms, ok }) => commands.observe([verb, String(ok)], ms / 1000),
    onCall: ({ method, code, ms }) => calls.observe([method, code], ms / 1000),
    timed: async (turn) => {
      const started = performance.now();
      let ok = false;
      try {
        const result = await turn();
        ok = true;
        return result;
      } finally {
        turns.observe([String(ok)], (performance.now() - started) / 1000);
      }
    },
    onObservation: ({ groups }) => {
      groupBytes.clear();
      for (const group of groups) {
        groupBytes.set([group.name, 'total'], group.total);
        groupBytes.set([group.name, 'free'], group.free);
      }
    },
    watch: (known, queues, health) =>
      metrics.beforePage(() => {
        volumes.clear();
        disks.clear();
        for (const [answer, count] of health?.answers() ?? []) disks.set([answer], count);
        for (const [phase, count] of countPhases(known)) volumes.set([phase], count);
        for (const [queue, work] of Object.entries(queues))
          for (const [state, count] of Object.entries(work.stats())) waiting.set([queue, state], Number(count));
      }),
  };
}

function countPhases(volumes: ReadonlyMap<string, LocalVolume>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of volumes.values()) {
    const phase = status?.phase ?? 'Pending';
    counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  return counts;
}
