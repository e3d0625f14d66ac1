// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { stringify } from 'yaml';
import { ALERTS, RULES, type AlertName } from '../../tools/monitoring/alerts.ts';
import { testOn } from '../machine.ts';
import { manifests, template } from './chart.ts';

/** The rules that the chart installs, judged by promtool: each alert fires and is silent when it should. */

const run = promisify(execFile);
const tools = inject('tools');
const test = testOn('promtool');

/** Series in promtool's words: `0+0x60` is 0 at each of 61 minutes. */
type Series = Readonly<Record<string, string>>;

interface Case {
  /** With these it fires at this time with these labels and summaries. */
  readonly fires: Series;
  readonly at: string;
  readonly told: readonly { readonly labels: Readonly<Record<string, string>>; readonly summary: string }[];
  /** With each of these it is silent at that time. */
  readonly silent: Readonly<Record<string, Series>>;
}

const GROUP = '{nodename="n1",vgname="pool-0"}';
const inGroup = (used: string, total = '100+0x900'): Series => ({
  [`local_volume_group_used${GROUP}`]: used,
  [`local_volume_group_total${GROUP}`]: total,
});
const calls = (end: string, labels: string): string => `open_local_extender_call_seconds_${end}{${labels}}`;
const made = 'open_local_csi_call_seconds_count{method="CreateVolume",code="OK"}';
const asked = 'open_local_extender_last_call_timestamp_seconds';
const node = { nodename: 'n1' };

const CASES: Readonly<Record<AlertName, Case>> = {
  OpenLocalVolumeGroupNearlyFull: {
    fires: inGroup('91+0x60'),
    at: '20m',
    told: [{ labels: { ...node, vgname: 'pool-0' }, summary: 'Volume group pool-0 of node n1 is 91% full.' }],
    silent: {
      'nine tenths': inGroup('90+0x60'),
      'full for a few minutes': inGroup('50x12 91x30'),
      'a group that offers nothing, since it lacks a disk': inGroup('91+0x60', '0+0x60'),
    },
  },
  OpenLocalVolumeGroupFullSoon: {
    // 2 an hour more: 96 hours later it is above 100.
    fires: inGroup('52+0.03333x900'),
    at: '8h',
    told: [
      {
        labels: { ...node, vgname: 'pool-0' },
        summary: 'Volume group pool-0 of node n1 will be full within four days if it goes on as in the last six hours.',
      },
    ],
    silent: {
      'it grows slowly': inGroup('52+0.001x900'),
      'it is half empty': inGroup('10+0.03333x900'),
      'a group that offers nothing': inGroup('52+0.03333x900', '0+0x900'),
    },
  },
  OpenLocalStorageFaulty: {
    fires: { 'open_local_node_faults{nodename="n1",of="group"}': '1+0x20' },
    at: '10m',
    told: [{ labels: { ...node, of: 'group' }, summary: 'Node n1 reports 1 faulty: group.' }],
    silent: { 'all is whole': { 'open_local_node_faults{nodename="n1",of="group"}': '0+0x20' } },
  },
  OpenLocalDiskFailing: {
    fires: {
      'open_local_node_failing_disks{nodename="n1",reason="SelfAssessmentFailed"}': '2+0x20',
      'open_local_node_failing_disks{nodename="n2",reason="IoErrors"}': '1x7 stale',
    },
    at: '10m',
    told: [
      {
        labels: { ...node, reason: 'SelfAssessmentFailed' },
        summary: 'Node n1 has 2 failing disks: SelfAssessmentFailed.',
      },
    ],
    silent: {
      'no disk fails': { 'open_local_node_faults{nodename="n1",of="group"}': '0+0x20' },
      'one failed for a moment': {
        'open_local_node_failing_disks{nodename="n1",reason="DiskOffline"}': '1x2 stale',
      },
    },
  },
  OpenLocalAgentSilent: {
    fires: { 'open_local_node_report_timestamp_seconds{nodename="n1"}': '600+0x60' },
    at: '30m',
    told: [{ labels: node, summary: 'The agent of node n1 has not reported for 20m 0s.' }],
    silent: {
      'it reports every five minutes': {
        'open_local_node_report_timestamp_seconds{nodename="n1"}': '0x4 300x4 600x4 900x4 1200x4 1500x4 1800x4',
      },
    },
  },
  OpenLocalAgentNeverReported: {
    fires: { 'open_local_node_never_reported{nodename="n1"}': '1+0x30' },
    at: '20m',
    told: [{ labels: node, summary: 'The agent of node n1 has never reported.' }],
    silent: {
      'a node that joins': { 'open_local_node_never_reported{nodename="n1"}': '1x10 stale' },
      'a node without an agent on purpose, and one that reports': {
        'open_local_node_faults{nodename="n2",of="group"}': '0+0x30',
        'open_local_node_report_timestamp_seconds{nodename="n1"}': '0+60x30',
      },
    },
  },
  OpenLocalSnapshotNearOverflow: {
    fires: {
      'open_local_snapshot_stores{nodename="n1",state="nearly_full"}': '2+0x20',
      'open_local_snapshot_stores{nodename="n1",state="ok"}': '5+0x20',
    },
    at: '10m',
    told: [
      {
        labels: node,
        summary: '2 snapshots of node n1 are about to be lost: their stores are nearly full.',
      },
    ],
    silent: { 'all have room': { 'open_local_snapshot_stores{nodename="n1",state="ok"}': '5+0x20' } },
  },
  OpenLocalSnapshotCannotGrow: {
    fires: { open_local_snapshot_stores_without_room: '3+0x20' },
    at: '10m',
    told: [
      {
        labels: {},
        summary: '3 snapshots need more room for what their sources write, and their groups have none.',
      },
    ],
    silent: { 'none wants room': { open_local_snapshot_stores_without_room: '0+0x20' } },
  },
  OpenLocalExtenderSlow: {
    fires: {
      [calls('bucket', 'verb="filter",outcome="ok",le="1"')]: '0+90x60',
      [calls('bucket', 'verb="filter",outcome="ok",le="2.5"')]: '0+100x60',
      [calls('bucket', 'verb="filter",outcome="ok",le="+Inf"')]: '0+100x60',
    },
    at: '40m',
    told: [{ labels: { verb: 'filter' }, summary: 'One in a hundred calls of filter takes 2.35s or more.' }],
    silent: {
      'fast calls': {
        [calls('bucket', 'verb="filter",outcome="ok",le="1"')]: '0+100x60',
        [calls('bucket', 'verb="filter",outcome="ok",le="+Inf"')]: '0+100x60',
      },
      'slow bindings, which wait for the API server': {
        [calls('bucket', 'verb="bind",outcome="ok",le="1"')]: '0+0x60',
        [calls('bucket', 'verb="bind",outcome="ok",le="2.5"')]: '0+100x60',
        [calls('bucket', 'verb="bind",outcome="ok",le="+Inf"')]: '0+100x60',
      },
      'no calls': { [calls('bucket', 'verb="filter",outcome="ok",le="+Inf"')]: '7+0x60' },
    },
  },
  OpenLocalExtenderFailing: {
    fires: {
      [calls('count', 'verb="filter",outcome="ok"')]: '0+75x60',
      [calls('count', 'verb="filter",outcome="error"')]: '0+25x60',
    },
    at: '30m',
    told: [{ labels: { verb: 'filter' }, summary: '25% of the calls of filter are answered with an error.' }],
    silent: {
      'refusals, which are no errors': {
        [calls('count', 'verb="filter",outcome="refused"')]: '0+100x60',
        [calls('count', 'verb="filter",outcome="error"')]: '0+1x60',
      },
    },
  },
  OpenLocalExtenderNotCalled: {
    fires: { [made]: '0+1x120', [asked]: '0+0x120' },
    at: '115m',
    told: [
      {
        labels: {},
        summary: 'Volumes were made within the last hour, and kube-scheduler did not ask where there is room.',
      },
    ],
    silent: {
      'it asks': { [made]: '0+1x120', [asked]: '0+60x120' },
      'nobody wants a volume': { [made]: '5+0x120', [asked]: '0+0x120' },
      'another replica has led before, and was asked': {
        [`${made.slice(0, -1)},pod="b"}`]: '_x90 0+1x30',
        [`${asked}{pod="a"}`]: '0+60x90 stale',
      },
    },
  },
  OpenLocalNoLeader: {
    fires: { 'open_local_leader{pod="a"}': '0+0x20', 'open_local_leader{pod="b"}': '0+0x20' },
    at: '10m',
    told: [{ labels: {}, summary: 'No operator leads, or Prometheus reads none.' }],
    silent: {
      'one of two leads': { 'open_local_leader{pod="a"}': '0+0x20', 'open_local_leader{pod="b"}': '1+0x20' },
      'the lead passes on': { 'open_local_leader{pod="a"}': '1x7 0x12', 'open_local_leader{pod="b"}': '0+0x20' },
    },
  },
  OpenLocalWatchFailing: {
    fires: { 'open_local_informer_failures{resource="pods"}': '0+1x30' },
    at: '20m',
    told: [{ labels: { resource: 'pods' }, summary: 'The operator cannot follow pods: 20 tries in a row failed.' }],
    silent: { 'five tries': { 'open_local_informer_failures{resource="pods"}': '5+0x30' } },
  },
  OpenLocalLedgerWrong: {
    fires: { 'open_local_ledger_faults_total{kind="number"}': '0x10 1x30' },
    at: '20m',
    told: [
      {
        labels: { kind: 'number' },
        summary: 'The ledger and the objects of the cluster disagreed (number); it was counted anew.',
      },
    ],
    silent: { 'no fault since the start': { 'open_local_ledger_faults_total{kind="number"}': '1+0x40' } },
  },
  OpenLocalVolumeUnseen: {
    fires: { open_local_unseen_volumes: '2+0x30' },
    at: '15m',
    told: [{ labels: {}, summary: '2 volumes are Ready, and their nodes do not report them.' }],
    silent: { 'all are seen': { open_local_unseen_volumes: '0+0x30' } },
  },
  OpenLocalVolumeNotMade: {
    fires: { 'open_local_holds_older_than{of="claims",seconds="3600"}': '1+0x20' },
    at: '10m',
    told: [
      {
        labels: { of: 'claims' },
        summary: 'For 1 claims room has been held for more than an hour, and no volume is made.',
      },
    ],
    silent: {
      'younger ones': {
        'open_local_holds_older_than{of="claims",seconds="60"}': '9+0x20',
        'open_local_holds_older_than{of="claims",seconds="3600"}': '0+0x20',
      },
    },
  },
  OpenLocalCertificateEnds: {
    fires: { 'open_local_certificate_end_timestamp_seconds{certificate="server"}': '871200+0x120' },
    at: '2h',
    told: [
      {
        labels: { certificate: 'server' },
        summary: "The certificate of the extender's server ends in 10d 0h 0m 0s.",
      },
    ],
    silent: {
      'a month': { 'open_local_certificate_end_timestamp_seconds{certificate="server"}': '2592000+0x120' },
    },
  },
  OpenLocalVolumeWithoutNode: {
    fires: { open_local_volumes_without_node: '4+0x30' },
    at: '20m',
    told: [{ labels: {}, summary: '4 volumes are on nodes that the cluster has no more.' }],
    silent: { 'a node is exchanged': { open_local_volumes_without_node: '0x10 4x30' } },
  },
  OpenLocalVolumeWithoutOwner: {
    fires: { open_local_volumes_without_pv: '1+0x90' },
    at: '70m',
    told: [{ labels: {}, summary: '1 volumes have room on nodes, and no PersistentVolume refers to them.' }],
    silent: { 'volumes in the making': { open_local_volumes_without_pv: '0x20 3x70' } },
  },
  OpenLocalStrayVolumes: {
    fires: { 'open_local_node_refusals{nodename="n1",reason="VolumesFound"}': '1+0x30' },
    at: '20m',
    told: [{ labels: node, summary: 'Node n1 has logical volumes of open-local that the cluster does not know.' }],
    silent: {
      'something else is refused': { 'open_local_node_refusals{nodename="n1",reason="DeviceRefused"}': '1+0x30' },
    },
  },
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'open-local-alerts-'));
  const objects = manifests(await template(tools, '--set=prometheusRule.enabled=true'));
  const rule = objects.find(({ kind }) => kind === 'PrometheusRule');
  await writeFile(path.join(dir, 'rules.yaml'), stringify(rule?.['spec']));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Expectation {
  readonly alert: AlertName;
  readonly series: Series;
  readonly at: string;
  readonly told: Case['told'];
}

/** One of promtool's unit tests. */
function unit({ alert, series, at, told }: Expectation): object {
  const { annotations } = RULES.find((rule) => rule.alert === alert) ?? {};
  const exp_alerts = told.map(({ labels, summary }) => ({
    exp_labels: { severity: ALERTS[alert].severity, ...labels },
    exp_annotations: { ...annotations, summary },
  }));
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts }],
  };
}

/** What promtool says of these expectations, with `SUCCESS` when all are so. */
async function judge(name: string, ...expectations: readonly Expectation[]): Promise<string> {
  const file = path.join(dir, `${name.replaceAll(/\W+/g, '-')}.yaml`);
  const tests = expectations.map(unit);
  await writeFile(file, stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }));
  const { stdout, stderr } = await run('promtool', ['test', 'rules', file]).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

test('promtool finds nothing wrong with the rules', async () => {
  const { stdout } = await run('promtool', ['check', 'rules', path.join(dir, 'rules.yaml')]);
  expect(stdout).toContain(`SUCCESS: ${RULES.length} rules found`);
});

const cases = Object.entries(CASES) as [AlertName, Case][];

describe.each(cases)('%s', (alert, { fires, at, told, silent }) => {
  test('fires', async () => {
    expect(await judge(alert, { alert, series: fires, at, told })).toContain('SUCCESS');
  });
  for (const [name, series] of Object.entries(silent))
    test(`is silent: ${name}`, async () => {
      expect(await judge(`${alert} ${name}`, { alert, series, at, told: [] })).toContain('SUCCESS');
    });
});

test('promtool would name each alert that fires and should not', async () => {
  const wrong = cases.map(([alert, { fires, at }]) => ({ alert, series: fires, at, told: [] }));
  const said = await judge('wrong', ...wrong);
  expect(cases.map(([alert]) => alert).filter((alert) => !said.includes(`alertname: ${alert},`))).toEqual([]);
});
