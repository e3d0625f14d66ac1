import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { volumeLabels } from '../../model/node-label.ts';
import type { ObjectMeta } from '../../model/objects.ts';
import { DEFAULT_DRIVER, NODE_LABEL, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createInformers } from '../follow/informers.ts';
import { keepVolumeMarks, putMarksBack } from './volume-marks.ts';

const never = new AbortController().signal;
let ours: OurApi;
let events: Occurrence[];
let patched: string[];
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  events = [];
  patched = [];
  const { client } = ours;
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const patch: typeof client.patch = (resource, key, ...how) => {
    patched.push(key.name);
    return client.patch(resource, key, ...how);
  };
  const deps = {
    client: { get: client.get.bind(client), patch },
    informers,
    events: { record: (event: Occurrence) => void events.push(event) },
    log: silentLog,
  };
  stop = startFollowing(informers, (signal) => keepVolumeMarks(deps, signal));
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' } as const;
const whole = { labels: volumeLabels('n1'), finalizers: [VOLUME_FINALIZER] };
const add = (name: string, metadata: ObjectMeta = whole) =>
  ours.client.create(LOCAL_VOLUMES, { metadata: { name, ...metadata }, spec }, never);
const change = (name: string, metadata: object) =>
  ours.client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body: { metadata } }, never);
const stored = (name: string) => (ours.api.stored('localvolumes', name) as LocalVolume).metadata;

test('a label that somebody takes off, or changes, is put back and told', async () => {
  await add('v');
  for (const wrong of [null, 'n2']) {
    await change('v', { labels: { [NODE_LABEL]: wrong, team: 'a' } });
    await eventually(() => expect(stored('v').labels).toMatchObject({ [NODE_LABEL]: 'n1', team: 'a' }));
  }
  await eventually(() => expect(events).toHaveLength(2));
  expect(events[0]).toMatchObject({
    subject: { kind: 'LocalVolume', name: 'v' },
    reason: 'MarksPutBack',
    message:
      'Put back what somebody took off the volume: its label csi.aliyun.com/node, by which the agent of node n1 finds it.',
  });
});

test('a finalizer that somebody takes off is put back, beside those of others', async () => {
  await add('v');
  await change('v', { finalizers: ['example.org/other'] });
  await eventually(() => expect(stored('v').finalizers).toEqual(['example.org/other', VOLUME_FINALIZER]));
  await eventually(() => expect(events).toHaveLength(1));
  expect(events[0]?.message).toContain('its finalizer csi.aliyun.com/volume-on-node, without which');
});

test('one that is being deleted gets its label alone: its agent has yet to hear of it', async () => {
  await add('v', { finalizers: ['example.org/other'], labels: whole.labels });
  await eventually(() => expect(stored('v').finalizers).toHaveLength(2));
  await ours.client.delete(LOCAL_VOLUMES, { name: 'v' }, never);
  await change('v', { labels: null, finalizers: ['example.org/other'] });
  await eventually(() => expect(stored('v').labels).toEqual({ [NODE_LABEL]: 'n1' }));
  expect(stored('v').finalizers).toEqual(['example.org/other']);
});

test('a webhook that takes them off what is written is named, and the volume is not taken for a whole one', async () => {
  const volume = { metadata: { name: 'v', resourceVersion: '7', labels: volumeLabels('n1') }, spec };
  const client = { patch: async () => volume as never };
  await expect(putMarksBack(client, volume, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/^volume v lacks .* also once they were written: see which mutating webhook/),
  });
  expect(await putMarksBack(client, { metadata: { ...volume.metadata, ...whole }, spec }, never)).toMatchObject({
    spec,
  });
});

test('one that has both is not written', async () => {
  await add('v');
  await add('w', { ...whole, labels: {} });
  await eventually(() => expect(events).toHaveLength(1));
  expect(patched).toEqual(['w']);
});
