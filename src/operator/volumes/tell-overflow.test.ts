import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { createWithStatus, defineSnapshotKinds } from '../../../test/rig/snapshot-kinds.ts';
import { LOCAL_VOLUMES, VOLUME_SNAPSHOT_CONTENTS } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import { silentLog } from '../../model/log.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { createInformers, followAll } from '../follow/informers.ts';
import { followSnapshots } from '../follow/snapshot-sources.ts';
import { tellOverflow } from './tell-overflow.ts';

const never = new AbortController().signal;
let ours: OurApi;
let events: string[];
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  await defineSnapshotKinds(ours.client);
  events = [];
  const stopping = new AbortController();
  const { client } = ours;
  const drivers = [DEFAULT_DRIVER];
  const informers = createInformers({ client, drivers, log: silentLog });
  const { volumes } = informers;
  const record = ({ subject, reason }: { subject: { kind: string; name: string }; reason: string }): void =>
    void events.push(`${reason} ${subject.kind} ${subject.name}`);
  const deps = { client, drivers, volumes, events: { record }, log: silentLog };
  const ledger = { sourceChanged: () => {}, sourceGone: () => {}, sourcesListed: () => {} };
  const alongside: Parameters<typeof followSnapshots>[0]['alongside'] = (kinds, signal) =>
    tellOverflow(deps, kinds, signal);
  const running = Promise.all([
    followAll(informers, stopping.signal),
    followSnapshots({ client, drivers, volumes, ledger, alongside, log: silentLog }, stopping.signal),
  ]);
  stop = async () => {
    stopping.abort();
    await running;
  };
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const addSnapshot = async (name: string, driver = DEFAULT_DRIVER): Promise<void> => {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Snapshot' } as const;
  await ours.client.create(
    LOCAL_VOLUMES,
    { metadata: { name }, spec: { ...spec, source: { volume: 'v' }, restore: 'Copy' } },
    never,
  );
  await addContent(name, name, driver);
};
const addContent = (name: string, handle: string, driver = DEFAULT_DRIVER): Promise<unknown> =>
  createWithStatus(ours.client, VOLUME_SNAPSHOT_CONTENTS, {
    metadata: { name: `content-${name}` },
    spec: { driver, volumeSnapshotRef: { namespace: 'default', name: `of-${name}`, uid: 'u' } },
    status: { snapshotHandle: handle, readyToUse: true },
  });
const overflow = (name: string): Promise<unknown> =>
  ours.client.patch(
    LOCAL_VOLUMES,
    { name },
    { type: 'merge', body: { status: { snapshot: { overflowed: true } } } },
    never,
    'status',
  );
const statusOf = async (name: string) =>
  (await ours.client.get(VOLUME_SNAPSHOT_CONTENTS, { name: `content-${name}` }, never)).status;

test('a snapshot that overflowed is not ready to use by its VolumeSnapshotContent, once, and others are', async () => {
  await addSnapshot('a');
  await addSnapshot('b');
  await addSnapshot('strange', 'other.csi');
  await overflow('strange');
  await overflow('a');
  await eventually(async () => expect((await statusOf('a'))?.readyToUse).toBe(false));
  expect((await statusOf('a'))?.error?.message).toContain('overflowed');
  await overflow('b');
  await eventually(async () => expect((await statusOf('b'))?.readyToUse).toBe(false));
  expect((await statusOf('strange'))?.readyToUse).toBe(true);
  await eventually(() =>
    expect(events).toEqual(
      ['a', 'b'].flatMap((name) => [
        `SnapshotLost VolumeSnapshotContent content-${name}`,
        `SnapshotLost VolumeSnapshot of-${name}`,
      ]),
    ),
  );
});

test('of one that was given to others, too, all who have it are told', async () => {
  await addSnapshot('a');
  await addContent('given', 'a');
  await addContent('given-again', 'a');
  await overflow('a');
  for (const name of ['a', 'given', 'given-again'])
    await eventually(async () => expect((await statusOf(name))?.readyToUse).toBe(false));
  await eventually(() => expect(events).toHaveLength(6));
});
