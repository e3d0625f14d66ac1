import { expect, test } from 'vitest';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { IoLimits } from '../../model/storage-class.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import type { ThrottledUse, Throttles } from '../../cgroup/throttles.ts';
import { silentLog } from '../../model/log.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import { createLimits } from './limits.ts';
import { sampleLocalVolume, sampleMount, unitSpec } from '../storage-fixture.ts';

const never = new AbortController().signal;
const DEVICE = '253:3';
const at = (pod: string): string => `/var/lib/kubelet/pods/${pod}/volumes/kubernetes.io~csi/pv/mount`;

/** A volume whose filesystem has a number, so that no device is needed. */
const volume = (limits?: IoLimits): LocalVolume =>
  sampleLocalVolume({
    spec: { ...unitSpec('MountPoint', '/mnt/a'), ...(limits ? { limits } : {}) },
    status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/mnt/a' },
  });

/** The kernel's side in memory: what each pod may do; a pod without an entry has no cgroup. */
function rig({ version = 2, pods = ['u-1', 'u-2'] }: { readonly version?: 1 | 2; readonly pods?: string[] } = {}) {
  const groups = new Map<string, IoLimits>(pods.map((pod) => [pod, {}]));
  const volumes = new Map<string, LocalVolume>();
  const entries: MountEntry[] = [sampleMount('/mnt/a', { majorMinor: DEVICE })];
  const events: string[] = [];
  let broken: Fault | undefined;
  let sets = 0;
  const throttles: Throttles = {
    version: () => Promise.resolve(version),
    foldersOf: (pod) => Promise.resolve([groups.has(pod) ? `/cg/${pod}` : '/cg']),
    apply: ({ podUid, device, limits }: ThrottledUse) => {
      if (broken) return Promise.reject(broken);
      expect(device).toBe(DEVICE);
      const before = groups.get(podUid);
      if (!before) return Promise.resolve('no-cgroup');
      groups.set(podUid, limits);
      return Promise.resolve(JSON.stringify(before) === JSON.stringify(limits) ? 'kept' : 'set');
    },
  };
  const make = () =>
    createLimits({
      throttles,
      mounts: { list: () => Promise.resolve(entries) },
      volumes,
      record: (about, { reason, message }) => void events.push(`${about.name} ${reason}: ${message}`),
      log: silentLog,
      onSet: () => void (sets += 1),
      waitMs: 200,
    });
  return {
    groups,
    volumes,
    entries,
    events,
    make,
    limits: make(),
    break: (fault: Fault | undefined) => (broken = fault),
    sets: () => sets,
    publish: (pod: string) => void entries.push(sampleMount(at(pod), { majorMinor: DEVICE })),
  };
}

const nodeVolume = (limits: IoLimits) =>
  ({
    id: 'v1',
    kind: 'MountPoint',
    source: '/mnt/a',
    fsType: '',
    formatted: undefined,
    formatting: undefined,
    sizeBytes: bytes(GIB),
    limits,
  }) as const;
const SLOW = { writeBps: 100_000 };

test('a pod that gets a volume is limited', async () => {
  const it = rig();
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  expect(it.groups.get('u-1')).toEqual(SLOW);
  expect(it.groups.get('u-2')).toEqual({});
  expect(it.sets()).toBe(1);
  expect(it.events).toEqual([]);
});

test('a cgroup that the kubelet makes a moment later is waited for', async () => {
  const it = rig({ pods: [] });
  const applied = it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  it.groups.set('u-1', {});
  await applied;
  expect(it.groups.get('u-1')).toEqual(SLOW);
});

test('a pod without a cgroup starts all the same, is told of, and limited once it has one', async () => {
  const it = rig({ pods: [] });
  it.volumes.set('v1', volume(SLOW));
  it.publish('u-1');
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  expect(it.events).toEqual([expect.stringContaining('v1 LimitsNotSet: Pod u-1 has no cgroup yet')]);
  it.groups.set('u-1', {});
  await it.limits.enforce(never);
  expect(it.groups.get('u-1')).toEqual(SLOW);
});

test('a limit that the kernel does not take is told once, and the pod starts', async () => {
  const it = rig();
  it.break(new Fault('precondition', 'whole devices only'));
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  expect(it.events).toEqual(['v1 LimitsNotSet: Pod u-1 is not limited: whole devices only.']);
});

test('limits below the least, which an old object may have, are raised to what a pod can be killed with, and told', async () => {
  const it = rig();
  it.volumes.set('v1', volume({ writeBps: 2, readIops: 9, writeIops: 10 }));
  it.publish('u-1');
  await it.limits.enforce(never);
  await it.limits.enforce(never);
  expect(it.groups.get('u-1')).toEqual({ writeBps: 65_536, readIops: 10, writeIops: 10 });
  expect(it.events).toEqual([
    'v1 LimitsPartial: A pod with limits as small as writeBps 2, readIops 9, writeIops 10 could not even be killed: writeBps 65536, readIops 10, writeIops 10 is set instead.',
  ]);
});

test('limits change while pods run, in every pod that has the volume', async () => {
  const it = rig();
  it.volumes.set('v1', volume(SLOW));
  it.publish('u-1');
  it.publish('u-2');
  await it.limits.enforce(never);
  it.volumes.set('v1', volume({ readIops: 50 }));
  await it.limits.enforce(never);
  expect([...it.groups.values()]).toEqual([{ readIops: 50 }, { readIops: 50 }]);
  it.volumes.set('v1', volume());
  await it.limits.enforce(never);
  expect([...it.groups.values()]).toEqual([{}, {}]);
});

test('what something else wrote is repaired, and what was taken away while nobody looked too', async () => {
  const it = rig();
  it.volumes.set('v1', volume(SLOW));
  it.publish('u-1');
  await it.limits.enforce(never);
  it.groups.set('u-1', { writeBps: 9 });
  await it.limits.enforce(never);
  expect(it.groups.get('u-1')).toEqual(SLOW);
  it.volumes.set('v1', volume());
  await it.make().enforce(never); // a new process
  expect(it.groups.get('u-1')).toEqual({});
});

test('of several volumes that have one device each pod has the limit of its own', async () => {
  const it = rig({ pods: ['u-1', 'u-2', 'u-3'] });
  const named = (name: string, limits?: IoLimits): void => {
    const one = volume(limits);
    it.volumes.set(name, { ...one, metadata: { ...one.metadata, name } });
  };
  const has = (pod: string, ...names: readonly string[]): void => {
    for (const name of names)
      it.entries.push(sampleMount(at(pod).replace('/pv/', `/${name}/`), { majorMinor: DEVICE }));
  };
  named('free');
  named('slow', SLOW);
  named('read', { readIops: 50 });
  has('u-1', 'slow');
  has('u-2', 'read');
  has('u-3', 'free');
  for (const _ of [1, 2]) {
    await it.limits.enforce(never);
    expect([...it.groups.values()]).toEqual([SLOW, { readIops: 50 }, {}]);
  }
  has('u-3', 'slow');
  await it.limits.enforce(never);
  expect(it.groups.get('u-3')).toEqual(SLOW);
});

test('a volume that is taken from a pod leaves no limit there, and keeps that of another pod', async () => {
  const it = rig();
  it.volumes.set('v1', volume(SLOW));
  for (const pod of ['u-1', 'u-2']) {
    it.publish(pod);
    await it.limits.apply(nodeVolume(SLOW), pod, never);
  }
  it.entries.splice(1, 1); // unmounted
  await it.limits.lift(at('u-1'), never);
  expect([...it.groups]).toEqual([
    ['u-1', {}],
    ['u-2', SLOW],
  ]);
});

test('a volume of which nothing was heard yet keeps the limit it was published with', async () => {
  const it = rig();
  it.publish('u-1');
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  await it.limits.enforce(never);
  expect(it.groups.get('u-1')).toEqual(SLOW);
});

test('while a pod gets its volume, what was seen before is not held against it', async () => {
  const it = rig();
  it.volumes.set('v1', volume(SLOW));
  const enforcing = it.limits.enforce(never); // has not seen the mount
  it.publish('u-1');
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  await enforcing;
  expect(it.groups.get('u-1')).toEqual(SLOW);
});

test('on v1, what a limit means there is told once', async () => {
  const it = rig({ version: 1 });
  await it.limits.apply(nodeVolume(SLOW), 'u-1', never);
  await it.limits.apply(nodeVolume(SLOW), 'u-2', never);
  expect(it.events).toEqual([expect.stringMatching(/^v1 LimitsPartial: .*not for buffered writes/)]);
});

test('where limited pods live is to be watched, and where one may come to live', async () => {
  const it = rig({ pods: ['u-1', 'u-2'] });
  expect(await it.limits.folders(never)).toEqual([]);
  it.volumes.set('v1', volume(SLOW));
  for (const pod of ['u-1', 'u-2', 'late', 'later']) {
    if (pod !== 'later') it.publish(pod); // or it was taken away again
    await it.limits.apply(nodeVolume(SLOW), pod, never);
  }
  expect(await it.limits.folders(never)).toEqual(['/cg/u-1', '/cg/u-2', '/cg']);
  expect(it.sets()).toBe(4);

  it.groups.set('late', {});
  await it.limits.enforce(never);
  expect(await it.limits.folders(never)).toEqual(['/cg/u-1', '/cg/u-2', '/cg/late']);
});

test('a volume without limits costs nothing, and one without a pod is told', async () => {
  const it = rig();
  it.break(new Fault('unavailable', 'must not be asked'));
  await it.limits.apply(nodeVolume({}), 'u-1', never);
  await it.limits.lift(at('u-1'), never);
  expect(it.events).toEqual([]);
  await it.limits.apply(nodeVolume(SLOW), undefined, never);
  expect(it.events).toEqual([expect.stringContaining('LimitsNotSet: It cannot be told which pod')]);
});
