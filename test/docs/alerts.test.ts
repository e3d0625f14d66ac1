import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/daemon/metrics.ts';
import { addProcessMetrics } from '../../src/daemon/process-metrics.ts';
import { createOperatorMetrics } from '../../src/operator/metrics/metrics.ts';
import { ALERTS, RULES, runbookOf } from '../../tools/monitoring/alerts.ts';
import { metricsIn } from '../../tools/monitoring/metrics-in.ts';
import { monitoringFiles } from '../../tools/monitoring/files.ts';

/** Alerts, their runbooks and the metrics that they are made of belong together. */

const root = path.resolve(import.meta.dirname, '../..');

/** Names of the operator's series, as its pages have them. */
function operatorsSeries(): ReadonlySet<string> {
  const processes = createMetrics();
  addProcessMetrics(processes)();
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
