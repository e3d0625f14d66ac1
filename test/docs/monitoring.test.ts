import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/daemon/metrics.ts';
import { addBuildInfo, addProcessMetrics } from '../../src/daemon/process-metrics.ts';
import { createOperatorMetrics } from '../../src/operator/metrics/metrics.ts';
import { ALERTS, RULES, runbookOf } from '../../tools/monitoring/alerts.ts';
import { DASHBOARDS, type Dashboard } from '../../tools/monitoring/dashboards.ts';
import { metricsIn } from '../../tools/monitoring/metrics-in.ts';
import { monitoringFiles } from '../../tools/monitoring/files.ts';

/** Alerts, their runbooks, dashboards and the metrics that they are made of belong together. */

const root = path.resolve(import.meta.dirname, '../..');

/** Names of the operator's series, as its pages have them. */
function operatorsSeries(): ReadonlySet<string> {
  const processes = createMetrics();
  addProcessMetrics(processes)();
  addBuildInfo(processes, 'operator', '');
  const pages = createOperatorMetrics().registry.page() + processes.page();
  const types = [...pages.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  );
}
const series = operatorsSeries();
const unknown = (expr: string): string[] => metricsIn(expr).filter((name) => !series.has(name));

test.each(RULES)('$alert asks only for series that the operator has', ({ expr }) => {
  expect(metricsIn(expr).length).toBeGreaterThan(0);
  expect(unknown(expr)).toEqual([]);
});

const panels = Object.entries<Dashboard>(DASHBOARDS).flatMap(([dashboard, { panels: all }]) =>
  all.map((panel) => ({ dashboard, ...panel })),
);

test.each(panels)('$dashboard, $title asks only for series that the operator has', ({ queries }) => {
  expect(queries.length).toBeGreaterThan(0);
  for (const { expr } of queries) {
    expect([expr, metricsIn(expr).length]).toEqual([expr, expect.toSatisfy((count) => count > 0)]);
    expect([expr, unknown(expr)]).toEqual([expr, []]);
  }
});

test('what is on the page, some alert or dashboard shows', () => {
  const shown = [...RULES, ...panels.flatMap(({ queries }) => queries)].flatMap(({ expr }) => metricsIn(expr));
  const bare = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, '');
  const hidden = [...new Set([...series].map(bare))].filter((name) => !shown.map(bare).includes(name));
  expect(hidden.toSorted()).toEqual([
    // Capacity and whether it is taken, beside what a claim can have; and what is told once, in Events.
    'local_device_bind',
    'local_device_total',
    'local_mount_point_bind',
    'local_mount_point_total',
    'open_local_volumes_let_go_total',
    'process_start_time_seconds',
  ]);
});

test('a series that nobody has is found', () => {
  expect(unknown('max(local_volume_group_used{vgname="local_x"}) > rate(open_local_gone_total[5m])')).toEqual([
    'open_local_gone_total',
  ]);
});

test('docs/runbooks.md has a section for each alert, in their order, with what it means and what to do', () => {
  const [, ...sections] = readFileSync(path.join(root, 'docs/runbooks.md'), 'utf8').split(/^## /m);
  expect(sections.map((text) => text.slice(0, text.indexOf('\n')))).toEqual(Object.keys(ALERTS));
  for (const text of sections) expect(text).toMatch(/^\w+\n\n\*\*Means\.\*\* [^]{60,}\n\n\*\*Do\.\*\* [^]{60,}$/);
});

test('every alert leads to its section', () => {
  for (const { alert, annotations } of RULES) expect(annotations['runbook']).toBe(runbookOf(alert));
});

test('the files of the chart are as `make deploy` writes them', () => {
  for (const [file, text] of monitoringFiles())
    expect([file, readFileSync(path.join(root, file), 'utf8')]).toEqual([file, text]);
});
