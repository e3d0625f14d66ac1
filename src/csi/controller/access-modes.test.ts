import { expect, test } from 'vitest';
import { ValidateVolumeCapabilitiesRequest, VolumeCapability_AccessMode_Mode as Mode } from '../gen/csi.ts';
import { Code } from '../status.ts';
import { MOUNT, serveController, type FakeController } from '../../../test/rig/csi-controller.ts';

const never = new AbortController().signal;
const as = (mode: Mode) => ({ ...MOUNT, accessMode: { mode } });

const validate = ({ client }: FakeController, capability: object) =>
  client.controller.validateVolumeCapabilities(
    ValidateVolumeCapabilitiesRequest.fromPartial({
      volumeId: 'v',
      volumeCapabilities: [capability],
    }),
    never,
  );

test.each([
  'SINGLE_NODE_WRITER',
  'SINGLE_NODE_READER_ONLY',
  'SINGLE_NODE_SINGLE_WRITER',
  'SINGLE_NODE_MULTI_WRITER',
] as const)('a volume can be had as %s', async (mode) => {
  const it = await serveController();
  expect((await it.create('v', { volumeCapabilities: [as(Mode[mode])] }))?.volumeId).toBe('v');
  expect((await validate(it, as(Mode[mode]))).confirmed?.volumeCapabilities).toHaveLength(1);
});

test.each([
  ['MULTI_NODE_READER_ONLY', 'ReadOnlyMany'],
  ['MULTI_NODE_SINGLE_WRITER', 'MULTI_NODE_SINGLE_WRITER'],
  ['MULTI_NODE_MULTI_WRITER', 'ReadWriteMany'],
] as const)('%s is refused by the name that the claim has for it', async (mode, name) => {
  const it = await serveController();
  const details = expect.stringContaining(`access mode ${name} is not possible: a local volume is on one node`);
  const refused = it.create('v', { volumeCapabilities: [as(Mode[mode])] });
  await expect(refused).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, details });
  expect([it.volumes.objects.size, it.room.taken.size]).toEqual([0, 0]);
  await it.create('v');
  expect(await validate(it, as(Mode[mode]))).toMatchObject({ confirmed: undefined, message: details });
});
