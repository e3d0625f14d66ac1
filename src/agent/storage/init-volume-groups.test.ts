import { expect, test } from 'vitest';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { silentLog } from '../../model/log.ts';
import type { Probe } from '../../disk/disks.ts';
import { newDeviceMark } from '../../lvm/device-mark.ts';
import type { GroupDevices } from '../../lvm/lvm.ts';
import { Fault } from '../../model/fault.ts';
import { initVolumeGroups, type InitDeps } from './init-volume-groups.ts';
import { sampleDisk, sampleGroup, sampleMount, sampleObservation } from '../storage-fixture.ts';

const never = new AbortController().signal;

/** Disks sdb, sdc and sdd; what is done to LVM and which devices are opened is written down. */
function rig(
  options: {
    readonly probes?: Readonly<Record<string, Probe>>;
    readonly failure?: Error;
    readonly ownerOf?: InitDeps['ownerOf'];
    /** The mark of a try that may not be over. */
    readonly current?: string;
  } = {},
) {
  const done: string[] = [];
  const opened: string[] = [];
  const change = (what: string) => (group: GroupDevices) => {
    done.push(`${what} ${group.name} ${group.devices.join(' ')}`);
    return options.failure ? Promise.reject(options.failure) : Promise.resolve();
  };
  const deps: InitDeps = {
    lvm: { createGroup: change('create'), extendGroup: change('extend') },
    disks: {
      resolve: (name) => Promise.resolve(name.replace('/dev/link-', '/dev/')),
      unlabel: ({ path }) => Promise.resolve(void done.push(`unlabel ${path}`)),
      probe: ({ path }) => {
        opened.push(path);
        return Promise.resolve(options.probes?.[path] ?? { busy: false, signatures: [] });
      },
    },
    isOver: (uuid) => uuid !== options.current,
    ownerOf: options.ownerOf ?? (() => undefined),
    locks: new KeyedMutex(),
    log: silentLog,
  };
  return { done, opened, deps };
}
const devices = ['sdb', 'sdc', 'sdd'].map((name) => sampleDisk(name));

test('one look into each device that nothing else rules out, however often it is listed', async () => {
  const { deps, opened, done } = rig();
  const observation = sampleObservation({ devices, mounts: [sampleMount('/data', { majorMinor: '8:sdc' })] });
  const wanted = [
    { name: 'a', devices: ['/dev/sdb', '/dev/sdc'] },
    { name: 'b', devices: ['/dev/link-sdd'] },
  ];
  const { standings, changed } = await initVolumeGroups(wanted, observation, deps, never);
  expect(opened).toEqual(['/dev/sdb', '/dev/sdd']);
  expect(done).toEqual(['create a /dev/sdb', 'create b /dev/sdd']);
  expect(changed).toBe(true);
  expect(standings).toMatchObject([
    {
      type: 'VolumeGroup/a',
      ok: false,
      reason: 'DeviceRefused',
      message: '/dev/sdc is mounted at /data: left alone. Take it off the list.',
    },
    { type: 'VolumeGroup/b', ok: true },
  ]);
});

test('a disk that a volume has for itself is not taken, blank as it may look', async () => {
  const { deps, done, opened } = rig({ ownerOf: (path) => (path === '/dev/sdd' ? 'v1' : undefined) });
  const observation = sampleObservation({ devices });
  const { standings } = await initVolumeGroups([{ name: 'a', devices: ['/dev/link-sdd'] }], observation, deps, never);
  expect(standings).toMatchObject([{ ok: false, message: expect.stringContaining('belongs to volume v1') as string }]);
  expect([done, opened]).toEqual([[], []]);
});

test('what LVM has in no group is looked into, since a try of ours that was cut may have left it', async () => {
  const [pv] = sampleGroup('x').devices;
  const orphans = [{ ...pv!, uuid: newDeviceMark('a', 'b') }];
  const lvm = { busy: false, signatures: [{ type: 'LVM2_member', offset: 536 }], lvmStates: [] };
  const { deps, done, opened } = rig({ probes: { '/dev/sdb': lvm } });
  const wanted = [{ name: 'a', devices: ['/dev/sdb', '/dev/sdc'] }];
  const { standings } = await initVolumeGroups(wanted, sampleObservation({ devices, orphans }), deps, never);
  expect(opened).toEqual(['/dev/sdb', '/dev/sdc']);
  expect(done).toEqual(['unlabel /dev/sdb', 'create a /dev/sdb /dev/sdc']);
  expect(standings).toMatchObject([{ ok: true }]);

  const other = rig({ probes: { '/dev/sdb': lvm }, current: orphans[0]!.uuid });
  await initVolumeGroups(wanted, sampleObservation({ devices, orphans }), other.deps, never);
  expect(other.done).toEqual(['create a /dev/sdc']);
});

test('nothing to do is nothing done', async () => {
  const { deps, done, opened } = rig();
  const observation = sampleObservation({ devices, groups: [sampleGroup('a')] });
  const result = await initVolumeGroups([{ name: 'a', devices: ['/dev/sdb'] }], observation, deps, never);
  expect(result).toMatchObject({ changed: false, standings: [{ ok: true, reason: 'Ready' }] });
  expect([...done, ...opened]).toEqual([]);
});

test('a failure of LVM is told beside the refusals, and the next group is made all the same', async () => {
  const signature = { busy: false, signatures: [{ type: 'xfs', offset: 0 }] };
  const { deps, done } = rig({
    probes: { '/dev/sdc': signature },
    failure: new Fault('precondition', 'lvm vgcreate: no'),
  });
  const wanted = [
    { name: 'a', devices: ['/dev/sdb', '/dev/sdc'] },
    { name: 'b', devices: ['/dev/sdd'] },
  ];
  const { standings } = await initVolumeGroups(wanted, sampleObservation({ devices }), deps, never);
  expect(standings).toMatchObject([
    {
      ok: false,
      reason: 'CreateVGFailed',
      message: expect.stringMatching(/^lvm vgcreate: no\. \/dev\/sdc carries filesystem xfs/) as string,
    },
    { ok: false, reason: 'CreateVGFailed' },
  ]);
  expect(done).toEqual(['create a /dev/sdb', 'create b /dev/sdd']);
});

test('a group with a problem says so, and nothing is written', async () => {
  const { deps, done } = rig();
  const wanted = [
    { name: 'a', devices: ['/dev/sdb'] },
    { name: 'a', devices: ['/dev/sdc'] },
  ];
  const { standings, changed } = await initVolumeGroups(wanted, sampleObservation({ devices }), deps, never);
  expect(standings).toMatchObject([{ type: 'VolumeGroup/a', ok: false, reason: 'DuplicateGroup' }]);
  expect({ done, changed }).toEqual({ done: [], changed: false });
});
