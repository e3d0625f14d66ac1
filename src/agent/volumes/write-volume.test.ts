import { expect, onTestFinished, test } from 'vitest';
import { startOurApi } from '../../../test/rig/our-api.ts';
import { find } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { createVolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
const KEY = { name: 'v1' };
const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'g', sizeBytes: 1, role: 'Volume' } as const;
const ready = { sizeBytes: 1, devicePath: '/dev/g/v1', groupUuid: 'G', volumeUuid: 'V' };

/** A volume that is worked on, and an agent's writer that hears what it wrote and what `hear` gives it. */
async function rig() {
  const ours = await startOurApi();
  onTestFinished(() => ours.close());
  const { api, client } = ours;
  const make = (): Promise<LocalVolume> => client.create<LocalVolume>(LOCAL_VOLUMES, { metadata: KEY, spec }, never);
  const volume = await make();
  let heard = volume;
  const hear = (now: LocalVolume): void => void (heard = now);
  const write = createVolumeWriter({ client, heard: () => heard, wrote: hear });
  const replace = async (): Promise<LocalVolume> => {
    await client.delete(LOCAL_VOLUMES, KEY, never);
    return make();
  };
  const read = (): Promise<LocalVolume | undefined> => find(client, LOCAL_VOLUMES, KEY, never);
  return { api, volume, write, hear, replace, read };
}

test.each([false, true])(
  'nothing that was found out for a volume is written to a later one of its name (heard of: %s)',
  async (isHeardOf) => {
    const it = await rig();
    const other = await it.replace();
    if (isHeardOf) it.hear(other);
    await it.write.ready(it.volume, ready, never);
    await it.write.problem(it.volume, { reason: 'NoSpace', message: 'no room' }, never);
    await it.write.copying(it.volume, { reason: 'Copying', message: 'half' }, never);
    await it.write.fill(it.volume, { usedBytes: 1 }, never);
    await it.write.markDisk(it.volume, 'naa.1 10', never);
    await it.write.markFilesystem(it.volume, 'ext4 u /', never);
    expect(await it.read()).toEqual(other);
  },
);

test('a volume is written again and again as it was first seen, without asking for it each time', async () => {
  const it = await rig();
  const asked = it.api.troubles.delay({ verb: 'get', resource: 'localvolumes' }, 0);
  await it.write.copying(it.volume, { reason: 'Copying', message: 'half', progress: 50 }, never);
  await it.write.ready(it.volume, { ...ready, copiedBytes: 1 }, never);
  expect(asked.hits()).toBe(0);
  expect((await it.read())?.status).toMatchObject({ phase: 'Ready', progress: 100 });
});
