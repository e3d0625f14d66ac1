import { expect, test } from 'vitest';
import { ControllerModifyVolumeRequest } from '../gen/csi.ts';
import { Code } from '../status.ts';
import { serveController, type FakeController } from '../../../test/rig/csi-controller.ts';

const never = new AbortController().signal;
const MIB = 2 ** 20;

const modify = ({ client }: FakeController, volumeId: string, mutableParameters: Record<string, string>) =>
  client.controller.controllerModifyVolume(
    ControllerModifyVolumeRequest.fromPartial({ volumeId, mutableParameters }),
    never,
  );

const limitsOf = ({ volumes }: FakeController, id: string) => volumes.objects.get(id)?.spec.limits;

test('a class changes what it names, the next takes its place, and without one the StorageClass decides again', async () => {
  const it = await serveController();
  await it.create('v', { parameters: { volumeType: 'LVM', bps: '10Mi', readIops: '500' } });
  const own = { readBps: 10 * MIB, writeBps: 10 * MIB, readIops: 500 };
  expect(limitsOf(it, 'v')).toEqual(own);
  await modify(it, 'v', { writeBps: '1Mi', iops: '50' });
  expect(limitsOf(it, 'v')).toEqual({ readBps: 10 * MIB, writeBps: MIB, readIops: 50, writeIops: 50 });
  await modify(it, 'v', { readBps: '2Mi' });
  expect(limitsOf(it, 'v')).toEqual({ ...own, readBps: 2 * MIB });
  await modify(it, 'v', {});
  expect(limitsOf(it, 'v')).toEqual(own);
  await modify(it, 'v', { writeBps: '' });
  expect(it.volumes.limitsSet).toBe(3);
});

test('a volume that is made with a class has its limits, and loses them with it', async () => {
  const it = await serveController();
  const asked = { parameters: { volumeType: 'LVM', bps: '10Mi' }, mutableParameters: { readBps: '1Mi' } };
  await it.create('v', asked);
  expect(limitsOf(it, 'v')).toEqual({ readBps: MIB, writeBps: 10 * MIB });
  expect((await it.create('v', asked))?.volumeId).toBe('v');
  const conflict = (what: string) => ({ code: Code.ALREADY_EXISTS, details: expect.stringContaining(what) });
  await expect(it.create('v', { ...asked, mutableParameters: {} })).rejects.toMatchObject(
    conflict('another limit of IO: readBps 1048576, writeBps 10485760, not readBps 10485760, writeBps 10485760'),
  );
  await expect(it.create('v', { ...asked, parameters: { volumeType: 'LVM' } })).rejects.toMatchObject(
    conflict('another limit of IO in its StorageClass: readBps 10485760, writeBps 10485760, not none'),
  );
  await modify(it, 'v', {});
  expect(limitsOf(it, 'v')).toEqual({ readBps: 10 * MIB, writeBps: 10 * MIB });
});

test('the same call again writes nothing, and neither does no class for a volume that never had one', async () => {
  const it = await serveController();
  await it.create('v');
  await modify(it, 'v', {});
  expect(it.volumes.limitsSet).toBe(0);
  await modify(it, 'v', { iops: '50' });
  await modify(it, 'v', { iops: '50' });
  expect(it.volumes.limitsSet).toBe(1);
});

test('what csi-resizer adds about the claim is not taken for an attribute', async () => {
  const it = await serveController();
  await it.create('v');
  await modify(it, 'v', {
    iops: '50',
    'csi.storage.k8s.io/pvc/name': 'data',
    'csi.storage.k8s.io/pvc/namespace': 'web',
    'csi.storage.k8s.io/pv/name': 'v',
  });
  expect(limitsOf(it, 'v')).toEqual({ readIops: 50, writeIops: 50 });
});

test.each([
  ['an unknown key', { speed: 'fast' }, 'parameter speed: "fast" is unknown: use bps, iops, readBps'],
  ['a key of a StorageClass', { volumeType: 'LVM' }, 'parameter volumeType: "LVM" is unknown'],
  ['a mistyped unit', { bps: '10m' }, 'parameter bps: "10m"'],
  ['a fraction', { iops: '50.5' }, 'parameter iops: "50.5"'],
  ['zero', { writeIops: '0' }, 'parameter writeIops: "0" must be more than zero'],
  ['less than zero', { writeIops: '-5' }, 'parameter writeIops: "-5"'],
  ['too little to live with', { readBps: '1' }, 'parameter readBps: "1" is too small to live with'],
  ['more than can be counted', { readBps: '9E' }, 'parameter readBps: "9E"'],
  ['no number', { iops: 'many' }, 'parameter iops: "many"'],
  ['a contradiction', { bps: '1Mi', readBps: '2Mi' }, 'bps: "1Mi" and readBps: "2Mi" contradict each other'],
])('%s is INVALID_ARGUMENT with key and value, in both calls, and changes nothing', async (_, mutable, details) => {
  const it = await serveController();
  await it.create('v', { mutableParameters: { iops: '50' } });
  const failure = { code: Code.INVALID_ARGUMENT, details: expect.stringContaining(details) };
  await expect(modify(it, 'v', mutable)).rejects.toMatchObject(failure);
  await expect(it.create('w', { mutableParameters: mutable })).rejects.toMatchObject(failure);
  expect(limitsOf(it, 'v')).toEqual({ readIops: 50, writeIops: 50 });
  expect([it.volumes.objects.size, it.room.taken.size]).toEqual([1, 1]);
});

test('a volume that is not there is NOT_FOUND, also with nothing to change; one without id is INVALID_ARGUMENT', async () => {
  const it = await serveController();
  const missing = { code: Code.NOT_FOUND, details: 'there is no volume v' };
  await expect(modify(it, 'v', {})).rejects.toMatchObject(missing);
  await expect(modify(it, 'v', { iops: '50' })).rejects.toMatchObject(missing);
  await expect(modify(it, '', { iops: '50' })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
});

test('the same name with other parameters is ALREADY_EXISTS, whatever they mean; names of the claim are none', async () => {
  const it = await serveController();
  const made = { volumeType: 'LVM', mkfsOptions: '-m 1', 'csi.storage.k8s.io/pvc/name': 'data' };
  await it.create('v', { parameters: made });
  expect((await it.create('v', { parameters: { mkfsOptions: '-m 1', volumeType: 'LVM' } }))?.volumeId).toBe('v');
  for (const other of [{ mkfsOptions: '-m 2' }, { mediaType: 'ssd' }, { unknown: 'x' }]) {
    const refused = it.create('v', { parameters: { ...made, ...other } });
    await expect(refused).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
  }
  for (const { spec } of it.volumes.objects.values()) delete spec.request?.parameters; // as it was recorded before
  expect((await it.create('v', { parameters: { ...made, mediaType: 'ssd' } }))?.volumeId).toBe('v');
});
