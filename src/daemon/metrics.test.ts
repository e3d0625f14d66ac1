import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';

test('the page has every family, its type and its series', () => {
  const metrics = createMetrics();
  const calls = metrics.counter({ name: 'calls_total', help: 'Calls.', labels: ['verb', 'code'] });
  const free = metrics.gauge({ name: 'free_bytes', help: 'Free\nroom.', labels: ['vg'] });
  metrics.counter({ name: 'lost_total', help: 'Lost.' });
  calls.add(['filter', 'ok']);
  calls.add(['filter', 'ok'], 2);
  free.set(['a"b\\c\nd'], 1.5);
  expect(metrics.page()).toBe(
    `# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{verb="filter",code="ok"} 3
# HELP free_bytes Free\\nroom.
# TYPE free_bytes gauge
free_bytes{vg="a\\"b\\\\c\\nd"} 1.5
# HELP lost_total Lost.
# TYPE lost_total counter
lost_total 0
`,
  );
});

test('a histogram counts a value in every bucket it is not above', () => {
  const metrics = createMetrics();
  const took = metrics.histogram({ name: 'ms', help: 'Ms.', labels: ['verb'], buckets: [1, 5] });
  for (const value of [0.5, 1, 3, 9]) took.observe(['bind'], value);
  expect(metrics.page().split('\n').slice(2, -1)).toEqual([
    'ms_bucket{verb="bind",le="1"} 2',
    'ms_bucket{verb="bind",le="5"} 3',
    'ms_bucket{verb="bind",le="+Inf"} 4',
    'ms_sum{verb="bind"} 13.5',
    'ms_count{verb="bind"} 4',
  ]);
});

test('gauges are brought up to date before each page, and a vanished series goes', () => {
  const metrics = createMetrics();
  const nodes = metrics.gauge({ name: 'nodes', help: 'Nodes.', labels: ['node'] });
  let names = ['a', 'b'];
  metrics.beforePage(() => {
    nodes.clear();
    for (const name of names) nodes.set([name], 1);
  });
  expect(metrics.page()).toContain('nodes{node="a"} 1');
  names = ['b'];
  expect(metrics.page()).not.toContain('node="a"');
});

test('one name cannot mean two things', () => {
  const metrics = createMetrics();
  metrics.gauge({ name: 'x', help: '' });
  expect(() => metrics.counter({ name: 'x', help: '' })).toThrow('x exists already');
});

test('a process tells its memory, CPU time and event loop lag', () => {
  const metrics = createMetrics();
  const stop = addProcessMetrics(metrics);
  const page = metrics.page();
  stop();
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
    expect(page).toMatch(new RegExp(`^${name} \\d`, 'm'));
});

test('CPU time is counted once, however often the page is read', () => {
  const metrics = createMetrics();
  const stop = addProcessMetrics(metrics);
  metrics.page();
  metrics.page();
  const [, seconds = ''] = /^process_cpu_seconds_total (\S+)/m.exec(metrics.page()) ?? [];
  stop();
  const { user, system } = process.cpuUsage();
  expect(Number(seconds)).toBeGreaterThan(0);
  expect(Number(seconds)).toBeLessThanOrEqual((user + system) / 1e6);
});

/** Keeps the process busy for so many ms. */
const work = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;) Math.sqrt(ms);
};

test('a page that is made in turns is the same page, and other work goes on meanwhile', async () => {
  const metrics = createMetrics();
  const nodes = metrics.gauge({ name: 'nodes', help: 'Nodes.', labels: ['node'] });
  let refreshed = 0;
  metrics.beforePage(function* () {
    refreshed += 1;
    nodes.clear();
    for (const name of ['a', 'b', 'c']) {
      nodes.set([name], 1);
      work(10);
      yield;
    }
  });
  let others = 0;
  const count = (): void => {
    others += 1;
    other = setImmediate(count);
  };
  let other = setImmediate(count);
  const [first, second] = await Promise.all([metrics.pageInTurns(), metrics.pageInTurns()]);
  clearImmediate(other);
  expect(others).toBeGreaterThanOrEqual(3);
  expect(refreshed).toBe(1);
  expect(second).toBe(first);
  expect(first).toBe(metrics.page());
  expect(await metrics.pageInTurns()).toBe(first);
  expect(refreshed).toBe(3);
});

test('a page that cannot be made says why, and the next one is tried anew', async () => {
  const metrics = createMetrics();
  let broken = true;
  metrics.beforePage(() => {
    if (broken) throw new Error('no numbers');
  });
  await expect(metrics.pageInTurns()).rejects.toThrow('no numbers');
  broken = false;
  await expect(metrics.pageInTurns()).resolves.toBe('');
});
