import { expect, test } from 'vitest';
import type { HostFacts } from '../../host/host.ts';
import { sampleDisk, sampleGroup, sampleObservation } from '../storage-fixture.ts';
import { hostReport } from './host-report.ts';

const facts = (more: Partial<HostFacts> = {}): HostFacts => ({
  kernel: '6.12.0',
  loadable: ['dm_snapshot'],
  missing: [],
  lvmetad: false,
  hides: () => undefined,
  ...more,
});

test('a simulated machine tells the version of its agent alone', () => {
  expect(hostReport('1.2.3', undefined, sampleObservation({}))).toEqual({ agentVersion: '1.2.3' });
});

test('disks of groups that the machine itself does not see are told, by every name that they have', () => {
  const groups = [sampleGroup('pool-0')];
  const [disk] = groups[0]?.devices ?? [];
  const devices = [sampleDisk('sdb', { links: ['/dev/disk/by-id/wwn-1'] })];
  const asked: unknown[] = [];
  const hides: HostFacts['hides'] = (...given) => {
    asked.push(given);
    return 'devices file';
  };
  const report = hostReport('1', facts({ hides }), sampleObservation({ groups, devices }));
  expect(report.hiddenDisks).toEqual([{ device: '/dev/sdb', by: 'devices file' }]);
  expect(asked).toEqual([[['/dev/sdb', '/dev/disk/by-id/wwn-1'], disk?.uuid]]);
});

test('disks below a map of multipath are told', () => {
  const devices = [
    sampleDisk('sdc', { holders: ['dm-1'] }),
    sampleDisk('sdb', { holders: ['dm-0'] }),
    sampleDisk('dm-0', { kind: 'device-mapper', mapperUuid: 'mpath-3600a' }),
    sampleDisk('dm-1', { kind: 'device-mapper', mapperUuid: 'CRYPT-LUKS2-x' }),
  ];
  expect(hostReport('1', facts(), sampleObservation({ devices })).multipathDisks).toEqual(['/dev/sdb']);
});

test('what would never end is cut', () => {
  const devices = Array.from({ length: 50 }, (_, i) => sampleDisk(`sd${i}`, { holders: ['dm-0'] }));
  const map = sampleDisk('dm-0', { kind: 'device-mapper', mapperUuid: 'mpath-1' });
  expect(hostReport('1', facts(), sampleObservation({ devices: [...devices, map] })).multipathDisks).toHaveLength(20);
});
