import { expect, test } from 'vitest';
import { bytes, MIB } from '../model/bytes.ts';
import * as argv from './argv.ts';

const volume = { vgName: 'pool-0', name: 'v1', sizeBytes: bytes(MIB + 1), layout: 'linear' } as const;
const seen = { vgName: 'pool-0', vgUuid: 'g-1', name: 'v1', uuid: 'v-1' };

test.each([
  ['systemid', argv.systemId(), 'lvm systemid'],
  ['pvcreate', argv.pvcreate('uuid-1', '/dev/sdb'), 'lvm pvcreate --uuid uuid-1 --norestorefile -- /dev/sdb'],
  ['pvremove', argv.pvremove('/dev/sdb'), 'lvm pvremove -- /dev/sdb'],
  ['vgcreate', argv.vgcreate('pool-0', ['/dev/sdb', '/dev/sdc']), 'lvm vgcreate -- pool-0 /dev/sdb /dev/sdc'],
  ['vgextend', argv.vgextend('pool-0', ['/dev/sdb']), 'lvm vgextend -- pool-0 /dev/sdb'],
  [
    'lvcreate',
    argv.lvcreate(volume, 1),
    'lvm lvcreate --yes --wipesignatures y --zero y --addtag open-local --addtag open-local.unfinished --size 1049088b --name v1 -- pool-0',
  ],
  [
    'lvcreate striped',
    argv.lvcreate(volume, 3),
    'lvm lvcreate --yes --wipesignatures y --zero y --addtag open-local --addtag open-local.unfinished --stripes 3 --size 1049088b --name v1 -- pool-0',
  ],
  [
    'lvcreate of a snapshot',
    argv.lvcreateSnapshot({ vgName: 'pool-0', name: 'snap-1', sizeBytes: bytes(MIB), origin: 'v1' }),
    'lvm lvcreate --snapshot --yes --addtag open-local --addtag open-local.unfinished --chunksize 4096b --size 1048576b --name snap-1 -- pool-0/v1',
  ],
  ['lvconvert', argv.splitSnapshot('pool-0', 'snap-1'), 'lvm lvconvert --yes --splitsnapshot -- pool-0/snap-1'],
  [
    'lvchange',
    argv.markFinished({ name: 'pool-0', uuid: 'g-1', names: ['v1', 'v2'] }),
    'lvm lvchange --deltag open-local.unfinished --select vg_uuid=g-1 -- pool-0/v1 pool-0/v2',
  ],
  [
    'lvchange to active',
    argv.activate(seen),
    'lvm lvchange --activate y --ignoreactivationskip --select vg_uuid=g-1 && lv_uuid=v-1 -- pool-0/v1',
  ],
  [
    'lvchange to its disks',
    argv.refresh(seen),
    'lvm lvchange --refresh --select vg_uuid=g-1 && lv_uuid=v-1 -- pool-0/v1',
  ],
  [
    'lvchange to ours',
    argv.addTag(seen, 'open-local'),
    'lvm lvchange --addtag open-local --select vg_uuid=g-1 && lv_uuid=v-1 -- pool-0/v1',
  ],
  ['vgmknodes', argv.makePath(seen), 'lvm vgmknodes -- pool-0/v1'],
  ['lvextend', argv.lvextend('pool-0', 'v1', bytes(512)), 'lvm lvextend --size 512b -- pool-0/v1'],
  [
    'lvremove',
    argv.lvremove(seen),
    'lvm lvremove --yes --select vg_uuid=g-1 && lv_uuid=v-1 && lv_role!={origin} -- pool-0/v1',
  ],
])('%s', (_, made, want) => {
  expect(made.join(' ')).toBe(want);
});

test('a report is of all groups, in one form, and waits for whoever changes something unless told otherwise', () => {
  const waiting = argv.fullreport();
  const form = ['--foreign', '--shared', '--reportformat', 'json', '--units', 'b', '--nosuffix'];
  expect(waiting.slice(0, 9)).toEqual(['lvm', 'fullreport', ...form]);
  expect(argv.fullreport({ locking: false })).toEqual(waiting.toSpliced(2, 0, '--nolocking'));
  const asked = waiting.slice(9).filter((word) => !/^[a-z_]+(,[a-z_]+)+$/.test(word));
  const each = (name: string) => ['--configreport', name, '-o'];
  expect(asked).toEqual([...['vg', 'pv', 'lv', 'pvseg', 'seg'].flatMap(each), 'segtype']);
});

test('every call says which devices lvm may look at, and neither writes archives nor starts dmeventd or half a volume', () => {
  const others =
    'global { test=0 } backup { archive=0 } activation { activation_mode="degraded" monitoring=0 } log { command_names=0 prefix="  " ' +
    'report_command_log=0 } ' +
    'report { binary_values_as_numeric=0 compact_output=0 compact_output_cols="" list_item_separator="," ' +
    'mark_hidden_devices=1 output_format="basic" prefixes=0 time_format="%s" two_word_unknown_device=0 }';
  const said = argv.withSettings(argv.lvextend('g', 'v', bytes(512)), ['/dev/sda', '/dev/md_a.b']);
  const devices = `hints="none" use_devicesfile=0 scan_lvs=0 filter=[ "a|^/dev/(sda|md_a[.]b)$|", "r|.*|" ]`;
  expect(said).toEqual([
    ...['lvm', 'lvextend', '--config', `${others} devices { ${devices} }`],
    ...['--size', '512b', '--', 'g/v'],
  ]);
  const kept = 'backup { archive=0 backup=1 backup_dir="/csi/lvm-backup" } activation';
  const [which, it] = [
    { name: 'g', uuid: 'u', names: ['v'] },
    { vgName: 'g', vgUuid: 'u', name: 'v', uuid: 'v' },
  ];
  for (const change of [
    argv.lvextend('g', 'v', bytes(512)),
    argv.markFinished(which),
    argv.addTag(it, 't'),
    argv.lvremove(it),
  ])
    expect(argv.withSettings(change, [], '/csi/lvm-backup')[3]).toContain(kept);
  for (const other of [argv.fullreport(), argv.systemId(), argv.activate(it), argv.refresh(it), argv.makePath(it)])
    expect(argv.withSettings(other, [], '/csi/lvm-backup')[3]).toContain('backup { archive=0 backup=0 backup_dir=');
  expect(argv.withSettings(['lvm', 'systemid'])).toEqual([
    'lvm',
    'systemid',
    '--config',
    `${others} devices { hints="none" }`,
  ]);
  expect(argv.withSettings(['lvm', 'pvs'], [])[3]).toContain('filter=[ "r|.*|" ]');
});

test.each(['/dev/a"', '/dev/a|b', '/dev/a b', '/dev/a\\b', '/dev/[a]'])(
  'the device %s is not named to lvm',
  (device) => {
    expect(() => argv.withSettings(['lvm', 'pvs'], [device])).toThrow('cannot be named to lvm');
  },
);

test('D9: nothing is ever forced, and a command on devices asks before it overwrites', () => {
  const all = [
    argv.pvcreate('u', '/dev/a'),
    argv.pvremove('/dev/a'),
    argv.vgcreate('g', ['/dev/a']),
    argv.vgextend('g', ['/dev/a']),
    argv.lvcreate(volume, 1),
    argv.lvremove(seen),
    argv.lvcreateSnapshot({ vgName: 'g', name: 's', sizeBytes: bytes(MIB), origin: 'v' }),
    argv.splitSnapshot('g', 's'),
  ];
  expect(all.flat().filter((word) => /^(--force|-f+|-ff+y?)$/.test(word))).toEqual([]);
  const onDevices = [argv.pvcreate('u', '/dev/a'), argv.vgcreate('g', ['/dev/a']), argv.vgextend('g', ['/dev/a'])];
  expect(onDevices.flat()).not.toContain('--yes');
});

test.each(['', '-v', '--yes', '.', '..', 'a/b', 'a b', '@tag', 'x'.repeat(128)])('the name "%s" is refused', (name) => {
  expect(() => argv.vgcreate(name, ['/dev/a'])).toThrow('cannot be an LVM name');
  expect(() => argv.lvremove({ ...seen, name })).toThrow('cannot be an LVM name');
});

test('a device that is no path is refused', () => {
  expect(() => argv.vgcreate('g', ['/dev/a', '--yes'])).toThrow('"--yes" is not a device path');
});
