/** The Grafana dashboards of the chart: what they ask, in tables; grafana.ts makes Grafana's JSON of them. */

/** Grafana's names of units. */
export type Unit = 'bytes' | 's' | 'percentunit' | 'short' | 'ops' | 'dateTimeAsIso';

export interface Query {
  /** PromQL; `$nodename` is the node that is looked at, `$__rate_interval` what Grafana finds right for a rate. */
  readonly expr: string;
  /** `{{label}}` is replaced. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** stat: one number. graph: over time. table: one row for each series. */
  readonly kind: 'stat' | 'graph' | 'table';
  readonly unit: Unit;
  readonly description?: string;
  readonly queries: readonly Query[];
}

export interface Dashboard {
  readonly title: string;
  /** It has the variable `nodename`. */
  readonly ofNode?: true;
  readonly panels: readonly Panel[];
}

const panel =
  (kind: Panel['kind']) =>
  (title: string, unit: Unit, queries: Readonly<Record<string, string>>, description?: string): Panel => ({
    ...{ title, kind, unit, queries: Object.entries(queries).map(([legend, expr]) => ({ legend, expr })) },
    ...(description === undefined ? {} : { description }),
  });
const [stat, graph, table] = [panel('stat'), panel('graph'), panel('table')];

const rate = (counter: string): string => `rate(${counter}[$__rate_interval])`;
const quantile = (q: number, histogram: string, by: string): string =>
  `histogram_quantile(${q}, sum by (${by}, le) (${rate(`${histogram}_bucket`)}))`;
const onNode = (metric: string, more = ''): string => `${metric}{nodename="$nodename"${more}}`;

const PART = 'local_volume_group_used / local_volume_group_total';
const CSI = 'open_local_csi_call_seconds';
const EXTENDER = 'open_local_extender_call_seconds';
const REPORTED = 'open_local_node_report_timestamp_seconds';

export const DASHBOARDS = {
  cluster: {
    title: 'open-local: cluster',
    panels: [
      stat('Room for volumes', 'bytes', { room: 'sum(local_volume_group_total)' }),
      stat('Taken or promised', 'percentunit', {
        taken: 'sum(local_volume_group_used) / sum(local_volume_group_total)',
      }),
      stat('Volumes', 'short', { volumes: 'sum(open_local_volumes)' }),
      stat(
        'Pods that wait',
        'short',
        { pods: 'max(open_local_waiting_pods)' },
        'Pods without a node that need room of ours.',
      ),
      stat('Faulty groups, volumes and disks', 'short', { faults: 'sum(open_local_node_faults)' }),
      stat(
        'Failing disks',
        'short',
        { disks: 'sum(open_local_node_failing_disks) or vector(0)' },
        'That still serve; docs/events.md has the reasons.',
      ),
      stat('Silent agents', 'short', { agents: `count(time() - ${REPORTED} > 660) or vector(0)` }),
      stat(
        'Agents that never reported',
        'short',
        { agents: 'count(open_local_node_never_reported) or vector(0)' },
        'Of nodes that have a pod of the DaemonSet.',
      ),
      graph('Room', 'bytes', {
        'volumes can have': 'sum(local_volume_group_total)',
        'taken or promised': 'sum(local_volume_group_used)',
        'held, node chosen': 'sum(open_local_volume_group_held_bytes{state="settled"})',
        'held, floating': 'sum(open_local_volume_group_held_bytes{state="floating"})',
      }),
      graph('Fullest groups', 'percentunit', { '{{nodename}} {{vgname}}': `topk(10, ${PART})` }),
      graph('Volumes by phase', 'short', {
        '{{phase}}': 'sum by (phase) (open_local_volumes)',
        copying: 'max(open_local_copies)',
      }),
      graph('Snapshots by the state of their stores', 'short', {
        '{{state}}': 'sum by (state) (open_local_snapshot_stores)',
      }),
      graph('CSI calls', 'ops', { '{{method}} {{code}}': `sum by (method, code) (${rate(`${CSI}_count`)})` }),
      graph('CSI calls that take longest (99 %)', 's', { '{{method}}': quantile(0.99, CSI, 'method') }),
      graph(
        'Refused by agents',
        'short',
        { '{{reason}}': 'sum by (reason) (open_local_node_refusals)' },
        'docs/events.md has the reasons.',
      ),
      graph('Faulty', 'short', { '{{of}}': 'sum by (of) (open_local_node_faults)' }),
      graph('Volumes of nobody', 'short', {
        'without a Node': 'max(open_local_volumes_without_node)',
        'without a PersistentVolume': 'max(open_local_volumes_without_pv)',
        'that no report shows': 'max(open_local_unseen_volumes)',
      }),
      graph('Room held for longer than', 'short', {
        '{{of}}, {{seconds}} s': 'max by (of, seconds) (open_local_holds_older_than)',
      }),
    ],
  },
  node: {
    title: 'open-local: node',
    ofNode: true,
    panels: [
      stat('Room for volumes', 'bytes', { room: `sum(${onNode('local_volume_group_total')})` }),
      stat('Taken or promised', 'percentunit', {
        taken: `sum(${onNode('local_volume_group_used')}) / sum(${onNode('local_volume_group_total')})`,
      }),
      stat('Volumes', 'short', { volumes: `max(${onNode('local_allocated_num')})` }),
      stat('Last report', 's', { ago: `time() - max(${onNode(REPORTED)})` }),
      stat('Faulty', 'short', { faults: `sum(${onNode('open_local_node_faults')})` }),
      stat('Refused', 'short', { refused: `sum(${onNode('open_local_node_refusals')}) or vector(0)` }),
      graph('Volume groups', 'bytes', {
        '{{vgname}}: volumes can have': onNode('local_volume_group_total'),
        '{{vgname}}: taken or promised': onNode('local_volume_group_used'),
      }),
      graph(
        'The ledger of each group',
        'bytes',
        {
          '{{vgname}}: {{of}}': onNode('open_local_volume_group_bytes'),
          '{{vgname}}: held, {{state}}': onNode('open_local_volume_group_held_bytes'),
        },
        'docs/ledger.md has the formula.',
      ),
      table('PersistentVolumes', 'bytes', { '{{pv_name}}': onNode('local_local_pv') }),
      table('Inline volumes', 'bytes', { '{{pod_namespace}}/{{pod_name}}': onNode('local_inline_volume') }),
      table('Disks: bytes that a claim can have', 'bytes', { '{{name}}': onNode('local_device_available') }),
      table('Mount points: bytes that a claim can have', 'bytes', {
        '{{name}}': onNode('local_mount_point_available'),
      }),
      table(
        'Refused, by reason',
        'short',
        { '{{reason}}': onNode('open_local_node_refusals') },
        'docs/events.md has the reasons.',
      ),
      table(
        'Disks that fail, by reason',
        'short',
        { '{{reason}}': onNode('open_local_node_failing_disks') },
        'kubectl describe nls has which they are and what to do.',
      ),
      table('Snapshots by the state of their stores', 'short', { '{{state}}': onNode('open_local_snapshot_stores') }),
    ],
  },
  extender: {
    title: 'open-local: extender and operator',
    panels: [
      stat('Since kube-scheduler last called', 's', {
        ago: 'time() - max(open_local_extender_last_call_timestamp_seconds)',
      }),
      stat('Calls that fail', 'percentunit', {
        errors: `(sum(${rate(`${EXTENDER}_count{outcome="error"}`)}) or vector(0)) / sum(${rate(`${EXTENDER}_count`)})`,
      }),
      stat('Leaders', 'short', { leaders: 'sum(open_local_leader)' }),
      stat('First certificate to end', 's', { left: 'min(open_local_certificate_end_timestamp_seconds) - time()' }),
      graph('Calls', 'ops', { '{{verb}}: {{outcome}}': `sum by (verb, outcome) (${rate(`${EXTENDER}_count`)})` }),
      graph('Time of calls', 's', {
        '{{verb}}, median': quantile(0.5, EXTENDER, 'verb'),
        '{{verb}}, 99 %': quantile(0.99, EXTENDER, 'verb'),
      }),
      graph('Room held for', 'short', { '{{state}}': 'sum by (state) (open_local_holds)' }),
      graph('Holds that expired', 'ops', { pods: `sum(${rate('open_local_expired_holds_total')})` }),
      graph('Pauses of the event loop', 's', {
        '{{instance}}, 99 %': 'nodejs_eventloop_lag_p99_seconds',
        '{{instance}}, longest': 'nodejs_eventloop_lag_max_seconds',
      }),
      graph('CPU', 'percentunit', { '{{instance}}': rate('process_cpu_seconds_total') }),
      graph('Memory', 'bytes', {
        '{{instance}}': 'process_resident_memory_bytes',
        '{{instance}}, heap': 'nodejs_heap_size_used_bytes',
      }),
      graph('Objects known', 'short', { '{{resource}}': 'max by (resource) (open_local_objects)' }),
      graph('Silence of watches', 's', { '{{resource}}': 'max by (resource) (open_local_informer_silence_seconds)' }),
      graph('Failures to follow, and lists', 'short', {
        '{{resource}}, failures in a row': 'max by (resource) (open_local_informer_failures)',
        '{{resource}}, lists': 'sum by (resource) (open_local_informer_lists_total)',
      }),
      graph('Nodes to be looked at', 'short', { '{{state}}': 'sum by (state) (open_local_node_storage_work)' }),
      graph('Ledger compared with objects', 'ops', {
        nodes: `sum(${rate('open_local_ledger_checked_nodes_total')})`,
        'faults: {{kind}}': `sum by (kind) (${rate('open_local_ledger_faults_total')})`,
      }),
      table('Programs', 'short', { '{{instance}} {{version}}': 'open_local_build_info' }),
    ],
  },
} as const satisfies Readonly<Record<string, Dashboard>>;
