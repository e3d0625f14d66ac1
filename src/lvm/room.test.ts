import { expect, test } from 'vitest';
import { bytes, MIB } from '../model/bytes.ts';
import { roomOf, type GroupRules } from './room.ts';

const pv = (name: string, mib: number, more: object = {}) => ({
  device: `/dev/${name}`,
  uuid: name,
  free: bytes(mib * MIB),
  missing: false,
  allocatable: true,
  ...more,
});
const group = (...devices: readonly ReturnType<typeof pv>[]) => ({
  name: 'g',
  free: bytes(devices.reduce((sum, { free }) => sum + free, 0)),
  partial: false,
  exported: false,
  foreign: false,
  devices,
});
const two = group(pv('a', 40), pv('b', 30));
const usual: GroupRules = {
  maxVolumes: 0,
  volumes: 1,
  readOnly: false,
  shared: false,
  policy: 'normal',
  gaps: [
    { pv: 'a', size: bytes(25 * MIB) },
    { pv: 'a', size: bytes(15 * MIB) },
    { pv: 'b', size: bytes(30 * MIB) },
  ],
};

test.each<[string, Parameters<typeof roomOf>[0], Partial<GroupRules>, number, RegExp | undefined]>([
  ['an ordinary group', two, {}, 70, undefined],
  ['one volume fewer than it may have', two, { maxVolumes: 2 }, 70, undefined],
  ['as many volumes as it may have', two, { maxVolumes: 1 }, 0, /may have 1 volumes and has them/],
  ['a device that takes nothing new', group(pv('a', 40), pv('b', 30, { allocatable: false })), {}, 40, /\/dev\/b/],
  ['a full device that takes nothing new', group(pv('a', 40), pv('b', 0, { allocatable: false })), {}, 40, undefined],
  ['a device that is gone', { ...group(pv('a', 40), pv('b', 30, { missing: true })), partial: true }, {}, 0, /misses/],
  ['a group with the longest name', { ...two, name: 'g'.repeat(76) }, {}, 70, undefined],
  ['a group with a longer one', { ...two, name: `g-${'g'.repeat(74)}` }, {}, 0, /so long a name/],
  ['a read-only group', two, { readOnly: true }, 0, /read-only/],
  ['a group under locks', two, { shared: true }, 0, /shared/],
  ['an exported group', { ...two, exported: true }, {}, 0, /exported/],
  ["another machine's group", { ...two, foreign: true }, {}, 0, /another machine's/],
  ['a group whose volumes stay on one device', two, { policy: 'cling' }, 40, /policy cling/],
  ['a group whose volumes have one run of extents', two, { policy: 'contiguous' }, 30, /policy contiguous/],
  ['one run of extents, and one device', group(pv('b', 30)), { policy: 'contiguous' }, 30, undefined],
])('the room of %s', (_, of, rules, mib, says) => {
  const { room, kept } = roomOf(of, { ...usual, ...rules });
  expect(room).toBe(mib * MIB);
  expect(kept.join(' ')).toMatch(says ?? /^$/);
});
