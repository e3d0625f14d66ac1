import { expect, test } from 'vitest';
import { parseStorageClass, unknownParameters } from './storage-class.ts';

test('the classes that open-local ships are understood', () => {
  expect(parseStorageClass({ volumeType: 'LVM', 'csi.storage.k8s.io/fstype': 'ext4' })).toEqual({
    kind: 'LVM',
    fsType: 'ext4',
    layout: 'linear',
    limits: {},
  });
  expect(parseStorageClass({ volumeType: 'Device', mediaType: 'hdd' })).toMatchObject({
    kind: 'Device',
    mediaType: 'hdd',
  });
  expect(
    parseStorageClass({ volumeType: 'LVM', bps: '1048576', iops: '1024', lvmType: 'striping', vgName: 'pool-0' }),
  ).toEqual({
    kind: 'LVM',
    vgName: 'pool-0',
    layout: 'striped',
    limits: { readBps: 1_048_576, writeBps: 1_048_576, readIops: 1024, writeIops: 1024 },
  });
});

test('a single limit wins over the one for both directions', () => {
  expect(parseStorageClass({ volumeType: 'LVM', bps: '10Mi', writeBps: '1Mi' }).limits).toEqual({
    readBps: 10 * 1024 ** 2,
    writeBps: 1024 ** 2,
  });
});

test('the least limits are allowed', () => {
  expect(parseStorageClass({ volumeType: 'LVM', bps: '64Ki', iops: '10' }).limits).toEqual({
    readBps: 65_536,
    writeBps: 65_536,
    readIops: 10,
    writeIops: 10,
  });
});

test.each([
  [{}, 'volumeType is missing: use LVM, Device, MountPoint'],
  [{ volumeType: 'lvm' }, 'volumeType: "lvm" is unknown: use LVM, Device, MountPoint'],
  [{ volumeType: 'Quota' }, 'volumeType: "Quota" is unknown'],
  [{ volumeType: 'Device', mediaType: 'nvme' }, 'mediaType: "nvme" is unknown: use ssd, hdd'],
  [{ volumeType: 'LVM', lvmType: 'raid1' }, 'lvmType: "raid1" is unknown: use linear, striping'],
  [{ volumeType: 'LVM', bps: 'fast' }, 'bps: "fast" is not a quantity'],
  [{ volumeType: 'LVM', bps: '10m' }, 'bps: "10m" is not a whole number; did you mean 10M?'],
  [{ volumeType: 'LVM', bps: '10MB' }, 'bps: "10MB" is not a quantity such as 10Gi; did you mean 10M?'],
  [{ volumeType: 'LVM', readBps: '0.5' }, 'readBps: "0.5" is not a whole number'],
  [{ volumeType: 'LVM', writeBps: '65535' }, 'writeBps: "65535" is too small to live with: use at least 64Ki'],
  [{ volumeType: 'LVM', iops: '9' }, 'iops: "9" is too small to live with: use at least 10 (operations a second)'],
  [{ volumeType: 'LVM', iops: '0' }, 'iops: "0" must be more than zero'],
  [{ volumeType: 'LVM', encryption: 'luks1' }, 'encryption: "luks1" is unknown: use luks2'],
  [{ volumeType: 'LVM', encryption: 'true' }, 'encryption: "true" is unknown: use luks2'],
  [{ volumeType: 'Device', encryption: 'luks2' }, 'encryption is for volumeType LVM, not Device'],
  [{ volumeType: 'MountPoint', encryption: 'luks2' }, 'encryption is for volumeType LVM, not MountPoint'],
  [{ volumeType: 'LVM', Encryption: 'luks2' }, 'Encryption is unknown: use encryption with the value luks2'],
  [{ volumeType: 'LVM', encrypted: 'true' }, 'encrypted is unknown: use encryption with the value luks2'],
  [{ volumeType: 'LVM', vgName: ' pool' }, 'vgName: " pool" cannot be a volume group: use up to 127 letters'],
  [{ volumeType: 'LVM', vgName: '--force' }, 'vgName: "--force" cannot be a volume group'],
  [{ volumeType: 'LVM', vgName: 'a/b' }, 'vgName: "a/b" cannot be a volume group'],
  [{ volumeType: 'Device', vgName: 'pool' }, 'vgName is for volumeType LVM, not Device'],
])('%j is refused with the parameter and what is allowed', (parameters, message) => {
  expect(() => parseStorageClass(parameters)).toThrow(message);
});

test('a parameter that every object of JavaScript has is unknown, too', () => {
  expect(unknownParameters({ volumeType: 'LVM', constructor: 'x' })).toEqual([
    expect.stringMatching(/^StorageClass parameter constructor is unknown/),
  ]);
});
