import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMetrics, type Metrics } from './metrics.ts';
import { addBuildInfo, addProcessMetrics } from './process-metrics.ts';

let metrics: Metrics;
let stop: () => void;
beforeEach(() => {
  metrics = createMetrics();
  stop = addProcessMetrics(metrics);
});
afterEach(() => stop());

const read = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics.page())?.[1]);
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

test('the CPU time is that of the process, at every reading', () => {
  for (let turn = 0; turn < 3; turn += 1) {
    const before = cpuSeconds();
    const told = read('process_cpu_seconds_total');
    expect(told).toBeGreaterThanOrEqual(before - 1e-6);
    expect(told).toBeLessThanOrEqual(cpuSeconds() + 1e-6);
    for (const end = cpuSeconds() + 0.02; cpuSeconds() < end;) Math.sqrt(turn);
  }
});

test('the start is when the process started, in whole seconds', () => {
  const started = Date.now() / 1000 - process.uptime();
  expect(Math.abs(read('process_start_time_seconds') - started)).toBeLessThanOrEqual(1);
  expect(Number.isInteger(read('process_start_time_seconds'))).toBe(true);
});

test('memory is what the process has', () => {
  const heap = read('nodejs_heap_size_used_bytes');
  const resident = read('process_resident_memory_bytes');
  expect(heap).toBeGreaterThan(1e6);
  expect(resident).toBeGreaterThan(heap);
});

test('the longest pause of the event loop is seen, and no later scrape shows it again', async () => {
  const pause = (): void => {
    for (const end = performance.now() + 100; performance.now() < end;) Math.sqrt(end);
  };
  await new Promise((resolve) => setTimeout(resolve, 20)); // the monitor's own timer must have run once
  pause();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(read('nodejs_eventloop_lag_max_seconds')).toBeGreaterThan(0.05);
  expect(read('nodejs_eventloop_lag_max_seconds')).toBeLessThan(0.05);
});

test('the version is in labels', () => {
  addBuildInfo(metrics, 'agent', '1.2.3');
  expect(metrics.page()).toContain(
    `open_local_build_info{program="agent",version="1.2.3",nodejs="${process.version}"} 1\n`,
  );
});
