import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../test/rig/our-api.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import { find } from './find.ts';
import { patchSame } from './patch-same.ts';
import { LOCAL_VOLUMES } from './resource.ts';

const never = new AbortController().signal;
const KEY = { name: 'v1' };
const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'g', sizeBytes: 1, role: 'Volume' } as const;
const ready = { status: { phase: 'Ready' } } as const;
let ours: OurApi;
beforeEach(async () => void (ours = await startOurApi()));
afterEach(() => ours.close());

const make = (): Promise<LocalVolume> => ours.client.create<LocalVolume>(LOCAL_VOLUMES, { metadata: KEY, spec }, never);
const read = (): Promise<LocalVolume | undefined> => find(ours.client, LOCAL_VOLUMES, KEY, never);
const annotate = (value: string): Promise<LocalVolume> => {
  const body = { metadata: { annotations: { [value]: value } } };
  return ours.client.patch(LOCAL_VOLUMES, KEY, { type: 'merge', body }, never);
};

test.each(['status', undefined] as const)(
  'an object that was made anew under the name is not written to (%s)',
  async (subresource) => {
    const object = await make();
    await ours.client.delete(LOCAL_VOLUMES, KEY, never);
    const other = await make();
    const body = { ...ready, metadata: { annotations: { a: 'of the first' } } };
    expect(await patchSame(ours.client, { resource: LOCAL_VOLUMES, object, body, subresource }, never)).toBeUndefined();
    expect(await read()).toEqual(other);
  },
);

test('what others wrote meanwhile stays, and this is written too', async () => {
  const object = await make();
  await annotate('theirs');
  const patch = { resource: LOCAL_VOLUMES, object, body: ready, subresource: 'status' } as const;
  expect((await patchSame(ours.client, patch, never))?.status).toEqual(ready.status);
  const marked = { resource: LOCAL_VOLUMES, object, body: { metadata: { annotations: { ours: 'x' } } } };
  await patchSame(ours.client, marked, never);
  expect(await read()).toMatchObject({ ...ready, metadata: { annotations: { theirs: 'theirs', ours: 'x' } } });
});

test('an object that is gone needs nothing written', async () => {
  const object = await make();
  await ours.client.delete(LOCAL_VOLUMES, KEY, never);
  const patch = { resource: LOCAL_VOLUMES, object, body: ready, subresource: 'status' } as const;
  expect(await patchSame(ours.client, patch, never)).toBeUndefined();
});

test('an object that goes on changing is told after five tries', async () => {
  const object = await make();
  const conflict = { code: 409, reason: 'Conflict' };
  const tries = ours.api.troubles.fail({ verb: 'patch', resource: 'localvolumes' }, conflict, 9);
  const patch = { resource: LOCAL_VOLUMES, object, body: ready, subresource: 'status' } as const;
  await expect(patchSame(ours.client, patch, never)).rejects.toMatchObject({ code: 409 });
  expect(tries.hits()).toBe(5);
});
