import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deviceFilter } from './device-filter.ts';

/** Of the two patterns of a filter the first says what is let through. */
const accepting = (filter: string): RegExp => new RegExp(/^\[ "a\|(.*)\|", "r\|\.\*\|" \]$/.exec(filter)?.[1] ?? 'x^');

/** `sda`, …, `sdz`, `sdaa`, …, as sd(4) names disks. */
function sdName(at: number): string {
  const last = String.fromCodePoint(97 + (at % 26));
  return at < 26 ? last : sdName(Math.floor(at / 26) - 1) + last;
}

test.each<[readonly string[], string]>([
  [[], '[ "r|.*|" ]'],
  [['/dev/sda'], '[ "a|^/dev/sda$|", "r|.*|" ]'],
  [['/dev/sda', '/dev/sdb', '/dev/sdb1'], '[ "a|^/dev/sd(a|b(1)?)$|", "r|.*|" ]'],
  [['/dev/sda', '/dev/sdb', '/dev/sdc'], '[ "a|^/dev/sd[abc]$|", "r|.*|" ]'],
  [['/dev/md_a.b', '/dev/dm-1'], '[ "a|^/dev/(md_a[.]b|dm-1)$|", "r|.*|" ]'],
  [['/dev/sda', '/dev/sda'], '[ "a|^/dev/sda$|", "r|.*|" ]'],
])('%j', (devices, want) => {
  expect(deviceFilter(devices)).toBe(want);
});

test('it lets the devices through and nothing else, whatever their names have in common', () => {
  const name = fc.stringMatching(/^\/dev\/[ab1./_+-]{1,4}$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 12 }), fc.array(name), (devices, others) => {
      const accepted = accepting(deviceFilter(devices));
      for (const each of [...devices, ...others, '/dev/', `${devices[0]}0`, `x${devices[0]}`])
        expect([each, accepted.test(each)]).toEqual([each, devices.includes(each)]);
    }),
  );
});

test('the filter of a machine with 15,000 disks is short', () => {
  const disks = Array.from({ length: 15_000 }, (_, at) => `/dev/sd${sdName(at)}`);
  const filter = deviceFilter(disks);
  const accepted = accepting(filter);
  expect(filter.length).toBeLessThan(1000);
  expect(disks.every((disk) => accepted.test(disk))).toBe(true);
  expect(accepted.test(`/dev/sd${sdName(15_000)}`)).toBe(false);
});

test.each(['sda', '/dev/a|b', '/dev/a b', '/dev/a"', '/dev/[a]', '/dev/^'])('%s is no device of a filter', (device) => {
  expect(() => deviceFilter([device])).toThrow(/is not a device path|cannot be named to lvm/);
});
