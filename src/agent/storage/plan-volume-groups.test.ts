import { expect, test } from 'vitest';
import { bytes } from '../../model/bytes.ts';
import type { DeviceFacts } from '../../disk/inspect.ts';
import { newDeviceMark } from '../../lvm/device-mark.ts';
import type { LvmGroup } from '../../lvm/report.ts';
import { damageProblem, partialProblem, planVolumeGroups, type WantedGroup } from './plan-volume-groups.ts';
import { sampleDisk, sampleGroup, sampleVolume } from '../storage-fixture.ts';

const blank = (path: string, more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  path,
  resolved: path,
  device: sampleDisk(path.slice(5), { path }),
  mountedAt: [],
  probe: { busy: false, signatures: [] },
  ...more,
});
const ext4 = { probe: { busy: false, signatures: [{ type: 'ext4', offset: 1080 }] } };

function plan(wanted: readonly WantedGroup[], facts: readonly DeviceFacts[], groups: readonly LvmGroup[] = []) {
  return planVolumeGroups(wanted, groups, new Map(facts.map((fact) => [fact.path, fact])));
}
const want = (name: string, ...devices: string[]): WantedGroup => ({ name, devices });

test('a group that is not there is made of its blank devices, by the paths their names lead to', () => {
  const facts = [blank('/dev/sdb'), blank('/dev/disk/by-id/x', { resolved: '/dev/sdc' })];
  expect(plan([want('g', '/dev/sdb', '/dev/disk/by-id/x')], facts)).toEqual([
    { name: 'g', refused: [], step: { kind: 'create', devices: ['/dev/sdb', '/dev/sdc'] } },
  ]);
});

test('a group that is there is extended by what it misses, and never shrunk', () => {
  const facts = [blank('/dev/sdb', { group: 'g' }), blank('/dev/sdc')];
  const groups = [sampleGroup('g')];
  expect(plan([want('g', '/dev/sdb', '/dev/sdc')], facts, groups)).toMatchObject([
    { step: { kind: 'extend', devices: ['/dev/sdc'] } },
  ]);
  expect(plan([want('g', '/dev/sdb')], facts, groups)).toEqual([{ name: 'g', refused: [] }]);
  expect(plan([want('g')], [], groups)).toEqual([{ name: 'g', refused: [] }]);
  expect(plan([], [], groups)).toEqual([]);
});

test('a refused device is named and does not stop the others', () => {
  const [made] = plan([want('g', '/dev/sdb', '/dev/sdc')], [blank('/dev/sdb', ext4), blank('/dev/sdc')]);
  expect(made?.step).toEqual({ kind: 'create', devices: ['/dev/sdc'] });
  expect(made?.refused).toMatchObject([{ device: '/dev/sdb', finding: { what: 'carries filesystem ext4' } }]);
});

test('a group of refused devices only is not made', () => {
  const [made] = plan([want('g', '/dev/sdb')], [blank('/dev/sdb', ext4)]);
  expect(made).toMatchObject({ refused: [{ device: '/dev/sdb' }] });
  expect(made?.step).toBeUndefined();
});

const sectors = (path: string, sectorBytes: number, more: Partial<DeviceFacts> = {}) =>
  blank(path, { device: sampleDisk(path.slice(5), { path, sectorBytes }), ...more });

test('a disk with other sectors than the first of a new group is refused, and does not stop the others', () => {
  const devices = ['/dev/sdb', '/dev/sdc', '/dev/sdd', '/dev/sde'] as const;
  const [taken, first, other, untold] = devices;
  const facts = [sectors(taken, 4096, ext4), sectors(first, 512), sectors(other, 4096), blank(untold)];
  const [made] = plan([want('g', ...devices)], facts);
  expect(made?.step).toEqual({ kind: 'create', devices: [first, untold] });
  expect(made?.refused.map(({ device }) => device)).toEqual([taken, other]);
  expect(made?.refused[1]?.finding.what).toContain('has sectors of 4096 bytes, and the other disks of the group have');
});

test('a group is extended by disks with sectors as its members have them', () => {
  const facts = [sectors('/dev/sdb', 4096, { group: 'g' }), sectors('/dev/sdc', 512), sectors('/dev/sdd', 4096)];
  const names = facts.map(({ path }) => path);
  const [made] = plan([want('g', ...names)], facts, [sampleGroup('g')]);
  expect(made?.step).toMatchObject({ kind: 'extend', devices: ['/dev/sdd'] });
  expect(made?.refused).toMatchObject([{ device: '/dev/sdc', finding: { what: expect.stringMatching(/512.*4096$/) } }]);
  const [mixed] = plan(
    [want('g', ...names)],
    [...facts.slice(1), sectors('/dev/sdb', 512, { group: 'g' })],
    [sampleGroup('g')],
  );
  expect(mixed?.step).toMatchObject({ devices: ['/dev/sdc'] });
});

test('a device of another group is refused', () => {
  const [made] = plan([want('g', '/dev/sdb')], [blank('/dev/sdb', { group: 'other' })], [sampleGroup('other')]);
  expect(made).toMatchObject({ refused: [{ finding: { what: 'belongs to volume group other' } }] });
});

test.each([
  ['in one group', [want('a', '/dev/sdb', '/dev/sdb')]],
  ['in two groups', [want('a', '/dev/sdb'), want('b', '/dev/sdb')]],
  ['under two names', [want('a', '/dev/sdb'), want('b', '/dev/link')]],
])('a device listed twice %s goes nowhere', (_, wanted) => {
  const plans = plan(wanted, [blank('/dev/sdb'), blank('/dev/link', { resolved: '/dev/sdb' })]);
  for (const { step, refused } of plans) {
    expect(step).toBeUndefined();
    expect(refused).toMatchObject([{ finding: { what: 'is listed more than once' } }]);
  }
});

test('a device of which nothing is known is refused', () => {
  expect(plan([want('g', '/dev/sdb')], [])).toMatchObject([{ refused: [{ finding: { what: 'is not there' } }] }]);
});

const OURS = { uuid: newDeviceMark('g', 'b'), isOver: true };
const left = (more: Partial<DeviceFacts> = {}, states: readonly number[] = []): DeviceFacts =>
  blank('/dev/sdb', {
    group: '',
    orphan: OURS,
    probe: { busy: false, signatures: [{ type: 'LVM2_member', offset: 536 }], dataAt: 512, lvmStates: states },
    ...more,
  });

test('a group in doubt is left alone, and says why; a step names the group that it is for', () => {
  const doubt = { reason: 'DuplicateName', message: 'Two have the name.', recorded: true } as const;
  const doubted = [sampleGroup('g', { doubt })];
  expect(plan([want('g', '/dev/sdc')], [blank('/dev/sdc')], doubted)).toEqual([
    { name: 'g', refused: [], problem: doubt },
  ]);
  const sound = [sampleGroup('g', { kept: ['is read-only'] })];
  expect(plan([want('g', '/dev/sdc')], [blank('/dev/sdc')], sound)).toMatchObject([
    { step: { kind: 'extend', uuid: 'g', devices: ['/dev/sdc'] }, kept: ['is read-only'] },
  ]);
});

test('what a cut try for the same group left on a device is taken up', () => {
  const groups = [sampleGroup('g', { seqno: 7 })];
  const step = { devices: ['/dev/sdb'], begun: ['/dev/sdb'] };
  expect(plan([want('g', '/dev/sdb')], [left()])[0]?.step).toEqual({ kind: 'create', ...step });
  expect(plan([want('g', '/dev/sdb')], [left({}, [1])])[0]?.step).toEqual({ kind: 'create', ...step });
  expect(plan([want('g', '/dev/sdb')], [left({}, [8])], groups)[0]?.step).toEqual({
    kind: 'extend',
    uuid: 'g',
    ...step,
  });
  const [both] = plan([want('g', '/dev/sdb', '/dev/sdc')], [left(), blank('/dev/sdc')]);
  expect(both?.step).toEqual({ kind: 'create', devices: ['/dev/sdb', '/dev/sdc'], begun: ['/dev/sdb'] });
});

test('what another agent may still be at is left to it', () => {
  const [made] = plan([want('g', '/dev/sdb')], [left({ orphan: { ...OURS, isOver: false } })]);
  expect(made?.step).toBeUndefined();
  expect(made?.refused).toMatchObject([{ finding: { what: expect.stringContaining('by another agent') as string } }]);
});

const signed = (...types: string[]) => types.map((type) => ({ type, offset: 0 }));
test.each<[string, DeviceFacts, LvmGroup[]]>([
  [
    'has an identifier that LVM chose',
    left({ orphan: { uuid: 'lYY4ub-yKbB-ZGSg-Y0RU-4aF4-l0vM-LZ5Yyo', isOver: true } }),
    [],
  ],
  ['was prepared for another group', left({ orphan: { uuid: newDeviceMark('h', 'b'), isOver: true } }), []],
  ['was in a group that had volumes', left({}, [1, 2, 3]), []],
  ['was taken out of the group', left({}, [6, 7]), [sampleGroup('g', { seqno: 8 })]],
  ['is mounted', left({ mountedAt: ['/x'] }), []],
  ['is held', left({ device: sampleDisk('sdb', { holders: ['dm-0'] }) }), []],
  ['is busy', left({ probe: { busy: true, signatures: [] } }), []],
  ['cannot be read', left({ probe: { busy: false, signatures: [], unreadable: 'EIO', lvmStates: [] } }), []],
  [
    'carries something else too',
    left({ probe: { busy: false, signatures: signed('LVM2_member', 'ext4'), lvmStates: [] } }),
    [],
  ],
  ['was not looked at', left({ probe: undefined as never }), []],
])('a device of LVM and no group that %s is left alone', (_, facts, groups) => {
  const [made] = plan([want('g', '/dev/sdb')], [facts], groups);
  expect(made?.step).toBeUndefined();
  expect(made?.refused).toMatchObject([
    { finding: { todo: expect.stringContaining('If it is not needed: pvremove /dev/sdb && ') as string } },
  ]);
});

test.each<[string, WantedGroup[], LvmGroup[], string]>([
  ['listed twice', [want('g', '/dev/sdb'), want('g', '/dev/sdc')], [], 'DuplicateGroup'],
  ['with a name that is none', [want('-f', '/dev/sdb')], [], 'InvalidName'],
  ['with a name that leaves none to volumes', [want('g'.repeat(77), '/dev/sdb')], [], 'InvalidName'],
  ['without devices', [want('g')], [], 'NoDevices'],
  ['of another machine', [want('g', '/dev/sdb')], [sampleGroup('g', { foreign: true, systemId: 'other' })], 'Foreign'],
  ['exported', [want('g', '/dev/sdb')], [sampleGroup('g', { exported: true })], 'Exported'],
  ['that misses devices', [want('g', '/dev/sdb')], [sampleGroup('g', { partial: true })], 'DevicesMissing'],
])('a group %s is left alone', (_, wanted, groups, reason) => {
  const plans = plan(wanted, [blank('/dev/sdb'), blank('/dev/sdc')], groups);
  expect(plans).toMatchObject([{ problem: { reason } }]);
  expect(plans[0]?.step).toBeUndefined();
});

test.each([
  ['on a listed disk', { device: '/dev/sdb' }],
  ['that was seen on it', { device: '/dev/sdz', group: 'g' }],
])('no second group is made while a disk does not answer: %s', (_, silent) => {
  const facts = [blank('/dev/sdb', { probe: { busy: false, unreadable: 'hangs', signatures: [] } }), blank('/dev/sdc')];
  const plans = (groups: readonly LvmGroup[]) =>
    planVolumeGroups([want('g', '/dev/sdb', '/dev/sdc')], groups, new Map(facts.map((fact) => [fact.path, fact])), [
      silent,
    ]);
  expect(plans([])).toMatchObject([{ problem: { reason: 'DevicesMissing' } }]);
  expect(plans([])[0]?.step).toBeUndefined();
  expect(plans([sampleGroup('g')])[0]?.step).toBeDefined();
});

test('no second group is made beside one that the node had, and whose metadata LVM cannot read', () => {
  const unread = (absentGroups: readonly string[], isUsed = true, uuid = 'pv') =>
    blank('/dev/sdb', { group: '', orphan: { uuid, isOver: true, isUsed }, ties: { absentGroups } });
  const planned = (facts: DeviceFacts) => plan([want('g', '/dev/sdb', '/dev/sdc')], [facts, blank('/dev/sdc')])[0];
  expect(planned(unread(['g']))).toMatchObject({
    problem: {
      reason: 'DevicesMissing',
      message: expect.stringMatching(/may be on \/dev\/sdb,.*vgcfgrestore/) as string,
    },
  });
  expect(planned(unread(['g']))?.step).toBeUndefined();
  for (const facts of [unread(['h']), unread(['g'], false)])
    expect(planned(facts)?.step).toEqual({ kind: 'create', devices: ['/dev/sdc'] });
  const begun = {
    ...unread(['g'], true, newDeviceMark('g', 'b')),
    probe: { busy: false, signatures: [], lvmStates: [1] },
  };
  expect(planned(begun)?.step).toMatchObject({ devices: ['/dev/sdb', '/dev/sdc'], begun: ['/dev/sdb'] });
});

test('of a disk that is back, and that LVM calls missing still, it is told how LVM takes it in again', () => {
  const [member] = sampleGroup('g').devices.map((device) => ({ ...device, missing: true, returned: true as const }));
  const said = (more: Partial<LvmGroup>) =>
    partialProblem(sampleGroup('g', { partial: true, devices: member ? [member] : [], ...more }))?.message;
  expect(said({})).toContain('vgextend --restoremissing g /dev/sdb takes it in again');
  const { returned: _, ...away } = { ...member, returned: true };
  const gone = { ...away, device: '[unknown]' } as LvmGroup['devices'][number];
  expect(said({ devices: member ? [member, gone] : [] })).toContain('misses devices: bring them back');
  expect(said({ volumes: [sampleVolume('m', { layout: 'raid,raid1' })] })).toContain('misses devices');
  expect(partialProblem(sampleGroup('g'))).toBeUndefined();
});

test("of a damaged copy of the metadata it is told how it is written anew, but in another machine's group", () => {
  const devices = sampleGroup('g').devices.map((device) => ({ ...device, damagedCopy: true as const }));
  const said = (more: Partial<LvmGroup>) => damageProblem(sampleGroup('g', { devices, ...more }))?.message;
  expect(said({})).toContain('vgck --updatemetadata g');
  expect(said({})).toContain('pvck --repairtype metadata --file FILE /dev/sdb');
  expect([said({ foreign: true }), said({ exported: true })]).toEqual([undefined, undefined]);
  expect(damageProblem(sampleGroup('g'))).toBeUndefined();
});

test('one bad group does not stop another', () => {
  const plans = plan([want('-f', '/dev/sdb'), want('g', '/dev/sdc')], [blank('/dev/sdb'), blank('/dev/sdc')]);
  expect(plans[1]?.step).toEqual({ kind: 'create', devices: ['/dev/sdc'] });
});

const known = (path: string, size: number) =>
  blank(path, { device: sampleDisk(path.slice(5), { path, size: bytes(size), worldwideName: 'naa.5' }) });

test('one disk listed by two paths is refused on both; disks that only share a name by mistake are not', () => {
  const gib = 1024 ** 3;
  const [both] = plan([want('g', '/dev/sdb', '/dev/sdc')], [known('/dev/sdb', gib), known('/dev/sdc', gib)]);
  expect(both?.step).toBeUndefined();
  expect(both?.refused.map(({ device }) => device)).toEqual(['/dev/sdb', '/dev/sdc']);
  const [other] = plan([want('g', '/dev/sdb', '/dev/sdc')], [known('/dev/sdb', gib), known('/dev/sdc', 2 * gib)]);
  expect(other?.step?.devices).toEqual(['/dev/sdb', '/dev/sdc']);
});
