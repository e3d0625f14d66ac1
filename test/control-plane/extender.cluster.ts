import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { lost } from './instruments/kept-volumes.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { extenderCalls } from './instruments/extender-calls.ts';
import { extenderComplaints } from './instruments/scheduler-log.ts';
import { start } from './cluster/processes.ts';
import { CHECKOUT } from './cluster/program.ts';
import { startFakeExtender } from './system/fake-extender.ts';
import { startSystem, type System } from './system/system.ts';
import { until } from './cluster/until.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';

const WITHIN_MS = 150_000;

/** Two nodes with room for 20 volumes of 1 GiB each. */
let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: `/dev/sdb:${20 * 1024 + 1}Mi:ssd` }],
    replicas: 1,
    extender: { ignorable: true },
  });
});
afterAll(() => system?.stop());
afterEach(async () => {
  system.extender.open();
  const left = system.stores.pods.list().map(({ metadata: { name = '' } }) => ({ name, sizes: ['1Gi'] }));
  await deletePods(system, left);
});

interface SchedulerConfig {
  readonly extenders: readonly Readonly<Record<string, unknown>>[];
}
const readConfig = async (): Promise<SchedulerConfig> =>
  JSON.parse(await readFile(path.join(system.cluster.dir, 'scheduler.json'), 'utf8')) as SchedulerConfig;

const nodesOf = (pods: readonly PodWish[]): (string | undefined)[] =>
  pods.map(({ name }) => system.stores.pods.get(`default/${name}`)?.spec?.nodeName);
const pods = (prefix: string, count: number, more: Partial<PodWish> = {}): PodWish[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${prefix}-${i}`, sizes: ['1Gi'], ...more }));
const untilSomeEvent = (reason: string, about: RegExp, says: RegExp): Promise<true> =>
  until(`an Event ${reason} is about ${about}`, [system.stores.events], WITHIN_MS, () =>
    system.stores.events
      .list()
      .some((event) => event.reason === reason && about.test(event.involvedObject.name) && says.test(event.message)),
  );
const names = (wishes: readonly PodWish[]): string[] => wishes.map(({ name }) => name);

/** Starts the scheduler anew with these fields in its extender's configuration. */
async function reconfigure(fields: Readonly<Record<string, unknown>>): Promise<void> {
  const config = await readConfig();
  const extenders = config.extenders.map((extender) => ({ ...extender, ...fields }));
  await writeFile(path.join(system.cluster.dir, 'scheduler.json'), JSON.stringify({ ...config, extenders }));
  await system.cluster.stopComponent('kube-scheduler');
  await system.cluster.startComponent('kube-scheduler');
}

test('4: while an ignorable extender is away, CreateVolume refuses what was sent to a full node, and the pods find another one', async () => {
  const full = { name: 'full', sizes: ['20Gi'], spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } } };
  await createPods(system, [full]);
  await untilRunning(system, ['full'], WITHIN_MS);

  system.extender.close();
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }];
  const preferred = [{ weight: 100, preference: { matchExpressions } }];
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
  const blind = pods('blind', 10, { spec: { affinity } });
  await createPods(system, blind);
  await untilSomeEvent('ProvisioningFailed', /^blind-/, /ResourceExhausted/);
  // The scheduler would like the full node again and again; only the CSIStorageCapacity objects tell it.
  await untilRunning(system, names(blind), WITHIN_MS);
  expect(new Set(nodesOf(blind))).toEqual(new Set(['node-2']));
  expect(broken(await promised(system))).toEqual([]);
});

test('5: of two schedulers only one asks the extender; both place all their pods, and nothing is promised twice', async () => {
  const { extenders: _, ...config } = await readConfig();
  const file = path.join(system.cluster.dir, 'second-scheduler.json');
  await writeFile(file, JSON.stringify({ ...config, profiles: [{ schedulerName: 'second' }] }));
  const argv = [system.cluster.binary('kube-scheduler'), '--config', file, '--secure-port', '0'];
  const scheduler = start(system.cluster.dir, 'second-scheduler', argv);
  try {
    const ours = pods('ours', 12);
    const theirs = pods('theirs', 12, { spec: { schedulerName: 'second' } });
    await Promise.all([createPods(system, ours), createPods(system, theirs)]);
    await untilRunning(system, names([...ours, ...theirs]), WITHIN_MS);
    expect(broken(await promised(system))).toEqual([]);
  } finally {
    scheduler.kill('SIGTERM');
  }
});

test('4: while an extender that is not ignorable is away, pods wait, and nothing is lost', async () => {
  const kept = { name: 'kept', sizes: ['1Gi'] };
  await createPods(system, [kept]);
  await untilRunning(system, ['kept'], WITHIN_MS);
  await reconfigure({ ignorable: false });
  const since = (await system.log('kube-scheduler')).length;
  system.extender.close();
  const waiting = pods('waiting', 10);
  await createPods(system, waiting);
  await untilSomeEvent('FailedScheduling', /^waiting-0$/, /./);
  expect(nodesOf(waiting).filter(Boolean)).toEqual([]);
  system.extender.open();
  await untilRunning(system, names(waiting), WITHIN_MS);
  expect(lost([kept, ...waiting], system.stores)).toEqual([]);
  expect(broken(await promised(system))).toEqual([]);
  // The log of a scheduler that misses its extender is what the instrument of promise 8 must be able to read.
  expect(extenderComplaints((await system.log('kube-scheduler')).slice(since))).not.toEqual([]);
});

test.each([
  ['has not heard of everything yet', 'filter', 'not listed yet: pods'],
  ['refuses in bind', 'bind', 'the room is gone'],
] as const)(
  '4: an ignorable extender that %s is passed over; pods run, and what was placed badly finds another node',
  async (_, refused, message) => {
    await using fake = await startFakeExtender((verb) => (verb === refused || verb === 'bind' ? message : undefined));
    const { urlPrefix, ...before } = (await readConfig()).extenders[0] ?? {};
    await reconfigure({
      urlPrefix: `http://127.0.0.1:${fake.port}`,
      enableHTTPS: false,
      tlsConfig: undefined,
      ...{ ignorable: true, bindVerb: 'bind' },
    });
    const since = (await system.log('kube-scheduler')).length;
    try {
      // There is room for 40 pods, so that nodes fill up in between.
      const passed = pods('passed', 36);
      await createPods(system, passed);
      await untilRunning(system, names(passed), WITHIN_MS);
      expect(broken(await promised(system))).toEqual([]);
      expect(extenderComplaints((await system.log('kube-scheduler')).slice(since))).not.toEqual([]);
    } finally {
      await reconfigure({ bindVerb: undefined, urlPrefix, ...before });
    }
  },
);

test('bindings through the extender: without the right they fail and say what to do, with it they are made, and who may ignore the extender binds alone', async () => {
  const right = path.join(CHECKOUT, 'deploy/bind');
  try {
    await reconfigure({ bindVerb: 'bind', ignorable: false });
    const refused = pods('refused', 3);
    await createPods(system, refused);
    await untilSomeEvent('FailedScheduling', /^refused-/, /leave bindVerb out .*extender\.bind=true/);
    expect(nodesOf(refused).filter(Boolean)).toEqual([]);
    await system.kubectl('apply', '-k', right);
    await untilRunning(system, names(refused), WITHIN_MS);
    expect(await passedOver()).toBe(0);

    // As after an upgrade: the right is gone, and the configuration is still what was printed before.
    await system.kubectl('delete', '-k', right);
    await reconfigure({ ignorable: true });
    const before = await extenderCalls(system.leader());
    const alone = pods('alone', 10);
    await createPods(system, alone);
    await untilRunning(system, names(alone), WITHIN_MS);
    expect((await extenderCalls(system.leader())).bind - before.bind).toBeGreaterThanOrEqual(alone.length);
    expect(await passedOver()).toBeGreaterThanOrEqual(alone.length);
    expect(broken(await promised(system))).toEqual([]);
  } finally {
    await system.kubectl('delete', '-k', right, '--ignore-not-found');
    await reconfigure({ bindVerb: undefined, ignorable: true });
  }
  const before = await extenderCalls(system.leader());
  const plain = pods('plain', 3);
  await createPods(system, plain);
  await untilRunning(system, names(plain), WITHIN_MS);
  expect((await extenderCalls(system.leader())).bind).toBe(before.bind);
});

test('a pod that would have to evict others evicts none on a node without room for all of its volumes', async () => {
  const on = (name: string) => ({ nodeSelector: { 'kubernetes.io/hostname': name } });
  // Nearly all that a node of the sandbox has.
  const busy = { containers: [{ name: 'main', image: 'none', resources: { requests: { cpu: '900' } } }] };
  const others = ['node-1', 'node-2'].map((node) => ({
    name: `busy-${node}`,
    sizes: [],
    spec: { ...busy, ...on(node) },
  }));
  const half = { name: 'half', sizes: ['10Gi'], spec: on('node-2') };
  // Its volumes fit there one by one, which is all that kube-scheduler knows itself.
  const urgent = { sizes: ['6Gi', '6Gi'], spec: { ...busy, priorityClassName: 'system-cluster-critical' } };
  const there = { ...urgent, name: 'there', spec: { ...urgent.spec, ...on('node-2') } };
  const anywhere = { ...urgent, name: 'anywhere' };
  try {
    await createPods(system, [half, ...others]);
    await untilRunning(system, ['half', ...names(others)], WITHIN_MS);
    const before = (await extenderCalls(system.leader())).preempt;
    await createPods(system, [there]);
    await untilSomeEvent('FailedScheduling', /^there$/, /./);
    expect((await extenderCalls(system.leader())).preempt).toBeGreaterThan(before);
    await createPods(system, [anywhere]);
    await untilRunning(system, ['anywhere', 'busy-node-2'], WITHIN_MS);
    expect(nodesOf([anywhere, there])).toEqual(['node-1', undefined]);
  } finally {
    await deletePods(system, [there, anywhere, half, ...others]);
  }
});

/** How often a scheduler that was started last bound a pod itself after the extender had refused. */
async function passedOver(): Promise<number> {
  const log = await system.log('kube-scheduler');
  return log.slice(log.lastIndexOf('Starting Kubernetes Scheduler')).split('Skipping extender in bind').length - 1;
}
