import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import { ControllerExpandVolumeRequest, CreateVolumeRequest, DeleteVolumeRequest } from '../gen/csi.ts';
import { Code } from '../status.ts';
import { MOUNT, serveController, type FakeController } from '../../../test/rig/csi-controller.ts';

const never = new AbortController().signal;

interface Row {
  readonly method: string;
  readonly call: (it: FakeController, signal: AbortSignal) => Promise<unknown>;
  /** How often an object was made, with that of the volume `v`, and made larger. */
  readonly creates: number;
  readonly grows: number;
}

const ROWS: readonly Row[] = [
  {
    method: 'CreateVolume',
    call: ({ client }, signal) =>
      client.controller.createVolume(
        CreateVolumeRequest.fromPartial({ name: 'w', volumeCapabilities: [MOUNT], parameters: { volumeType: 'LVM' } }),
        signal,
      ),
    creates: 2,
    grows: 0,
  },
  {
    method: 'DeleteVolume',
    call: ({ client }, signal) =>
      client.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId: 'v' }), signal),
    creates: 1,
    grows: 0,
  },
  {
    method: 'ControllerExpandVolume',
    call: ({ client }, signal) =>
      client.controller.controllerExpandVolume(
        ControllerExpandVolumeRequest.fromPartial({ volumeId: 'v', capacityRange: { requiredBytes: BigInt(2 * GIB) } }),
        signal,
      ),
    creates: 1,
    grows: 1,
  },
];

test.each(ROWS)(
  '$method whose caller gives up ends at once, and what it began is found by the next',
  async ({ call, creates, grows }) => {
    const it = await serveController();
    await it.create('v');
    const asked = Promise.withResolvers<void>();
    it.volumes.agent = () => asked.resolve(); // it takes its time
    const impatient = new AbortController();
    const first = call(it, impatient.signal);
    await asked.promise;
    await expect.poll(() => it.volumes.waiting).toBe(1);
    impatient.abort();
    await expect(first).rejects.toMatchObject({ code: Code.CANCELLED });
    await expect.poll(() => it.volumes.waiting).toBe(0);

    const retry = call(it, never);
    await expect.poll(() => it.volumes.waiting).toBe(1);
    for (const volume of it.volumes.objects.values()) it.volumes.obey(volume); // done at last
    await retry;
    expect([it.volumes.creates, it.volumes.grows.length]).toEqual([creates, grows]);
  },
);
