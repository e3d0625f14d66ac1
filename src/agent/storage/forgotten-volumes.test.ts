import { expect, test } from 'vitest';
import { mapperUuidOf } from '../../lvm/names.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { forgottenVolumes } from './forgotten-volumes.ts';
import { sampleDisk, sampleGroup, sampleLocalVolume, sampleVolume } from '../storage-fixture.ts';

const made = (spec: Partial<LocalVolume['spec']> = {}, status: LocalVolume['status'] = {}): LocalVolume =>
  sampleLocalVolume({ spec, status: { groupUuid: 'pool-0', volumeUuid: 'lv-v1', ...status } });
const active = sampleDisk('dm-0', { kind: 'logical-volume', mapperUuid: mapperUuidOf('pool-0', 'lv-v1') });
const empty = [sampleGroup('pool-0')];
const holding = (name: string) => [sampleGroup('pool-0', { volumes: [sampleVolume(name, { uuid: 'lv-v1' })] })];

async function forgotten(volume: LocalVolume, groups = empty, devices = [sampleDisk('sdb'), active]) {
  let looks = 0;
  const list = () => {
    looks += 1;
    return Promise.resolve(devices);
  };
  return { found: await forgottenVolumes(groups, [volume], list), looks };
}

test('a volume that is active, and that its group has no more, is forgotten', async () => {
  expect(await forgotten(made())).toEqual({ found: [{ groupUuid: 'pool-0', name: 'v1' }], looks: 1 });
});

test.each<[string, LocalVolume, readonly ReturnType<typeof sampleGroup>[], number]>([
  ['is in its group', made(), holding('v1'), 0],
  ['has another name', made(), holding('v2'), 0],
  ['is in a group that is away as a whole', made(), [], 0],
  ['was never made', sampleLocalVolume(), empty, 0],
  ['is a whole disk', made({ kind: 'Device' }), empty, 0],
  ['shows a snapshot', made({ readOnly: true }), empty, 0],
])('a volume that %s is not', async (_, volume, groups, looks) => {
  expect(await forgotten(volume, [...groups])).toEqual({ found: [], looks });
});

test('one that is not active was removed by somebody', async () => {
  const another = { ...active, mapperUuid: mapperUuidOf('pool-1', 'lv-v1') };
  expect((await forgotten(made(), empty, [another])).found).toEqual([]);
});
