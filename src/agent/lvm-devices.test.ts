import { expect, test } from 'vitest';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { DISK, KNOWN_GROUPS } from '../model/well-known.ts';
import type { BlockDevice } from '../disk/disks.ts';
import { lvmDevices, withoutTenantsGroups } from './lvm-devices.ts';
import { sampleDisk, sampleGroup, sampleLocalVolume, unitSpec } from './storage-fixture.ts';

const PATTERN = /^(sd[a-z]+|vd[a-z]+)$/;
const part = (name: string, disk: string, more: Partial<BlockDevice> = {}) =>
  sampleDisk(name, { kind: 'partition', disk, ...more });
const lv = (name: string, holders: readonly string[] = []) => sampleDisk(name, { kind: 'logical-volume', holders });
const loop = (name: string, backingFile: string, holders: readonly string[] = []) =>
  sampleDisk(name, { kind: 'loop', backingFile, holders });
const claim = (path: string, more: Partial<LocalVolume> = {}): LocalVolume => ({
  ...sampleLocalVolume(),
  spec: unitSpec('Device', path),
  ...more,
});
const POD = '/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/pvc-1/dev/uid-1';

interface Case {
  readonly devices: readonly BlockDevice[];
  readonly volumes?: readonly LocalVolume[];
  readonly named?: readonly string[];
  readonly seen: readonly string[];
}

test.each<[string, Case]>([
  ['disks and their partitions', { devices: [sampleDisk('sda'), part('sda1', 'sda')], seen: ['sda', 'sda1'] }],
  [
    'what stands on real disks: arrays, encrypted partitions, multipath',
    {
      devices: [
        sampleDisk('sda', { holders: ['md0'] }),
        part('sdb1', 'sdb', { holders: ['dm-0'] }),
        sampleDisk('sdb'),
        sampleDisk('md0', { kind: 'md' }),
        sampleDisk('dm-0', { kind: 'device-mapper' }),
      ],
      seen: ['sda', 'sdb1', 'sdb', 'md0', 'dm-0'],
    },
  ],
  [
    "no volume, nor the kubelet's loop device over it, nor an array, a table or an encrypted device on either",
    {
      devices: [
        sampleDisk('sda', { holders: ['dm-0'] }),
        lv('dm-0', ['loop0', 'dm-1', 'md3']),
        loop('loop0', POD, ['md1']),
        part('loop0p1', 'loop0', { holders: ['md2'] }),
        sampleDisk('dm-1', { kind: 'device-mapper' }),
        ...['md1', 'md2', 'md3'].map((name) => sampleDisk(name, { kind: 'md' })),
      ],
      seen: ['sda'],
    },
  ],
  [
    'not even by name: a loop device over a volume, and one over what the kubelet gave to a pod',
    {
      devices: [lv('dm-0', ['loop0']), loop('loop0', '/dev/dm-0'), loop('loop1', POD), loop('loop2', '/disk.img')],
      named: ['/dev/loop0', '/dev/loop1', '/dev/loop2'],
      seen: ['loop2'],
    },
  ],
  [
    "a file on a pod's filesystem is no disk of the node",
    {
      devices: [loop('loop0', '/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/pvc-1/mount/disk.img')],
      named: ['/dev/loop0'],
      seen: [],
    },
  ],
  [
    'loop devices and disks of other storage systems when they are named only',
    {
      devices: [loop('loop0', '/a.img'), loop('loop1', '/b.img'), sampleDisk('rbd0'), sampleDisk('nbd1')],
      named: ['/dev/loop1', '/dev/nbd1'],
      seen: ['loop1', 'nbd1'],
    },
  ],
  [
    "another driver's disk that a pod has as a block device",
    { devices: [sampleDisk('sdq', { holders: ['loop3'] }), loop('loop3', POD)], seen: [] },
  ],
  [
    'no disk that is a volume, whatever its pod put on it',
    {
      devices: [
        sampleDisk('sdb', { partitions: ['sdb1'], holders: ['md127'] }),
        part('sdb1', 'sdb', { holders: ['dm-4'] }),
        sampleDisk('md127', { kind: 'md' }),
        sampleDisk('dm-4', { kind: 'device-mapper' }),
        sampleDisk('sdc'),
      ],
      volumes: [claim('/dev/sdb')],
      seen: ['sdc'],
    },
  ],
  [
    'a disk that is a volume, under its name after a boot; that name leads to another now',
    {
      devices: [sampleDisk('sdb', { serial: 'other' }), sampleDisk('sdc', { serial: 'mine' })],
      volumes: [claim('/dev/sdb', { metadata: { name: 'v1', annotations: { [DISK]: `mine ${10 * 1024 ** 3}` } } })],
      seen: ['sdb'],
    },
  ],
  [
    'nothing that is no disk, or has no size',
    {
      devices: [sampleDisk('zram0', { kind: 'unfit' }), sampleDisk('sdz', { size: sampleDisk('x').size })],
      seen: ['sdz'],
    },
  ],
])('lvm may look at %s', (_, { devices, volumes = [], named = [], seen }) => {
  const found = lvmDevices({ devices, volumes, named: new Set(named), pattern: PATTERN });
  expect(found).toEqual(seen.map((name) => `/dev/${name}`));
});

test('loop devices that the node calls its disks are seen', () => {
  const devices = [loop('loop4', '/disk.img'), part('loop4p1', 'loop4'), loop('loop5', '/other.img')];
  const seen = lvmDevices({ devices, volumes: [], named: new Set(), pattern: /^loop4$/ });
  expect(seen).toEqual(['/dev/loop4', '/dev/loop4p1']);
});

const nls = (more: NodeLocalStorage['spec'] = {}): NodeLocalStorage => ({
  metadata: { name: 'node-a' },
  spec: { listConfig: { devices: { include: ['/dev/sd[b-z]'] } }, ...more },
});
const on = (name: string, device: string) => {
  const { devices, ...group } = sampleGroup(name);
  return { ...group, devices: devices.map((pv) => ({ ...pv, device, majorMinor: `8:${device.slice(5)}` })) };
};
const report = { groups: [on('system', '/dev/sda'), on('open-local-pool-7', '/dev/sdb1')], orphans: [] };
const devices = [
  sampleDisk('sda'),
  sampleDisk('sdb', { partitions: ['sdb1'], links: ['/dev/disk/by-id/b'] }),
  part('sdb1', 'sdb'),
];

const POOL = 'open-local-pool-7';
const vgs = { include: ['open-local-pool-[0-9]+'] };
const offering = { include: ['/dev/sd[b-z]'] };
const reported = (more: NodeLocalStorage['spec'] = {}): NodeLocalStorage => ({
  ...nls(more),
  status: { knownGroups: [] },
});
const listed = (...names: string[]) => ({ resourceToBeInited: { vgs: [{ name: POOL, devices: names }] } });

test.each<[string, NodeLocalStorage | undefined, readonly LocalVolume[], readonly string[]]>([
  ['is not reported', nls(), [], ['system']],
  ['is reported when nothing is offered', { metadata: {} }, [], ['system', POOL]],
  ['is reported before anything is known', undefined, [], ['system', POOL]],
  [
    'is taken for the node’s where no claim ever had a disk',
    nls({ listConfig: { devices: offering, vgs } }),
    [],
    ['system', POOL],
  ],
  [
    'is in doubt when only its name matches',
    reported({ listConfig: { devices: offering, vgs } }),
    [],
    ['system', `${POOL}?`],
  ],
  ['is the node’s when it is listed without disks', reported(listed()), [], ['system', POOL]],
  ['is the node’s when it is listed with its disk', reported(listed('/dev/sdb')), [], ['system', POOL]],
  [
    'is the node’s when it is listed with another name of its disk',
    reported(listed('/dev/disk/by-id/b')),
    [],
    ['system', POOL],
  ],
  [
    'is in doubt when it is listed with another disk',
    reported({ ...listed('/dev/sdc'), listConfig: { devices: offering, vgs } }),
    [],
    ['system', `${POOL}?`],
  ],
  [
    'is in doubt when volumes of ours are in one of its name',
    reported(),
    [sampleLocalVolume({ spec: { vgName: POOL } })],
    ['system', `${POOL}?`],
  ],
])('a group on a disk that is offered to claims %s', (_, of, volumes, want) => {
  const { groups } = withoutTenantsGroups(report, { devices, volumes, nls: of, known: new Map() });
  expect(groups.map(({ name, doubt }) => (doubt ? `${name}?` : name))).toEqual(want);
});

test('a node whose object was made anew is not seen for the first time: its own groups are known, and no others', () => {
  const spec = { listConfig: { devices: offering, vgs } };
  const doubtOf = (text: string) => {
    const metadata = { name: 'n1', annotations: { [KNOWN_GROUPS]: text } };
    const { groups } = withoutTenantsGroups(report, {
      devices,
      volumes: [],
      nls: { metadata, spec },
      known: new Map(),
    });
    return groups.find(({ name }) => name === POOL)?.doubt?.reason;
  };
  expect(doubtOf(JSON.stringify([{ name: POOL, uuid: report.groups[1]?.uuid }]))).toBeUndefined();
  for (const other of [JSON.stringify([{ name: POOL, uuid: 'another' }]), '[]', 'null', '{'])
    expect([other, doubtOf(other)]).toEqual([other, 'OnOfferedDisk']);
});

test('a group on a disk that is offered to claims is the node’s by its UUID, and not by its name', () => {
  const input = { devices, volumes: [], nls: reported({ listConfig: { devices: offering, vgs } }) };
  const doubtOf = (uuid: string) =>
    withoutTenantsGroups(report, { ...input, known: new Map([[POOL, uuid]]) }).groups.find(({ name }) => name === POOL)
      ?.doubt;
  expect(doubtOf(report.groups[1]?.uuid ?? '')).toBeUndefined();
  expect(doubtOf('another')).toMatchObject({
    reason: 'OnOfferedDisk',
    recorded: false,
    message: expect.stringMatching(/open-local-pool-7 .* is on \/dev\/sdb1.*resourceToBeInited/) as unknown,
  });
});
