import { expect, test } from 'vitest';
import { MIB } from '../../model/bytes.ts';
import { ControllerExpandVolumeRequest } from '../gen/csi.ts';
import { parseExpandVolume } from './expand-volume.ts';

const request = (fsType: string | undefined, mib: number, limitMib = 0) =>
  ControllerExpandVolumeRequest.fromPartial({
    volumeId: 'v',
    capacityRange: { requiredBytes: BigInt(mib * MIB), limitBytes: BigInt(limitMib * MIB) },
    ...(fsType === undefined ? {} : { volumeCapability: { accessType: { $case: 'mount', value: { fsType } } } }),
  });

// The kernel resizes a btrfs to 256 MiB or more; volumes from before that was known may have less.
test.each([
  ['btrfs', 200, 0, 256],
  ['btrfs', 200, 256, 256],
  ['btrfs', 300, 0, 300],
  ['ext4', 200, 0, 200],
  ['reiserfs', 200, 0, 200],
  [undefined, 200, 0, 200],
])('%s that is to have %i MiB, and no more than %i, gets %i', (fsType, mib, limit, size) => {
  expect(parseExpandVolume(request(fsType, mib, limit)).asked.required).toBe(size * MIB);
});

test.each([undefined, { limitBytes: BigInt(MIB) }])('without a size it is refused: %o', (capacityRange) => {
  const asked = ControllerExpandVolumeRequest.fromPartial({ volumeId: 'v', ...(capacityRange && { capacityRange }) });
  expect(() => parseExpandVolume(asked)).toThrow('required_bytes is missing: say how large it should be');
});

test('a limit below what the filesystem can have is refused', () => {
  expect(() => parseExpandVolume(request('btrfs', 200, 255))).toThrow(
    'a limit of 255 MiB is too small: the filesystem btrfs needs 256 MiB',
  );
});

test('more than the filesystem can ever have is refused, so that the claim may be lowered again', () => {
  expect(() => parseExpandVolume(request('ext3', 17 * 1024 * 1024))).toThrow(
    'the filesystem ext3 has 15.9 TiB at most',
  );
  expect(parseExpandVolume(request('ext4', 17 * 1024 * 1024)).asked.required).toBe(17 * 1024 * 1024 * MIB);
});
