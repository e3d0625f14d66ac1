import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { createWithStatus, defineSnapshotKinds } from '../../../test/rig/snapshot-kinds.ts';
import { find } from '../../kube/find.ts';
import { LOCAL_VOLUMES, VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { DEFAULT_DRIVER, KEEP, SNAPSHOT_CONTENT } from '../../model/well-known.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';
import { allSynced, createInformers, followAll } from '../follow/informers.ts';
import { followSnapshots } from '../follow/snapshot-sources.ts';
import { createNeededData } from './needed-data.ts';
import { removeOrphanSnapshots } from './orphan-snapshots.ts';

const never = new AbortController().signal;
const TWO_MINUTES = 120_000;
let clock: ReturnType<typeof createFakeClock>;
let ours: OurApi;
let events: string[];
let stop: () => Promise<void>;

/** The operator's part, begun anew: from when it resolves, what is made was not there before. */
async function start(): Promise<void> {
  const begun = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const { client } = ours;
  clock = createFakeClock();
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const { volumes } = informers;
  const deps = {
    ...{ client, drivers: [DEFAULT_DRIVER], volumes, needed: createNeededData(volumes), log: silentLog, clock },
    events: { record: ({ reason }: { readonly reason: string }) => void events.push(reason) },
  };
  const ledger = { sourceChanged: () => {}, sourceGone: () => {}, sourcesListed: () => {} };
  const running = Promise.all([
    followAll(informers, stopping.signal),
    followSnapshots(
      {
        ...{ client, volumes, ledger, drivers: [DEFAULT_DRIVER], log: silentLog },
        alongside: async (kinds, signal) => {
          if (!(await allSynced(informers, signal))) return;
          await Promise.all([kinds.snapshots.whenSynced(signal), kinds.contents.whenSynced(signal)]);
          const working = removeOrphanSnapshots(deps, kinds, signal);
          setImmediate(begun.resolve);
          await working;
        },
      },
      stopping.signal,
    ),
  ]);
  stop = async () => {
    stopping.abort();
    await running;
  };
  await begun.promise;
}

beforeEach(async () => {
  ours = await startOurApi();
  await defineSnapshotKinds(ours.client);
  events = [];
  await start();
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const uidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const snapshotOf = (n: number): string => `snap-${uidOf(n)}`;
/** A snapshot as CreateSnapshot records it. */
const addVolume = (name: string, { mark = '' }: { readonly mark?: string | null } = {}): Promise<LocalVolume> =>
  ours.client.create<LocalVolume>(
    LOCAL_VOLUMES,
    {
      metadata: {
        name,
        annotations: { [KEEP]: 'until DeleteSnapshot', ...(mark !== null && { [SNAPSHOT_CONTENT]: mark }) },
      },
      spec: {
        ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Snapshot', restore: 'Copy' },
        ...{ source: { volume: 'v' }, request: { name } },
      },
    },
    never,
  );
const addReader = (name: string, snapshot: string): Promise<LocalVolume> =>
  ours.client.create<LocalVolume>(
    LOCAL_VOLUMES,
    {
      metadata: { name },
      spec: {
        ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' },
        ...{ readOnly: true, source: { snapshot } },
      },
    },
    never,
  );
const addContent = (n: number, handle?: string) =>
  createWithStatus(ours.client, VOLUME_SNAPSHOT_CONTENTS, {
    metadata: { name: `content-${n}` },
    spec: { driver: DEFAULT_DRIVER, volumeSnapshotRef: { namespace: 'default', name: `s${n}`, uid: uidOf(n) } },
    ...(handle !== undefined && { status: { snapshotHandle: handle } }),
  });
const addAsked = async (name: string): Promise<string> => {
  const made = await ours.client.create(VOLUME_SNAPSHOTS, { metadata: { namespace: 'default', name } }, never);
  return made.metadata.uid ?? '';
};
const read = (name: string): Promise<LocalVolume | undefined> => find(ours.client, LOCAL_VOLUMES, { name }, never);
const isThere = async (name: string): Promise<boolean> => (await read(name)) !== undefined;
const untilGone = (name: string): Promise<void> => eventually(async () => expect(await isThere(name)).toBe(false));
/** Lets two minutes pass as often as it takes. */
const untilGoneInTime = (name: string): Promise<void> =>
  eventually(async () => {
    await clock.advance(TWO_MINUTES);
    expect(await isThere(name)).toBe(false);
  });
const untilMarked = (name: string, content: string): Promise<void> =>
  eventually(async () => expect((await read(name))?.metadata.annotations?.[SNAPSHOT_CONTENT]).toBe(content));

test('a snapshot that no content ever had goes after two minutes, and an Event says why', async () => {
  await addVolume(snapshotOf(1));
  expect(await clock.untilAsleep()).toBe(TWO_MINUTES);
  await clock.advance(TWO_MINUTES - 1);
  expect(await isThere(snapshotOf(1))).toBe(true);
  await clock.advance(1);
  await untilGone(snapshotOf(1));
  expect(events).toEqual(['SnapshotOfNobody']);
});

test('one that a content had stays when its content was deleted, also by an operator that saw nothing of it', async () => {
  await addVolume(snapshotOf(1));
  await addContent(1, snapshotOf(1));
  await untilMarked(snapshotOf(1), 'content-1');
  await ours.client.delete(VOLUME_SNAPSHOT_CONTENTS, { name: 'content-1' }, never);
  await stop();
  await start();
  // The next one is the proof that it was looked at.
  await addVolume(snapshotOf(2));
  await untilGoneInTime(snapshotOf(2));
  expect(await isThere(snapshotOf(1))).toBe(true);
});

test('one that was there before the operator began stays, and an Event says how it is removed', async () => {
  await stop();
  await addVolume(snapshotOf(7));
  await start();
  await eventually(async () => {
    await clock.advance(TWO_MINUTES);
    expect(events).toEqual(['SnapshotOfNobody']);
  });
  await addVolume(snapshotOf(8));
  await untilGoneInTime(snapshotOf(8));
  expect(await isThere(snapshotOf(7))).toBe(true);
});

test('nothing goes that somebody asks for or needs, that has another name, or that was made before there was a mark', async () => {
  const asked = `snap-${await addAsked('s3')}`;
  await addContent(4);
  await addVolume(asked);
  await addVolume(snapshotOf(4));
  await addVolume(snapshotOf(5));
  await addReader('r', snapshotOf(5));
  await addVolume('by-hand');
  await addVolume(snapshotOf(6), { mark: null });
  await addVolume(snapshotOf(1));
  await untilGoneInTime(snapshotOf(1));
  const others = [asked, snapshotOf(4), snapshotOf(5), 'r', 'by-hand', snapshotOf(6)];
  expect(await Promise.all(others.map(isThere))).toEqual(others.map(() => true));
  expect(events).toEqual(['SnapshotOfNobody']);
});

test('one whose VolumeSnapshot goes without DeleteSnapshot goes too', async () => {
  const uid = await addAsked('s1');
  await addVolume(`snap-${uid}`);
  await addVolume(snapshotOf(2));
  await untilGoneInTime(snapshotOf(2));
  expect(await isThere(`snap-${uid}`)).toBe(true);
  await ours.client.delete(VOLUME_SNAPSHOTS, { namespace: 'default', name: 's1' }, never);
  await untilGoneInTime(`snap-${uid}`);
});
