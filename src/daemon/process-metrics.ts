import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/**
 * What every process tells of itself, under the names Prometheus' own client libraries use. Stopped by the returned
 * function.
 */
export function addProcessMetrics(metrics: Metrics): () => void {
  const started = metrics.gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, in seconds since 1970.',
  });
  started.set([], Math.round(Date.now() / 1000 - process.uptime()));
  const resident = metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory in bytes.' });
  const heap = metrics.gauge({ name: 'nodejs_heap_size_used_bytes', help: "Memory in use on V8's heap in bytes." });
  const cpu = metrics.counter({ name: 'process_cpu_seconds_total', help: 'User and system CPU time in seconds.' });
  const lag = metrics.gauge({
    name: 'nodejs_eventloop_lag_p99_seconds',
    help: 'How late the event loop ran its timers since the last scrape, 99th percentile.',
  });
  const longest = metrics.gauge({
    name: 'nodejs_eventloop_lag_max_seconds',
    help: 'How late the event loop ran a timer at most since the last scrape.',
  });
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  let counted = 0;
  metrics.beforePage(() => {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    resident.set([], rss);
    heap.set([], heapUsed);
    cpu.add([], (user + system) / 1e6 - counted);
    counted = (user + system) / 1e6;
    lag.set([], Number.isFinite(delays.percentile(99)) ? delays.percentile(99) / 1e9 : 0);
    longest.set([], delays.max / 1e9);
    delays.reset();
  });
  return () => void delays.disable();
}

/** Which program of which version this is, in labels; the value is 1. */
export function addBuildInfo(metrics: Metrics, program: 'operator' | 'agent', version: string): void {
  const info = metrics.gauge({
    name: 'open_local_build_info',
    help: 'The program, its version and that of Node.js.',
    labels: ['program', 'version', 'nodejs'],
  });
  info.set([program, version, process.version], 1);
}
