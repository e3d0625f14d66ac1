import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { MIB } from '../model/bytes.ts';
import { parseReport } from './report.ts';

const read = (name: string): string => readFileSync(path.join(import.meta.dirname, `testdata/${name}.json`), 'utf8');
const [recorded, moving] = [read('partial'), read('moving')] as const;

/** A report with one group of 4 MiB extents. */
const reportWith = (section: object): string =>
  JSON.stringify({
    report: [
      {
        vg: [
          {
            vg_name: 'g',
            vg_uuid: 'u',
            vg_size: `${100 * MIB}`,
            vg_free: '0',
            vg_extent_size: `${4 * MIB}`,
            vg_seqno: '1',
            ...section,
          },
        ],
        ...section,
      },
    ],
  });
const lv = (lv_name: string, more: object = {}) => ({ lv_name, lv_size: `${8 * MIB}`, lv_tags: '', ...more });

test('a recorded report of a group that misses a device, and of a device in no group', () => {
  const { groups, orphans } = parseReport(recorded);
  expect(groups).toMatchObject([
    { name: 'two', total: 120 * MIB, free: 104 * MIB, extentSize: 4 * MIB, partial: true, exported: false },
  ]);
  expect(groups[0]?.devices).toEqual([
    {
      device: '/dev/loop0',
      uuid: 'FWNgpK-qwhv-EHlD-rzwU-WnAf-QHDq-BYa4tJ',
      majorMinor: '7:0',
      size: 60 * MIB,
      free: 48 * MIB,
      missing: false,
      allocatable: true,
    },
    {
      device: '[unknown]',
      uuid: 'ctnp9Z-fjsv-fM3n-J4Kw-o51p-YfHs-3oPkfg',
      size: 60 * MIB,
      free: 56 * MIB,
      missing: true,
      allocatable: true,
    },
  ]);
  expect(groups[0]?.volumes).toMatchObject([
    { name: 'l', size: 8 * MIB, taken: 8 * MIB, tags: ['open-local', 'owner=me'], layout: 'linear', health: '' },
    { name: 's', size: 8 * MIB, taken: 8 * MIB, tags: [], layout: 'striped', health: 'partial' },
  ]);
  expect(orphans).toMatchObject([{ device: '/dev/loop3', uuid: 'x', majorMinor: '7:3' }]);
});

test('a device that LVM calls missing though it is there has returned', () => {
  const pv = { ...{ pv_name: '/dev/loop1', pv_uuid: 'u', pv_size: '1', pv_free: '1' }, pv_missing: 'missing' };
  const [group] = parseReport(reportWith({ pv: [pv, { ...pv, pv_name: '[unknown]' }] })).groups;
  expect(group?.devices.map(({ missing, returned }) => [missing, returned])).toEqual([
    [true, true],
    [true, undefined],
  ]);
});

test('a recorded report of a volume that pvmove moves: it has its size, and the group the same once more', () => {
  const [group] = parseReport(moving).groups;
  expect(group?.volumes).toMatchObject([
    { name: 'other', size: 8 * MIB, taken: 8 * MIB },
    { name: 'v1', size: 20 * MIB, taken: 20 * MIB },
  ]);
  expect(group).toMatchObject({ total: 120 * MIB, free: (120 - 8 - 2 * 20) * MIB });
});

test('while a move is under way, a volume that is striped has its size, and one that is thin or mirrored what it is seen to have', () => {
  const section = (moved: string) => ({
    lv: ['striped', 'mirror', 'thin,sparse'].map((lv_layout) => lv(lv_layout, { lv_layout })),
    pvseg: [
      { pvseg_size: '1', lv_name: 'striped', lv_parent: '' },
      { pvseg_size: '1', lv_name: moved, lv_parent: '' },
      { pvseg_size: '1', lv_name: moved, lv_parent: '' },
    ],
  });
  const taken = (moved: string) => parseReport(reportWith(section(moved))).groups[0]?.volumes.map((one) => one.taken);
  expect(taken('[pvmove0]')).toEqual([8 * MIB, 0, 0]);
  expect(taken('pvmove0')).toEqual([4 * MIB, 0, 0]); // somebody's volume of that name
});

test('what lvm says before and after its report is passed over', () => {
  expect(parseReport(`WARNING: something\n${recorded}\n  Hint`).groups).toHaveLength(1);
  expect(parseReport(`Hint${recorded.trim()}Hint`).groups).toHaveLength(1);
});

test('what lvm says between the lines of its report is passed over', () => {
  const lines = recorded.split('\n');
  const said = '  Retrying metadata scan.\n  WARNING: "g" [unknown] is read, again';
  const whole = parseReport(recorded);
  expect(whole.groups).toHaveLength(1);
  for (const at of lines.keys()) expect(parseReport(lines.toSpliced(at, 0, said).join('\n'))).toEqual(whole);
});

test('what a volume takes counts its hidden parts, and a thin one takes nothing', () => {
  const { groups } = parseReport(
    reportWith({
      lv: [lv('mirror'), lv('pool'), lv('thin')],
      pvseg: [
        { pvseg_size: '2', lv_name: '[mirror_rimage_0]', lv_parent: 'mirror' },
        { pvseg_size: '2', lv_name: '[mirror_rimage_1]', lv_parent: 'mirror' },
        { pvseg_size: '1', lv_name: '[mirror_rmeta_0_deep]', lv_parent: '[mirror_rmeta_0]' },
        { pvseg_size: '1', lv_name: '[mirror_rmeta_0]', lv_parent: 'mirror' },
        { pvseg_size: '3', lv_name: '[pool_tdata]', lv_parent: 'pool' },
        { pvseg_size: '5', lv_name: '', lv_parent: '' },
      ],
    }),
  );
  const taken = Object.fromEntries(groups[0]?.volumes.map(({ name, taken }) => [name, taken]) ?? []);
  expect(taken).toEqual({ mirror: 24 * MIB, pool: 12 * MIB, thin: 0 });
});

test('snapshots name their origin; exported and read-only are seen', () => {
  const { groups } = parseReport(
    reportWith({ vg_exported: 'exported', lv: [lv('cow', { origin: 'v1', lv_permissions: 'read-only' }), lv('v1')] }),
  );
  expect(groups[0]).toMatchObject({ exported: true, volumes: [{ origin: 'v1', readOnly: true }, { readOnly: false }] });
  expect(groups[0]?.volumes[1]).not.toHaveProperty('origin');
});

test.each([
  ['writeable', false],
  ['read-only', true],
  ['read-only-override', true],
])('a volume that lvm calls %s is read-only: %s', (said, readOnly) => {
  const { groups } = parseReport(reportWith({ lv: [lv('v1', { lv_permissions: said })] }));
  expect(groups[0]?.volumes).toMatchObject([{ readOnly }]);
});

test.each([
  ['everybody', '', '', false],
  ['this machine', 'me', 'me', false],
  ['another machine', 'other', 'me', true],
  ['another machine, and this one has no name', 'other', '', true],
])('a group of %s', (_, vg_systemid, own, foreign) => {
  const [group] = parseReport(reportWith({ vg_systemid }), own).groups;
  expect(group).toMatchObject({ foreign, ...(vg_systemid === '' ? {} : { systemId: vg_systemid }) });
});

test.each([
  ['misses a disk', 'partial', 'partial'],
  ['is to be repaired', 'repair needed', 'repair needed'],
  ['has copies that differ where nobody wrote', 'mismatches exist', ''],
  ['has a copy that is read last', 'writemostly', ''],
  ['is a mirror on a kernel without device-mapper', 'unknown', ''],
])('the health of a volume that %s', (_, lv_health_status, want) => {
  expect(parseReport(reportWith({ lv: [lv('v1', { lv_health_status })] })).groups[0]?.volumes[0]?.health).toBe(want);
});

test.each([
  ['active', { lv_active: 'active' }, true],
  ['active for this machine alone', { lv_active: 'local exclusive' }, true],
  ['not active', { lv_active: '' }, false],
  ['on a kernel without device-mapper', { lv_active: 'unknown' }, undefined],
  ['not told', {}, undefined],
])('a volume that is %s', (_, more, want) => {
  expect(parseReport(reportWith({ lv: [lv('v1', more)] })).groups[0]?.volumes[0]?.active).toBe(want);
});

test.each([
  ['there', { lv_kernel_major: '253', lv_kernel_minor: '0' }, '253:0'],
  ['not there', { lv_kernel_major: '-1', lv_kernel_minor: '-1' }, undefined],
  ['not told', {}, undefined],
])('the number of a device that is %s', (_, more, want) => {
  expect(parseReport(reportWith({ lv: [lv('v1', more)] })).groups[0]?.volumes[0]?.majorMinor).toBe(want);
});

test.each([
  ['not JSON', 'WARNING: something', 'not JSON'],
  ['no report', '{}', 'without a list of groups'],
  ['a size with a unit', reportWith({ vg_free: '1.00g' }), 'vg_free "1.00g": expected whole bytes'],
  ['a size that is missing', reportWith({ lv: [{ lv_name: 'x' }] }), 'lv_size ""'],
])('%s is an error', (_, stdout, message) => {
  expect(() => parseReport(stdout)).toThrow(
    expect.objectContaining({ kind: 'unavailable', message: expect.stringContaining(message) as string }),
  );
});

test('no groups at all', () => {
  expect(parseReport('{"report":[]}')).toEqual({ groups: [], orphans: [] });
});

test('a copy-on-write snapshot tells when it was taken, how large its volume was, and whether it ran full', () => {
  const of = (lv_snapshot_invalid: string, lv_time = '1795895748') =>
    parseReport(
      reportWith({
        lv: [
          lv('snap', {
            origin: 'v',
            origin_size: `${40 * MIB}`,
            lv_role: 'public,snapshot,thicksnapshot',
            lv_time,
            lv_snapshot_invalid,
          }),
        ],
      }),
    ).groups[0]?.volumes[0];
  expect(of('')).toMatchObject({
    size: 8 * MIB,
    origin: 'v',
    snapshot: { takenAt: '2026-11-28T19:55:48.000Z', originSize: 40 * MIB, invalid: false },
  });
  expect(of('snapshot invalid')?.snapshot?.invalid).toBe(true);
  expect(of('unknown', '')?.snapshot).toEqual({ originSize: 40 * MIB, invalid: false });
});

test('a thin snapshot has an origin and no store, and a cached volume is a snapshot of nothing', () => {
  const volumes = [lv('t', { origin: 'v', lv_role: 'public,snapshot,thinsnapshot' }), lv('c', { origin: '[c_corig]' })];
  const found = parseReport(reportWith({ lv: volumes })).groups[0]?.volumes ?? [];
  expect(found.map(({ snapshot }) => snapshot)).toEqual([undefined, undefined]);
  expect(found.map(({ origin }) => origin)).toEqual(['v', undefined]);
});

test('a volume whose device was stopped and not started again is told', () => {
  const of = (lv_suspended: string) =>
    parseReport(reportWith({ lv: [lv('v', { lv_suspended })] })).groups[0]?.volumes[0]?.suspended;
  expect([of('suspended'), of(''), of('unknown')]).toEqual([true, undefined, undefined]);
});
