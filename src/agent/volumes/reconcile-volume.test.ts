import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { Gate } from '../../daemon/gate.ts';
import { Gates } from '../../daemon/gates.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { silentLog } from '../../model/log.ts';
import { NO_TRACER } from '../../trace/tracer.ts';
import { exits } from '../../exec/fake-run.ts';
import { faultFromLvm } from '../../lvm/errors.ts';
import type { Lvm, VolumeRef } from '../../lvm/lvm.ts';
import { createStateFile } from '../../exec/state-file.ts';
import { createSimulatedLvm } from '../../lvm/simulated.ts';
import { luksUuidOf, mappingNameOf, mappingPathOf } from '../../crypt/names.ts';
import { createSimulatedCrypt } from '../../crypt/simulated.ts';
import { createSimulatedMounts } from '../../mount/simulated.ts';
import { mapperUuidOf, OUR_TAG } from '../../lvm/names.ts';
import type { LvmVolume } from '../../lvm/report.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK, FORMATTING } from '../../model/well-known.ts';
import { createFakeObject } from '../fake-objects.ts';
import { findSuspects } from './changed-volumes.ts';
import { isSettled } from './is-settled.ts';
import { reconcileVolume, type VolumeDeps } from './reconcile-volume.ts';
import { sampleDisk, sampleLocalVolume, sampleMount, sampleObservation, unitSpec } from '../storage-fixture.ts';
import { createTurns } from './settle-together.ts';
import { createVolumeWriter, type VolumeWriter } from './write-volume.ts';

/** Which group and logical volume a volume has been given. */
const MADE = { groupUuid: 'simulated-pool-0', volumeUuid: expect.any(String) as string };
const READY = {
  phase: 'Ready',
  sizeBytes: GIB,
  summary: { size: '1Gi' },
  devicePath: '/dev/pool-0/v1',
  ...MADE,
};
const never = new AbortController().signal;
const FREE = 10 * GIB - 4 * MIB;
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };

async function rig(volume: LocalVolume) {
  const folder = await mkdtemp(path.join(tmpdir(), 'reconcile-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'disks.json');
  await writeFile(
    file,
    JSON.stringify({ disks: ['a', 'b'].map((name) => ({ name: `/dev/sim-${name}`, sizeBytes: 10 * GIB })) }),
  );
  const lvm = createSimulatedLvm(createStateFile(file));
  await lvm.createGroup({ name: 'pool-0', devices: ['/dev/sim-a'] }, never);
  const { mounts } = createSimulatedMounts({ file: path.join(folder, 'mounts.json'), sizeOf: async () => bytes(GIB) });
  const object = createFakeObject(volume);
  const crypt = createSimulatedCrypt(path.join(folder, 'crypt.json'));
  const events: string[] = [];
  const wiped: string[] = [];
  const filled: string[] = [];
  const broken: string[] = [];
  const onBroken = (_: LocalVolume, what: string): void => void broken.push(what);
  let changes = 0;
  const locks = new KeyedMutex();
  const deps: VolumeDeps = {
    lvm,
    disks: {
      list: () => Promise.resolve([sampleDisk('sdc')]),
      resolve: (name) => Promise.resolve(name),
      probe: () => Promise.resolve({ busy: false, signatures: [] }),
      wipe: ({ path }) => Promise.resolve(void wiped.push(path)),
      mapperUuid: () => Promise.resolve(undefined),
      erase: ({ path, size, head }) => Promise.resolve(void wiped.push(`${path} ${head ?? size}`)),
    },
    filesystems: {
      thaw: () => Promise.resolve(),
      flush: () => Promise.resolve(),
      probe: () => Promise.resolve({ kind: 'blank' }),
      sectorOf: () => Promise.resolve(undefined),
      entries: () => Promise.resolve([]),
      clear: ({ target, identity }) => Promise.resolve(void wiped.push(`${target} ${identity}`)),
    },
    crypt,
    mounts,
    observe: () => Promise.resolve(sampleObservation({ devices: [sampleDisk('sdc')] })),
    write: createVolumeWriter({ client: object.client, wrote: () => {}, onBroken }),
    onBroken,
    tracer: NO_TRACER,
    locks,
    turns: createTurns(locks),
    erasing: new Gates({ ofOneKey: 2, inAll: 8 }),
    apart: new Gate(4),
    others: new Map(),
    disksElsewhere: () => Promise.resolve([]),
    record: (_, event) => void events.push(event.reason),
    log: silentLog,
    onChange: () => void (changes += 1),
    fillLater: ({ metadata }) => Promise.resolve(void filled.push(metadata.name ?? '')),
  };
  const volumes = async () => (await lvm.report(never)).groups[0]?.volumes.map(({ name, size }) => [name, size]);
  const reconcile = (more: Partial<VolumeDeps> = {}) => {
    const now = object.read();
    return now ? reconcileVolume(now, { ...deps, ...more }, never) : Promise.resolve();
  };
  return {
    object,
    deps,
    lvm,
    crypt,
    mounts,
    file,
    events,
    broken,
    wiped,
    filled,
    volumes,
    reconcile,
    changes: () => changes,
  };
}

test('made, told once, grown, removed', async () => {
  const it = await rig(sampleLocalVolume());
  const logged: unknown[] = [];
  const log = { ...silentLog, info: (fields: object) => void logged.push(fields) };
  await it.reconcile({ log });
  await it.reconcile({ log });
  expect(it.object.read()?.status).toEqual(READY);
  expect(it.object.calls).toHaveLength(1);
  expect(it.changes()).toBe(1);

  it.object.write(sampleLocalVolume({ spec: { sizeBytes: GIB + 1 }, status: it.object.read()?.status }));
  await it.reconcile({ log });
  expect(it.object.read()?.status?.sizeBytes).toBe(GIB + 4 * MIB);
  expect(await it.volumes()).toEqual([['v1', GIB + 4 * MIB]]);

  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await it.reconcile({ log });
  expect(it.object.read()).toBeUndefined();
  expect(await it.volumes()).toEqual([]);
  expect(logged).toEqual(['create', 'extend', 'remove'].map((action) => ({ vg: 'pool-0', volume: 'v1', action })));
});

/** LVM as a machine with device-mapper has it: every volume has its device. */
const active = (lvm: Lvm): Lvm => ({
  ...lvm,
  report: async (signal) => {
    const { groups, orphans } = await lvm.report(signal);
    return { groups: groups.map((g) => ({ ...g, volumes: g.volumes.map((v) => ({ ...v, active: true })) })), orphans };
  },
});

test('a volume that lvm does not start, and says nothing of it, is told to be stopped', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const started: string[] = [];
  const lvm: Lvm = {
    ...it.lvm,
    report: async (signal) => {
      const { groups, orphans } = await it.lvm.report(signal);
      const asleep = groups.map((g) => ({ ...g, volumes: g.volumes.map((v) => ({ ...v, active: false })) }));
      return { groups: asleep, orphans };
    },
    activateVolume: ({ name }) => Promise.resolve(void started.push(name)),
  };
  await expect(it.reconcile({ lvm })).rejects.toThrow('pool-0/v1 was started and is not active: see volume_list');
  expect(started).toEqual(['v1']);
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'ActivationFailed' });
});

test('a path that does not come is told, and asked for once', async () => {
  const it = await rig(sampleLocalVolume());
  const { lvm, asked } = showing(it.lvm, () => ({ active: true, pathless: true }));
  await expect(it.reconcile({ lvm })).rejects.toThrow(
    'pool-0/v1 is active, and nothing can be done with /dev/pool-0/v1',
  );
  expect(asked).toEqual(['refresh v1 string']);
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'ActivationFailed' });
});

const DEVICE = unitSpec('Device', '/dev/sdc');
const KEY = Buffer.from('key');

test.each([
  ['loses its key slots and its header, and is not overwritten', true, `/dev/pool-0/v1 ${16 * MIB}`],
  ['that never was opened is erased as any other', false, `/dev/pool-0/v1 ${GIB}`],
])('an encrypted volume %s', async (_, isFormatted, erased) => {
  const it = await rig(sampleLocalVolume({ spec: { encryption: 'luks2' } }));
  await it.reconcile();
  const { crypt } = it;
  const device = '/dev/pool-0/v1';
  if (isFormatted) {
    await crypt.format(device, { uuid: luksUuidOf('v1'), label: '', key: KEY, sectorSize: 4096 }, never);
    await crypt.open({ device, name: mappingNameOf('v1'), key: KEY }, never);
  }
  const { status } = it.object.read() ?? {};
  it.object.write(sampleLocalVolume({ meta: deleting, spec: { encryption: 'luks2' }, status }));
  const seen: unknown[] = [];
  const disks = {
    ...it.deps.disks,
    erase: async (...args: Parameters<VolumeDeps['disks']['erase']>) => {
      seen.push((await crypt.header(device, never))?.slots, await crypt.mapping(mappingNameOf('v1'), never));
      await it.deps.disks.erase(...args);
    },
  };
  await it.reconcile({ lvm: active(it.lvm), disks });
  expect([seen, it.wiped]).toEqual([[isFormatted ? 0 : undefined, undefined], [erased]]);
});

test('an encrypted volume that a pod still has is not removed, and it is said where it is mounted', async () => {
  const it = await rig(sampleLocalVolume({ spec: { encryption: 'luks2' } }));
  await it.reconcile();
  await it.mounts.mount({ source: mappingPathOf('v1'), target: '/pod', fsType: 'ext4', options: [] }, never);
  const { status } = it.object.read() ?? {};
  it.object.write(sampleLocalVolume({ meta: deleting, spec: { encryption: 'luks2' }, status }));
  await expect(it.reconcile({ lvm: active(it.lvm) })).rejects.toThrow('is mounted at /pod');
  expect([it.wiped, it.object.read()?.status?.reason]).toEqual([[], 'InUse']);
});

test('what is removed is erased first; without that it stays, and says why', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const active: boolean[] = [];
  const lvm: Lvm = {
    ...it.lvm,
    report: async (signal) => {
      const { groups, orphans } = await it.lvm.report(signal);
      const device = { active: active.length > 0 };
      return { groups: groups.map((g) => ({ ...g, volumes: g.volumes.map((v) => ({ ...v, ...device })) })), orphans };
    },
    activateVolume: () => Promise.resolve(void active.push(true)),
  };
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  const other = { ...it.deps.disks, mapperUuid: () => Promise.resolve('LVM-another') };
  await expect(it.reconcile({ lvm, disks: other })).rejects.toThrow(
    'which is another logical volume: it is not erased',
  );
  expect(it.wiped).toEqual([]);
  const failing = { ...it.deps.disks, erase: () => Promise.reject(new Fault('unavailable', 'it cannot be written')) };
  await expect(it.reconcile({ lvm, disks: failing })).rejects.toThrow('it cannot be written');
  const message = 'it cannot be written';
  expect(it.object.read()?.status).toMatchObject({ phase: 'Deleting', reason: 'WipeFailed', message });
  expect([await it.volumes(), active]).toEqual([[['v1', GIB]], [true]]);

  await it.reconcile({ lvm });
  expect(it.wiped).toEqual([`/dev/pool-0/v1 ${GIB}`]);
  expect([it.object.read(), await it.volumes()]).toEqual([undefined, []]);
});

/** LVM whose logical volumes are as they are given, and what it is asked for besides. */
const showing = (lvm: Lvm, facts: () => Partial<LvmVolume>) => {
  const asked: string[] = [];
  const note =
    (verb: string) =>
    ({ name, uuid }: VolumeRef): Promise<void> =>
      Promise.resolve(void asked.push(`${verb} ${name} ${typeof uuid}`));
  const shown: Lvm = {
    ...lvm,
    report: async (signal) => {
      const { groups, orphans } = await lvm.report(signal);
      return {
        groups: groups.map((g) => ({ ...g, volumes: g.volumes.map((v) => ({ ...v, ...facts() })) })),
        orphans,
      };
    },
    ...{ adoptVolume: note('adopt'), activateVolume: note('activate'), refreshVolume: note('refresh') },
  };
  return { lvm: shown, asked };
};

test('a try that is stopped tells nothing', async () => {
  const it = await rig(sampleLocalVolume());
  const stopping = new AbortController();
  const createVolumes: Lvm['createVolumes'] = async () => {
    stopping.abort(new Error('the agent stops'));
    return [{ status: 'rejected', reason: new Error('lvcreate was ended') }];
  };
  const deps = { ...it.deps, lvm: { ...it.lvm, createVolumes } };
  await expect(reconcileVolume(sampleLocalVolume(), deps, stopping.signal)).rejects.toThrow('the agent stops');
  expect([it.object.calls, it.events]).toEqual([[], []]);
});

test('a logical volume that was there before its record is adopted, and served then', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  it.object.write(sampleLocalVolume({ spec: { adopted: true } }));
  const { lvm, asked } = showing(it.lvm, () => ({ active: true, tags: asked.length === 0 ? [] : [OUR_TAG] }));
  await it.reconcile({ lvm });
  expect([asked, it.object.read()?.status?.phase]).toEqual([['adopt v1 string'], 'Ready']);
});

test.each<[string, Partial<LvmVolume>, readonly string[]]>([
  ['is active, as it is', {}, []],
  ['leads to nowhere, once it is refreshed', { detached: true }, ['refresh v1 string']],
])('what is removed is erased through its device: one that %s', async (_, facts, first) => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const { lvm, asked } = showing(it.lvm, () => ({ active: true, ...facts }));
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await it.reconcile({ lvm });
  expect([asked, it.wiped]).toEqual([first, [`/dev/pool-0/v1 ${GIB}`]]);
});

test('what is erased on disks that do not answer keeps no volume of another group, and no disk, waiting', async () => {
  const erasing = new Gates({ ofOneKey: 1, inAll: 8 });
  const stuck = Promise.withResolvers<void>();
  const others = ['pool-9', '/dev/sdz', '/dev/sdy', '/dev/sdx', '/dev/sdw', '/dev/sdv'];
  const before = others.map((place) => erasing.run(place, () => stuck.promise, never));
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await it.reconcile({ lvm: active(it.lvm), erasing });
  expect([it.object.read(), it.wiped]).toEqual([undefined, [`/dev/pool-0/v1 ${GIB}`]]);
  stuck.resolve();
  await Promise.all(before);
});

test('disks that are wiped keep nothing waiting that looks for itself', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  await it.reconcile();
  const { status } = it.object.read() ?? {};
  it.object.write({ ...sampleLocalVolume({ meta: deleting, status }), spec: unitSpec('Device', '/dev/sdc') });
  const apart = new Gate(1);
  const seen: boolean[] = [];
  const wipe: VolumeDeps['disks']['wipe'] = async (...args) => {
    seen.push(apart.isOpen);
    await it.deps.disks.wipe(...args);
  };
  await it.reconcile({ apart, disks: { ...it.deps.disks, wipe } });
  expect([seen, it.wiped]).toEqual([[true], ['/dev/sdc']]);
});

test('one that waited long for its turn to be erased is looked at again', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const { lvm } = showing(it.lvm, () => ({ active: true }));
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const erasing = new Gates({ ofOneKey: 1, inAll: 8 });
  const turn = Promise.withResolvers<void>();
  const before = erasing.run('pool-0', () => turn.promise, never);
  const leaving = it.reconcile({ lvm, erasing });
  await eventually(() => expect(erasing.waiting('pool-0')).toBe(1));
  await it.mounts.mount({ source: '/dev/pool-0/v1', target: '/pods/a', fsType: 'ext4', options: [] }, never);
  vi.advanceTimersByTime(5000);
  turn.resolve();
  await Promise.all([before, expect(leaving).rejects.toThrow('is mounted at /pods/a')]);
  expect(it.wiped).toEqual([]);
});

test('a disk that is pulled before it is wiped is waited for, and no other is wiped in its place', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  await it.reconcile();
  const { status } = it.object.read() ?? {};
  it.object.write({ ...sampleLocalVolume({ meta: deleting, status }), spec: unitSpec('Device', '/dev/sdc') });
  const disks = { ...it.deps.disks, list: () => Promise.resolve([sampleDisk('sdb')]) };
  await expect(it.reconcile({ disks })).rejects.toThrow('/dev/sdc is not there any more');
  expect(it.wiped).toEqual([]);
  await it.reconcile();
  expect(it.wiped).toEqual(['/dev/sdc']);
});

test('a disk that another node has, too, is not wiped with what that one was given', async () => {
  const disk = sampleDisk('sdc', { worldwideName: 'naa.1' });
  const identity = `naa.1 ${disk.size}`;
  const mine = { annotations: { [DISK]: identity, [FORMATTING]: 'ext4 u-own' } };
  const status = { phase: 'Ready', sizeBytes: disk.size, devicePath: '/dev/sdc' } as const;
  const it = await rig({ ...sampleLocalVolume({ meta: { ...deleting, ...mine }, status }), spec: DEVICE });
  const theirs = sampleLocalVolume({
    meta: { name: 'v2', annotations: { [DISK]: identity, [FORMATTING]: 'ext4 u-2' } },
  });
  const elsewhere = [{ ...theirs, spec: { ...DEVICE, nodeName: 'node-b' } }];
  let asked = 0;
  const showing = (uuid: string): Partial<VolumeDeps> => ({
    observe: () => Promise.resolve(sampleObservation({ devices: [disk] })),
    disks: {
      ...it.deps.disks,
      list: () => Promise.resolve([disk]),
      probe: () => Promise.resolve({ busy: false, signatures: [{ type: 'ext4', offset: 1080, uuid }] }),
    },
    disksElsewhere: () => {
      asked += 1;
      return Promise.resolve(elsewhere);
    },
  });
  await expect(it.reconcile(showing('u-2'))).rejects.toThrow('what volume v2 of node node-b was given');
  expect([it.wiped, asked, it.object.read()?.status?.reason]).toEqual([[], 1, 'UnitMissing']);
  await it.reconcile(showing('u-own'));
  expect([it.wiped, asked]).toEqual([['/dev/sdc'], 1]);
});

test.each([
  ['that shows nothing', {}],
  ['with partitions', { partitions: ['sdc1'] }],
])('a raw disk %s that another node serves, too, is not wiped', async (_, shown) => {
  const disk = sampleDisk('sdc', { worldwideName: 'naa.1', ...shown });
  const identity = `naa.1 ${disk.size}`;
  const status = { phase: 'Ready', sizeBytes: disk.size, devicePath: '/dev/sdc' } as const;
  const meta = { ...deleting, annotations: { [DISK]: identity } };
  const it = await rig({ ...sampleLocalVolume({ meta, status }), spec: DEVICE });
  const theirs = sampleLocalVolume({ meta: { name: 'v2', annotations: { [DISK]: identity } }, status });
  const elsewhere = [{ ...theirs, spec: { ...DEVICE, nodeName: 'node-b' } }];
  const seeing = (volumes: readonly LocalVolume[]): Partial<VolumeDeps> => ({
    observe: () => Promise.resolve(sampleObservation({ devices: [disk] })),
    disks: {
      ...it.deps.disks,
      list: () => Promise.resolve([disk]),
      probe: () => Promise.resolve({ busy: false, signatures: [] }),
    },
    disksElsewhere: () => Promise.resolve(volumes),
  });
  await expect(it.reconcile(seeing(elsewhere))).rejects.toThrow('has recorded for its raw volume v2, too');
  expect([it.wiped, it.object.read()?.status?.reason]).toEqual([[], 'UnitMissing']);
  expect(it.object.read()?.status?.message).toContain('kubectl open-local release volume v1 --reason WHY');
  await it.reconcile(seeing([]));
  expect(it.wiped).toEqual(['/dev/sdc']);
});

test("a record with another volume's device is told, and written anew by what is there", async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const made = it.object.read() ?? sampleLocalVolume();
  expect([isSettled(made), it.broken]).toEqual([true, []]);
  const wrong = { ...made, status: { ...made.status, devicePath: '/dev/pool-0/v2' } };
  it.object.write(wrong);
  expect(isSettled(wrong)).toBe(false);
  await it.reconcile();
  expect(it.broken).toEqual(['its device is /dev/pool-0/v2, and its own is /dev/pool-0/v1']);
  expect(it.object.read()?.status).toEqual(made.status);
});

test.each([
  ['some of whose disks are away', { partial: true }, { health: 'partial' }, 'lacks disks'],
  ['in a group that lacks disks', { partial: true }, {}, 'lacks disks'],
  ['whose device does not come', {}, {}, 'refusing activation'],
])('a volume %s stays until it can be erased', async (_, ofGroup, facts, why) => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const lvm: Lvm = {
    ...it.lvm,
    report: async (signal) => {
      const { groups, orphans } = await it.lvm.report(signal);
      const volumes = (groups[0]?.volumes ?? []).map((volume) => ({ ...volume, active: false, ...facts }));
      return { groups: groups.map((group) => ({ ...group, ...ofGroup, volumes })), orphans };
    },
    activateVolume: () => Promise.reject(new Fault('unavailable', 'refusing activation')),
  };
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await expect(it.reconcile({ lvm })).rejects.toThrow(why);
  expect([it.object.read()?.metadata.name, it.wiped]).toEqual(['v1', []]);
});

test('of a volume that is in use though nothing of it is mounted, it is told what stands on it', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const { status } = it.object.read() ?? {};
  const own = { mapperUuid: mapperUuidOf(status?.groupUuid ?? '', status?.volumeUuid ?? ''), holders: ['loop20'] };
  const another = sampleDisk('dm-3', { mapperUuid: 'LVM-another', holders: ['loop19'] });
  let devices = [sampleDisk('sdb'), another, sampleDisk('dm-4', own), sampleDisk('loop20'), sampleDisk('dm-5')];
  const list = () => Promise.resolve(devices);
  const said = () => it.object.read()?.status?.message;
  const removeVolume = () => Promise.reject(new Fault('precondition', 'lvm lvremove: Logical volume in use.'));
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  const again = () => it.reconcile({ lvm: { ...it.lvm, removeVolume }, disks: { ...it.deps.disks, list } });
  await expect(again()).rejects.toThrow('in use');
  expect(said()).toBe(
    'lvm lvremove: Logical volume in use. loop20 stands on it. To end that: losetup --detach /dev/loop20',
  );
  devices = [sampleDisk('dm-4', { ...own, holders: [] })];
  await expect(again()).rejects.toThrow('in use');
  expect(said()).toContain("in use. Nothing stands on it: on the node, grep -l ' 8:dm-4 '");
  const unseen = { ...it.deps.disks, list: () => Promise.reject(new Error('no /sys')) };
  await expect(it.reconcile({ lvm: { ...it.lvm, removeVolume }, disks: unseen })).rejects.toThrow('in use');
  expect(said()).toBe('lvm lvremove: Logical volume in use.');
});

test('a disk that cannot be wiped since it is in use is told with what stands on it, and not with what is on others', async () => {
  const spec = unitSpec('Device', '/dev/sdc');
  const it = await rig({ ...sampleLocalVolume(), spec });
  await it.reconcile();
  const { status } = it.object.read() ?? {};
  it.object.write({ ...sampleLocalVolume({ meta: deleting, status }), spec });
  const held = (name: string, holder: string) => sampleDisk(name, { holders: [holder] });
  const devices = [held('sdb', 'loop19'), held('sdc', 'loop20'), sampleDisk('loop19'), sampleDisk('loop20')];
  const wiping = (why: Fault) =>
    it.reconcile({
      disks: { ...it.deps.disks, list: () => Promise.resolve(devices), wipe: () => Promise.reject(why) },
    });
  await expect(wiping(new Fault('precondition', 'It is in use.'))).rejects.toThrow('in use');
  expect(it.object.read()?.status?.message).toMatch(/^It is in use\. loop20 stands on it\..*\/dev\/loop20$/);
  await expect(wiping(new Fault('unavailable', 'It cannot be written.'))).rejects.toThrow('written');
  expect(it.object.read()?.status?.message).toBe('It cannot be written.');
});

test('a volume whose UUID is not recorded is told to be in use, and nothing of what is on other devices', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  it.object.write(sampleLocalVolume({ meta: deleting, status: { phase: 'Ready', sizeBytes: GIB } }));
  const removeVolume = () => Promise.reject(new Fault('precondition', 'It is in use.'));
  const list = () => Promise.resolve([sampleDisk('sdb', { holders: ['loop19'] }), sampleDisk('loop19')]);
  const lvm = { ...it.lvm, removeVolume };
  await expect(it.reconcile({ lvm, disks: { ...it.deps.disks, list } })).rejects.toThrow('in use');
  expect(it.object.read()?.status?.message).toBe('It is in use.');
});

test('a disk on which a pod made an array says how that is ended, before it is wiped', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  await it.reconcile();
  it.object.write({
    ...sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }),
    spec: unitSpec('Device', '/dev/sdc'),
  });
  const held = sampleObservation({ devices: [sampleDisk('sdc', { holders: ['md127'] }), sampleDisk('md127')] });
  await expect(it.reconcile({ observe: () => Promise.resolve(held) })).rejects.toThrow(
    '/dev/sdc is held by md127. md127 stands on it. To end that: mdadm --stop /dev/md127',
  );
  expect(it.wiped).toEqual([]);
});

test('what was written to a btrfs is on its disk before a snapshot of it is taken', async () => {
  const source = sampleLocalVolume({ meta: { name: 'v0' }, spec: { fsType: 'btrfs' } });
  const it = await rig(sampleLocalVolume({ spec: { role: 'Snapshot', source: { volume: 'v0' } } }));
  await it.lvm.createVolumes([{ vgName: 'pool-0', name: 'v0', sizeBytes: bytes(GIB), layout: 'linear' }], never);
  await it.mounts.mount({ source: '/dev/pool-0/v0', target: '/staged', fsType: 'btrfs', options: [] }, never);
  const did: string[] = [];
  const filesystems = { ...it.deps.filesystems, flush: async (path: string) => void did.push(`flush ${path}`) };
  const createSnapshot: Lvm['createSnapshot'] = (wanted, signal) => {
    did.push(`snapshot of ${wanted.origin}`);
    return it.lvm.createSnapshot(wanted, signal);
  };
  await it.reconcile({ others: new Map([['v0', source]]), filesystems, lvm: { ...it.lvm, createSnapshot } });
  expect(did).toEqual(['flush /staged', 'snapshot of v0']);
  expect(it.object.read()?.status?.phase).toBe('Ready');
});

test('a volume that is mounted is not removed, whoever deletes its object, until it is unmounted', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  await it.mounts.mount({ source: '/dev/pool-0/v1', target: '/pods/a', fsType: 'ext4', options: [] }, never);
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await expect(it.reconcile()).rejects.toThrow('pool-0/v1 is mounted at /pods/a');
  expect(it.events).toEqual(['InUse']);
  expect(await it.volumes()).toEqual([['v1', GIB]]);

  await it.mounts.unmount('/pods/a', never);
  await it.reconcile();
  expect(it.object.read()).toBeUndefined();
  expect(await it.volumes()).toEqual([]);
});

const KUBELET = '/var/lib/kubelet/plugins/kubernetes.io/csi';
const folderOf = (handle: string): string => createHash('sha256').update(handle).digest('hex');
const STAGED = `${KUBELET}/local.csi.aliyun.com/${folderOf('v1')}/globalmount`;

test('a volume that the kubelet staged and forgot is unstaged by the second try to remove it', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const { lvm } = showing(it.lvm, () => ({ active: true }));
  const mount = (target: string) =>
    it.mounts.mount({ source: '/dev/pool-0/v1', target, fsType: 'ext4', options: [] }, never);
  await mount(STAGED);
  await mount('/pods/a');
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  for (const _ of [1, 2]) await expect(it.reconcile({ lvm })).rejects.toThrow(`is mounted at ${STAGED}, /pods/a`);
  await it.mounts.unmount('/pods/a', never);
  await expect(it.reconcile({ lvm })).rejects.toThrow(`is mounted at ${STAGED}:`);
  const busy = { ...it.mounts, unmount: () => Promise.reject(new Fault('unavailable', 'target is busy')) };
  await expect(it.reconcile({ lvm, mounts: busy })).rejects.toThrow('target is busy');
  expect(it.object.read()?.status).toMatchObject({
    phase: 'Deleting',
    reason: 'InUse',
    message: `Logical volume pool-0/v1 is mounted at ${STAGED}: it is removed once no pod uses it. target is busy`,
  });
  await it.reconcile({ lvm });
  expect(await it.mounts.list(never)).toEqual([]);
  expect(it.wiped).toEqual([`/dev/pool-0/v1 ${GIB}`]);
  expect([it.object.read(), await it.volumes()]).toEqual([undefined, []]);
});

test('while a volume is unmounted that the kubelet forgot, its group is not waited for', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  await it.mounts.mount({ source: '/dev/pool-0/v1', target: STAGED, fsType: 'ext4', options: [] }, never);
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await expect(it.reconcile()).rejects.toThrow('is mounted at');
  const [begun, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const unmount = async (target: string, signal: AbortSignal): Promise<void> => {
    begun.resolve();
    await answered.promise;
    await it.mounts.unmount(target, signal);
  };
  const removing = it.reconcile({ mounts: { ...it.mounts, unmount } });
  await begun.promise;
  expect(await it.deps.locks.run('pool-0', () => Promise.resolve('free'), AbortSignal.timeout(5000))).toBe('free');
  answered.resolve();
  await removing;
  expect([it.object.read(), await it.volumes()]).toEqual([undefined, []]);
});

const CSI = 'volumes/kubernetes.io~csi/pv-1';

test.each([
  ['a raw device whose pod is gone', ['publish/pv-1/gone', 'pv-1/dev/gone'], true],
  ['a raw device whose pod is there', ['publish/pv-1/there', 'pv-1/dev/there'], false],
  ['a volume whose record the kubelet lost', [`pods/lost/${CSI}/mount`, 'pods/lost/volume-subpaths/pv-1/c/0'], true],
  ['a volume whose record a power cut emptied', [`pods/cut/${CSI}/mount`, 'pods/cut/volume-subpaths/pv-1/c/0'], true],
  ['a volume that the kubelet knows', [`pods/there/${CSI}/mount`], false],
  ['a part of one that it knows', ['pods/there/volume-subpaths/pv-1/c/0'], false],
  ['a volume that is mounted elsewhere as well', [`pods/lost/${CSI}/mount`, 'elsewhere'], false],
])('%s is unmounted where the kubelet has it, and removed: %s %s', async (_, targets, isRemoved) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kubelet-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const pod of ['there', 'lost', 'cut']) await mkdir(path.join(folder, 'pods', pod, CSI), { recursive: true });
  await writeFile(path.join(folder, 'pods/there', CSI, 'vol_data.json'), '{}');
  await writeFile(path.join(folder, 'pods/cut', CSI, 'vol_data.json'), '');
  await utimes(path.join(folder, 'pods/cut', CSI, 'vol_data.json'), 0, 0);
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  for (const at of targets) {
    const place = /^pods|^elsewhere/.test(at) ? at : `plugins/kubernetes.io/csi/volumeDevices/${at}`;
    const bound = { source: '/dev/pool-0/v1', target: path.join(folder, place), readOnly: false, options: [] };
    await it.mounts.bind(bound, never);
  }
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await expect(it.reconcile()).rejects.toThrow('is mounted at');
  await it.reconcile().catch(() => undefined);
  expect(await it.mounts.list(never)).toHaveLength(isRemoved ? 0 : targets.length);
  expect(it.object.read() === undefined).toBe(isRemoved);
});

test('a disk and a filesystem of their own that the kubelet forgot are unstaged, too', async () => {
  const status = { phase: 'Ready', sizeBytes: GIB } as const;
  const size = bytes(10 * GIB);
  const stats = { total: size, used: bytes(0), available: size, inodes: { total: 0, used: 0, available: 0 } };
  for (const kind of ['Device', 'MountPoint'] as const) {
    const path = kind === 'Device' ? '/dev/sdc' : '/mnt/a';
    const it = await rig({ ...sampleLocalVolume({ meta: deleting, status }), spec: unitSpec(kind, path) });
    const own = kind === 'Device' ? [] : [sampleMount('/mnt/a', { source: '/dev/sdc' })];
    if (kind === 'MountPoint')
      await it.mounts.mount({ source: '/dev/sdc', target: '/mnt/a', fsType: 'ext4', options: [] }, never);
    await it.mounts.mount({ source: '/dev/sdc', target: STAGED, fsType: 'ext4', options: [] }, never);
    const observe = async () => {
      const mounts = (await it.mounts.list(never)).map((entry) => ({
        ...entry,
        majorMinor: sampleDisk('sdc').majorMinor,
      }));
      const mountPoints = own.map((entry) => ({
        entry: { ...entry, majorMinor: sampleDisk('sdc').majorMinor },
        stats,
        identity: 'ext4 u /',
      }));
      return sampleObservation({ devices: [sampleDisk('sdc')], mounts, mountPoints });
    };
    await expect(it.reconcile({ observe })).rejects.toThrow(`${STAGED}. `);
    await it.reconcile({ observe });
    expect((await it.mounts.list(never)).map(({ target }) => target)).toEqual(own.map(({ target }) => target));
    expect([it.object.read(), it.wiped]).toEqual([undefined, [kind === 'Device' ? '/dev/sdc' : '/mnt/a ext4 u /']]);
  }
});

test.each([
  ['another volume', `local.csi.aliyun.com/${folderOf('v2')}/globalmount`, undefined, false],
  ['the volume, by the record beside it', 'pv/pv-1/globalmount', 'v1', true],
  ['another volume, by the record beside it', 'pv/pv-2/globalmount', 'v2', false],
  ['nobody knows which, without a record', 'pv/pv-3/globalmount', undefined, false],
])('a mount where the kubelet stages %s: %s', async (_, place, handle, isRemoved) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'staged-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const target = path.join(folder, 'plugins/kubernetes.io/csi', place);
  await mkdir(target, { recursive: true });
  const data = handle === undefined ? '{' : JSON.stringify({ volumeHandle: handle });
  await writeFile(path.join(target, '../vol_data.json'), data);
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  await it.mounts.mount({ source: '/dev/pool-0/v1', target, fsType: 'ext4', options: [] }, never);
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  for (const _ of [1, 2]) await it.reconcile().catch(() => undefined);
  expect(await it.mounts.list(never)).toHaveLength(isRemoved ? 0 : 1);
  expect(it.object.read() === undefined).toBe(isRemoved);
});

test('a mount that the last problem did not name is left to the kubelet first', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const mount = (target: string) =>
    it.mounts.mount({ source: '/dev/pool-0/v1', target, fsType: 'ext4', options: [] }, never);
  const problem = { phase: 'Deleting', reason: 'InUse', message: '/dev/pool-0/v1 is in use' } as const;
  it.object.write(sampleLocalVolume({ meta: deleting, status: { ...it.object.read()?.status, ...problem } }));
  await mount(STAGED);
  await expect(it.reconcile()).rejects.toThrow(`is mounted at ${STAGED}:`);
  const other = STAGED.replace('local.csi.aliyun.com', 'yodaplugin.csi.alibabacloud.com');
  await mount(other);
  await expect(it.reconcile()).rejects.toThrow(`is mounted at ${STAGED}, ${other}:`);
  await it.mounts.unmount(STAGED, never);
  await expect(it.reconcile()).rejects.toThrow(`is mounted at ${other}:`);
  await it.reconcile();
  expect([await it.mounts.list(never), it.object.read()]).toEqual([[], undefined]);
});

test('a disk of which a part is mounted as well is not unmounted', async () => {
  const it = await rig({
    ...sampleLocalVolume({ meta: deleting, status: { phase: 'Ready', sizeBytes: GIB } }),
    spec: unitSpec('Device', '/dev/sdc'),
  });
  await it.mounts.mount({ source: '/dev/sdc', target: STAGED, fsType: 'ext4', options: [] }, never);
  const { majorMinor } = sampleDisk('sdc');
  const mounts = [sampleMount(STAGED, { majorMinor }), sampleMount('/data', { majorMinor })];
  const observe = () => Promise.resolve(sampleObservation({ devices: [sampleDisk('sdc')], mounts }));
  for (const _ of [1, 2]) await expect(it.reconcile({ observe })).rejects.toThrow(`is mounted at ${STAGED}, /data.`);
  expect(await it.mounts.list(never)).toHaveLength(1);
});

test('a volume that is just being removed is left to the kubelet to unstage', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  await it.mounts.mount({ source: '/dev/pool-0/v1', target: STAGED, fsType: 'ext4', options: [] }, never);
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await expect(it.reconcile()).rejects.toThrow(`is mounted at ${STAGED}`);
  expect(await it.mounts.list(never)).toHaveLength(1);
});

test('a volume that is unmounted while it is removed is erased all the same', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  await it.mounts.mount({ source: '/dev/pool-0/v1', target: '/pods/a', fsType: 'ext4', options: [] }, never);
  const { lvm } = showing(it.lvm, () => ({ active: true }));
  const list = async () => {
    const seen = await it.mounts.list(never);
    await it.mounts.unmount('/pods/a', never); // after the first look
    return seen;
  };
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await it.reconcile({ lvm, mounts: { ...it.mounts, list } });
  expect(it.wiped).toEqual([`/dev/pool-0/v1 ${GIB}`]);
  expect([it.object.read(), await it.volumes()]).toEqual([undefined, []]);
});

test('without room it fails with a reason and an Event, told once however often it is tried', async () => {
  const it = await rig(sampleLocalVolume({ spec: { sizeBytes: 11 * GIB } }));
  for (const _ of [1, 2, 3]) await expect(it.reconcile()).rejects.toMatchObject({ kind: 'exhausted' });
  expect(it.object.read()?.status).toMatchObject({
    phase: 'Failed',
    reason: 'NoSpace',
    message: expect.stringContaining('insufficient free space') as string,
  });
  expect(it.events).toEqual(['NoSpace']);
  it.object.write({ ...sampleLocalVolume({ meta: deleting }), status: it.object.read()?.status ?? {} });
  await it.reconcile();
  expect(it.object.read()).toBeUndefined();
});

test.each([
  ['  Volume group pool-0 is read-only', 5, 'GroupFaulty'],
  ["  Can't get lock for pool-0.", 5, 'GroupFaulty'],
  ['  Volume group "pool-0" not found', 5, 'GroupMissing'],
  ['  Logical Volume "v1" already exists in volume group "pool-0"', 5, 'NotOurs'],
  ['  Names starting "snapshot" are reserved.', 3, 'VolumeInvalid'],
  ['  Something nobody has seen before', 5, 'LvmFailed'],
])('lvcreate says "%s" with exit code %d: %s', async (stderr, code, reason) => {
  const it = await rig(sampleLocalVolume());
  const said = faultFromLvm(exits(['lvm', 'lvcreate'], code, stderr));
  const createVolumes = () => Promise.resolve([{ status: 'rejected', reason: said }] as const);
  await expect(it.reconcile({ lvm: { ...it.lvm, createVolumes } })).rejects.toMatchObject({ name: 'Fault' });
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason });
});

test('a volume whose group is faulty serves on, and is not grown', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  it.object.write(sampleLocalVolume({ spec: { sizeBytes: 2 * GIB }, status: it.object.read()?.status }));
  const said = faultFromLvm(exits(['lvm', 'lvextend'], 5, '  Cannot change VG pool-0 while PVs are missing.'));
  const extendVolume = () => Promise.reject(said);
  await expect(it.reconcile({ lvm: { ...it.lvm, extendVolume } })).rejects.toThrow('PVs are missing');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', sizeBytes: GIB, reason: 'GroupFaulty' });
});

const NOT_MOUNTED_AGAIN = expect.stringContaining(
  'no kernel would mount it again. Grow it on the others (lvextend --size SIZE pool-0/v1 /dev/sim-a)',
) as string;

test.each([
  ['is not grown', 'xfs in blocks of 512', 512, 512, { sizeBytes: GIB, message: NOT_MOUNTED_AGAIN }],
  ['is grown', 'ext4 in blocks of 4096', 512, 4096, { sizeBytes: 2 * GIB }],
  ['is grown', 'xfs that is on such sectors already', 4096, 512, { sizeBytes: 2 * GIB }],
  ['is grown', 'xfs that is encrypted', 512, undefined, { sizeBytes: 2 * GIB }],
])('in a group that has disks with sectors of 4096 bytes too, %s: %s', async (_, what, own, blockSize, grown) => {
  const [fsType = ''] = what.split(' ');
  const spec = { fsType, ...(blockSize === undefined ? { encryption: 'luks2' as const } : {}) };
  const it = await rig(sampleLocalVolume({ spec }));
  await it.lvm.extendGroup({ name: 'pool-0', devices: ['/dev/sim-b'] }, never);
  await it.reconcile();
  it.object.write(sampleLocalVolume({ spec: { ...spec, sizeBytes: 2 * GIB }, status: it.object.read()?.status }));
  const sectors: Readonly<Record<string, number>> = { '/dev/sim-a': 512, '/dev/sim-b': 4096, '/dev/pool-0/v1': own };
  const filesystems = {
    ...it.deps.filesystems,
    sectorOf: (device: string) => Promise.resolve(sectors[device]),
    probe: () =>
      Promise.resolve(
        blockSize === undefined
          ? ({ kind: 'other', what: 'crypto_LUKS' } as const)
          : ({ kind: 'filesystem', type: fsType, blockSize } as const),
      ),
  };
  await it.reconcile({ filesystems }).catch(() => undefined);
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', ...grown });
});

test('the columns of kubectl show the limits that a volume has now, and none when they are taken off', async () => {
  const limits = { readBps: 64 * MIB, writeBps: 64 * MIB };
  const it = await rig(sampleLocalVolume({ spec: { limits } }));
  await it.reconcile();
  const made = it.object.read();
  expect(made?.status?.summary).toEqual({ size: '1Gi', limits: '64Mi/s' });
  const free = sampleLocalVolume({ status: made?.status });
  expect([isSettled(made ?? free), isSettled(free)]).toEqual([true, false]);
  it.object.write(free);
  await it.reconcile();
  expect(it.object.read()?.status?.summary).toEqual({ size: '1Gi' });
});

test('a volume that cannot grow serves on', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  it.object.write(sampleLocalVolume({ spec: { sizeBytes: 11 * GIB }, status: it.object.read()?.status }));
  await expect(it.reconcile()).rejects.toMatchObject({ kind: 'exhausted' });
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', sizeBytes: GIB, reason: 'NoSpace' });
  expect(isSettled(it.object.read() ?? sampleLocalVolume())).toBe(false);
  it.object.write(sampleLocalVolume({ spec: { sizeBytes: 2 * GIB }, status: it.object.read()?.status }));
  await it.reconcile();
  expect(it.object.read()?.status).toEqual({
    phase: 'Ready',
    sizeBytes: 2 * GIB,
    summary: { size: '2Gi' },
    devicePath: '/dev/pool-0/v1',
    ...MADE,
  });
});

test('a lost volume is told and not replaced, and serves again when it is back', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const whole = await readFile(it.file, 'utf8');
  await it.lvm.removeVolume({ vgName: 'pool-0', name: 'v1' }, never);
  await expect(it.reconcile()).rejects.toMatchObject({ kind: 'precondition' });
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'VolumeLost', sizeBytes: GIB });
  expect(await it.volumes()).toEqual([]);
  await writeFile(it.file, whole);
  await it.reconcile();
  expect(it.object.read()?.status).toEqual(READY);
});

test('after a boot its device is made to appear; a volume that cannot be started is told', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const active = await readFile(it.file, 'utf8');
  await writeFile(it.file, active.replace('"name": "v1",', '"name": "v1", "active": false,'));
  const broken = { ...it.lvm, activateVolume: () => Promise.reject(new Fault('unavailable', 'a disk is missing')) };
  await expect(it.reconcile({ lvm: broken })).rejects.toThrow('a disk is missing');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'ActivationFailed', sizeBytes: GIB });
  await it.reconcile();
  expect((await it.lvm.report(never)).groups[0]?.volumes[0]?.active).toBe(true);
  expect(it.object.read()?.status).toEqual(READY);
});

test('a ready volume whose group belongs to another machine now is no longer Ready', async () => {
  const it = await rig(sampleLocalVolume());
  await it.reconcile();
  const report: Lvm['report'] = async (signal) => {
    const { groups, ...rest } = await it.lvm.report(signal);
    return { ...rest, groups: groups.map((group) => ({ ...group, foreign: true, systemId: 'other' })) };
  };
  await expect(it.reconcile({ lvm: { ...it.lvm, report } })).rejects.toThrow(
    'belongs to whoever has the system ID other',
  );
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'GroupForeign', sizeBytes: GIB });
  await it.reconcile();
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready' });
});

test('a volume that is made from another is filled when its logical volume is there, and is not Ready before', async () => {
  const it = await rig(sampleLocalVolume({ spec: { source: { snapshot: 's1' } } }));
  await it.reconcile();
  expect([await it.volumes(), it.filled, it.object.read()?.status]).toEqual([[['v1', GIB]], ['v1'], undefined]);
  await it.reconcile(); // as after a cut
  expect(it.filled).toEqual(['v1', 'v1']);

  const told = {
    phase: 'Ready',
    sizeBytes: GIB,
    devicePath: '/dev/pool-0/v1',
    copiedBytes: GIB,
    progress: 100,
  } as const;
  it.object.write(sampleLocalVolume({ spec: { source: { snapshot: 's1' } }, status: told }));
  await it.reconcile();
  expect(it.filled).toHaveLength(2);
  expect(it.object.read()?.status).toMatchObject(told);
});

test('a copy whose logical volume is lost is begun anew, from the first byte', async () => {
  const status = {
    phase: 'Pending',
    copiedBytes: 5,
    progress: 1,
    volumeUuid: 'lost',
    groupUuid: MADE.groupUuid,
  } as const;
  const it = await rig(sampleLocalVolume({ spec: { source: { snapshot: 's1' } }, status }));
  await expect(it.reconcile()).rejects.toThrow('copied anew');
  expect(it.object.read()?.status).toEqual({ phase: 'Pending' });
  await it.reconcile();
  expect([await it.volumes(), it.filled]).toEqual([[['v1', GIB]], ['v1']]);
});

test('a copy onto a whole disk is refused', async () => {
  const spec = { ...unitSpec('Device', '/dev/sdc'), source: { snapshot: 's1' } };
  const it = await rig({ ...sampleLocalVolume(), spec });
  await expect(it.reconcile()).rejects.toThrow('are of LVM volumes only');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'Unsupported' });
  expect(await it.volumes()).toEqual([]);
});

test('a disk of its own is looked into only when nothing else rules it out', async () => {
  const volume = { ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') };
  const it = await rig(volume);
  const inGroup = sampleObservation({ devices: [sampleDisk('sdc', { swap: true })] });
  const disks = { ...it.deps.disks, probe: () => Promise.reject(new Error('must not be opened')) };
  await expect(it.reconcile({ disks, observe: () => Promise.resolve(inGroup) })).rejects.toThrow('is in use as swap');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'NotBlank' });
  await it.reconcile();
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', sizeBytes: 10 * GIB, devicePath: '/dev/sdc' });
});

test('a disk is wiped before it is given back; what keeps it from that is told, and tried again', async () => {
  const volume = { ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') };
  const it = await rig(volume);
  await it.reconcile();
  const leaving = { ...volume, metadata: { ...volume.metadata, ...deleting }, status: it.object.read()?.status ?? {} };
  it.object.write(leaving);
  const held = () => Promise.reject(new Fault('precondition', 'it is in use'));
  await expect(it.reconcile({ disks: { ...it.deps.disks, wipe: held } })).rejects.toThrow('it is in use');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Deleting', reason: 'WipeFailed' });
  const dying = { ...it.deps.write, release: () => Promise.reject(new Error('killed')) };
  await expect(it.reconcile({ write: dying })).rejects.toThrow('killed');
  await it.reconcile();
  expect(it.object.read()).toBeUndefined();
  expect(it.wiped).toEqual(['/dev/sdc', '/dev/sdc']);
});

test('a disk is known again under another name, and another disk of its name is not touched', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  const seeing = (...devices: ReturnType<typeof sampleDisk>[]) => ({
    observe: () => Promise.resolve(sampleObservation({ devices })),
    disks: { ...it.deps.disks, list: () => Promise.resolve(devices) },
  });
  await it.reconcile(seeing(sampleDisk('sdc', { worldwideName: 'naa.1' })));
  expect(it.object.read()?.metadata.annotations).toEqual({ 'csi.aliyun.com/disk': `naa.1 ${10 * GIB}` });

  const other = sampleDisk('sdc', { worldwideName: 'naa.2' });
  await it.reconcile(seeing(other, sampleDisk('sdd', { worldwideName: 'naa.1' })));
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', devicePath: '/dev/sdd' });
  await expect(it.reconcile(seeing(other))).rejects.toThrow('leads to another disk than naa.1');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'UnitMissing' });

  const left = it.object.read() ?? sampleLocalVolume();
  it.object.write({ ...left, metadata: { ...left.metadata, ...deleting } });
  await expect(it.reconcile(seeing(other))).rejects.toThrow('leads to another disk');
  expect(it.wiped).toEqual([]);
  await it.reconcile(seeing(other, sampleDisk('sdd', { worldwideName: 'naa.1' })));
  expect([it.object.read(), it.wiped]).toEqual([undefined, ['/dev/sdd']]);
});

test('a disk that tells nothing of itself is not wiped while it carries the filesystem of another', async () => {
  const annotations = { 'csi.aliyun.com/formatting': 'ext4 u-1' };
  const status = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/sdc' } as const;
  const meta = { ...deleting, annotations };
  const it = await rig({ ...sampleLocalVolume({ meta, status }), spec: unitSpec('Device', '/dev/sdc') });
  const seeing = (uuid: string, ...devices: ReturnType<typeof sampleDisk>[]) => ({
    observe: () => Promise.resolve(sampleObservation({ devices })),
    disks: {
      ...it.deps.disks,
      probe: () => Promise.resolve({ busy: false, signatures: [{ type: 'ext4', offset: 1080, uuid }] }),
    },
  });
  const refusal = '/dev/sdc carries ext4 u-2, not u-1: it is not wiped.';
  await expect(it.reconcile(seeing('u-2', sampleDisk('sdc')))).rejects.toThrow(refusal);
  expect(it.object.read()?.status).toMatchObject({ phase: 'Deleting', reason: 'UnitMissing' });
  expect(it.wiped).toEqual([]);
  await it.reconcile(seeing('u-1', sampleDisk('sdc')));
  expect([it.object.read(), it.wiped]).toEqual([undefined, ['/dev/sdc']]);
});

test('a disk that another one is called like is not wiped while it carries the filesystem of another', async () => {
  const annotations = { 'csi.aliyun.com/formatting': 'ext4 u-1', 'csi.aliyun.com/disk': `naa.1 ${10 * GIB}` };
  const status = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/sdc' } as const;
  const meta = { ...deleting, annotations };
  const it = await rig({ ...sampleLocalVolume({ meta, status }), spec: unitSpec('Device', '/dev/sdc') });
  const probe = () => Promise.resolve({ busy: false, signatures: [{ type: 'xfs', offset: 0, uuid: 'u-2' }] });
  const disks = { ...it.deps.disks, probe };
  const seeing = (...names: string[]) => {
    const devices = names.map((name) => sampleDisk(name, { worldwideName: 'naa.1' }));
    return {
      disks: { ...disks, list: () => Promise.resolve(devices) },
      observe: () => Promise.resolve(sampleObservation({ devices })),
    };
  };
  await expect(it.reconcile(seeing('sdc', 'sdd'))).rejects.toThrow('carries xfs u-2, not u-1');
  await it.reconcile(seeing('sdc')); // it is its own, whatever was made on it
  expect([it.object.read(), it.wiped]).toEqual([undefined, ['/dev/sdc']]);
});

test('a disk that a new kernel calls otherwise is the volume’s again once an administrator says so', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  const seeing = (worldwideName: string, others: VolumeDeps['others'] = new Map()) => ({
    observe: () => Promise.resolve(sampleObservation({ devices: [sampleDisk('sdc', { worldwideName })] })),
    others,
  });
  await it.reconcile(seeing('eui.0025'));
  const [recorded, now] = [`eui.0025 ${10 * GIB}`, `nvme.144d-53 ${10 * GIB}`];
  const command = `kubectl annotate localvolume v1 csi.aliyun.com/disk="${now}" --overwrite`;
  await expect(it.reconcile(seeing('nvme.144d-53'))).rejects.toThrow(command);
  const made = it.object.read() ?? sampleLocalVolume();
  expect(made.metadata.annotations?.['csi.aliyun.com/disk']).toBe(recorded);
  const another = sampleLocalVolume({ meta: { name: 'v2', annotations: { 'csi.aliyun.com/disk': now } } });
  const others = new Map([['v2', { ...another, spec: unitSpec('Device', '/dev/sdc') }]]);
  await expect(it.reconcile(seeing('nvme.144d-53', others))).rejects.toThrow(/bring it back\.$/);
  it.object.write({ ...made, metadata: { ...made.metadata, annotations: { 'csi.aliyun.com/disk': now } } });
  await it.reconcile(seeing('nvme.144d-53'));
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', devicePath: '/dev/sdc' });
});

test('a disk that has grown is the volume’s as before, is recorded anew, and is known under another name then', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  const seeing = (name: string, size: number) => {
    const devices = [sampleDisk(name, { worldwideName: 'naa.1', size: bytes(size) })];
    return { observe: () => Promise.resolve(sampleObservation({ devices })) };
  };
  await it.reconcile(seeing('sdc', 10 * GIB));
  const told = it.object.read() ?? sampleLocalVolume();
  const grown = await seeing('sdc', 20 * GIB).observe();
  expect(findSuspects([told], await seeing('sdc', 10 * GIB).observe())).toEqual([]);
  expect(findSuspects([told], grown)).toEqual(['v1']);
  await it.reconcile(seeing('sdc', 20 * GIB));
  expect(it.object.read()?.metadata.annotations).toEqual({ 'csi.aliyun.com/disk': `naa.1 ${20 * GIB}` });
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', sizeBytes: 20 * GIB });
  expect(findSuspects([it.object.read() ?? told], grown)).toEqual([]);
  await it.reconcile(seeing('sdd', 20 * GIB));
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', devicePath: '/dev/sdd' });
});

test('a disk that is another volume’s, under whatever name, is not given to a second one', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('Device', '/dev/sdc') });
  const disk = sampleDisk('sdc', { serial: 'a' });
  const annotations = { 'csi.aliyun.com/disk': `a ${10 * GIB}` };
  const first = {
    ...sampleLocalVolume({ meta: { name: 'first', annotations } }),
    spec: unitSpec('Device', '/dev/sdb'),
  };
  const deps = {
    observe: () => Promise.resolve(sampleObservation({ devices: [disk] })),
    others: new Map([['first', first]]),
  };
  await expect(it.reconcile(deps)).rejects.toThrow('/dev/sdc belongs to volume first');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'NotBlank' });
});

test('a filesystem that is mounted twice is not given to anybody, and one that a volume has to no other', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('MountPoint', '/mnt/a') });
  const size = bytes(10 * GIB);
  const stats = { total: size, used: bytes(0), available: size, inodes: { total: 0, used: 0, available: 0 } };
  const entries = [sampleMount('/mnt/a'), sampleMount('/mnt/b')];
  const mountPoints = entries.map((entry) => ({ entry, stats, identity: 'ext4 u /' }));
  const twice = () => Promise.resolve(sampleObservation({ mountPoints, mounts: entries }));
  await expect(it.reconcile({ observe: twice })).rejects.toThrow('/mnt/a is in use at /mnt/b. Unmount it there');

  const annotations = { 'csi.aliyun.com/filesystem': 'ext4 u /' };
  const first = {
    ...sampleLocalVolume({ meta: { name: 'first', annotations } }),
    spec: unitSpec('MountPoint', '/mnt/b'),
  };
  const once = () => Promise.resolve(sampleObservation({ mountPoints: mountPoints.slice(0, 1) }));
  const others = new Map([['first', first]]);
  await expect(it.reconcile({ observe: once, others })).rejects.toThrow('/mnt/a has the filesystem of volume first');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'NotBlank' });
  await it.reconcile({ observe: once });
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready' });
});

test('a filesystem is emptied before it is given back, whatever files it has', async () => {
  const spec = unitSpec('MountPoint', '/mnt/a');
  const status = { phase: 'Ready', sizeBytes: GIB, devicePath: '/mnt/a' } as const;
  const it = await rig({ ...sampleLocalVolume({ meta: deleting, status }), spec });
  const size = bytes(10 * GIB);
  const stats = { total: size, used: bytes(0), available: size, inodes: { total: 0, used: 0, available: 0 } };
  const seen = sampleObservation({ mountPoints: [{ entry: sampleMount('/mnt/a'), stats, identity: 'ext4 u /' }] });
  const entries = () => Promise.reject(new Error('too many files to be listed in time'));
  const filesystems = { ...it.deps.filesystems, entries };
  await it.reconcile({ observe: () => Promise.resolve(seen), filesystems });
  expect([it.object.read(), it.wiped]).toEqual([undefined, ['/mnt/a ext4 u /']]);
});

test('the filesystem of a volume is recorded before it is ready, and another one at its path is neither served nor emptied', async () => {
  const it = await rig({ ...sampleLocalVolume(), spec: unitSpec('MountPoint', '/mnt/a') });
  const size = bytes(10 * GIB);
  const stats = { total: size, used: bytes(0), available: size, inodes: { total: 0, used: 0, available: 0 } };
  const seeing = (identity: string) => ({
    observe: () =>
      Promise.resolve(sampleObservation({ mountPoints: [{ entry: sampleMount('/mnt/a'), stats, identity }] })),
  });
  const dying = { ...it.deps.write, ready: () => Promise.reject(new Error('killed')) };
  await expect(it.reconcile({ ...seeing('ext4 u /'), write: dying })).rejects.toThrow('killed');
  expect(it.object.read()?.metadata.annotations).toEqual({ 'csi.aliyun.com/filesystem': 'ext4 u /' });
  await it.reconcile(seeing('ext4 u /'));
  expect(it.object.read()?.status).toMatchObject({ phase: 'Ready', devicePath: '/mnt/a' });

  const other = seeing('ext4 v /');
  await expect(it.reconcile(other)).rejects.toThrow('shows another filesystem than ext4 u /');
  expect(it.object.read()?.status).toMatchObject({ phase: 'Failed', reason: 'UnitMissing' });
  const failed = it.object.read() ?? sampleLocalVolume();
  it.object.write({ ...failed, metadata: { ...failed.metadata, ...deleting } });
  await expect(it.reconcile(other)).rejects.toThrow('shows another filesystem');
  await expect(it.reconcile({ observe: () => Promise.resolve(sampleObservation()) })).rejects.toThrow(
    'is not a mounted',
  );
  expect(it.wiped).toEqual([]);
  await it.reconcile(seeing('ext4 u /'));
  expect([it.object.read(), it.wiped]).toEqual([undefined, ['/mnt/a ext4 u /']]);
});

/** Does its work, and dies after the nth call that changes something, before anybody hears of it. */
function dyingAfter(n: number, { lvm, write }: VolumeDeps): Pick<VolumeDeps, 'lvm' | 'write'> {
  let left = n;
  const dying =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (left <= 0) throw new Error('dead');
      left -= 1;
      const result = await call(...args);
      if (left === 0) throw new Error('killed');
      return result;
    };
  const mortal: Lvm = {
    ...lvm,
    createVolumes: dying((...args: Parameters<Lvm['createVolumes']>) => lvm.createVolumes(...args)),
    extendVolume: dying((...args: Parameters<Lvm['extendVolume']>) => lvm.extendVolume(...args)),
    removeVolume: dying((...args: Parameters<Lvm['removeVolume']>) => lvm.removeVolume(...args)),
  };
  return {
    lvm: mortal,
    write: {
      ...write,
      ready: dying((...args: Parameters<VolumeWriter['ready']>) => write.ready(...args)),
      problem: dying((...args: Parameters<VolumeWriter['problem']>) => write.problem(...args)),
      release: dying((...args: Parameters<VolumeWriter['release']>) => write.release(...args)),
    },
  };
}

test.each([1, 2, 3])('killed after each change in turn (%d a time), the end is the same', async (n) => {
  const it = await rig(sampleLocalVolume());
  const untilSettled = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await it.reconcile(dyingAfter(n, it.deps)).catch(() => {});
  };
  await untilSettled();
  expect(it.object.read()?.status).toEqual(READY);
  it.object.write(sampleLocalVolume({ spec: { sizeBytes: 3 * GIB }, status: it.object.read()?.status }));
  await untilSettled();
  expect(await it.volumes()).toEqual([['v1', 3 * GIB]]);
  it.object.write(sampleLocalVolume({ meta: deleting, status: it.object.read()?.status }));
  await untilSettled();
  expect(it.object.read()).toBeUndefined();
  expect((await it.lvm.report(never)).groups[0]?.free).toBe(bytes(FREE));
});
