import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import { gib, group, ledgerWith, node, freeIn } from '../../capacity/ledger-fixture.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { createInformers } from '../follow/informers.ts';
import { growStores } from './grow-stores.ts';

const never = new AbortController().signal;
let ours: OurApi;
let ledger: Ledger;
let events: Occurrence[];
let stuck: number;
let stop: () => Promise<void>;

/** One group of 10 GiB. */
beforeEach(async () => {
  ours = await startOurApi();
  events = [];
  stuck = 0;
  ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])] });
  const { client } = ours;
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  informers.volumes.subscribe({
    changed: (volume) => ledger.volumeChanged(volumeFacts(volume)),
    deleted: ({ metadata }) => ledger.volumeGone(metadata.name ?? ''),
  });
  const deps = {
    ...{ client, informers, ledger, log: silentLog },
    events: { record: (event: Occurrence) => void events.push(event) },
    onStuck: (stores: number) => void (stuck = stores),
  };
  stop = startFollowing(informers, (signal) => growStores(deps, signal));
});
afterEach(async () => {
  await stop();
  await ours.close();
});

async function add(name: string, size: number, copyOnWrite = { thresholdPercent: 50, stepBytes: GIB }): Promise<void> {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: size * GIB } as const;
  const snapshot: LocalVolume = {
    metadata: { name },
    spec: { ...spec, role: 'Snapshot', source: { volume: 'v' }, copyOnWrite },
  };
  await ours.client.create(LOCAL_VOLUMES, snapshot, never);
}
async function fill(name: string, used: number, overflowed = false): Promise<void> {
  const { sizeBytes } = sizeOf(name);
  const snapshot = { usedBytes: used * GIB, sourceBytes: 100 * GIB, overflowed };
  const body = { status: { phase: 'Ready', sizeBytes, snapshot } };
  await ours.client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, never, 'status');
}
const sizeOf = (name: string) => (ours.api.stored('localvolumes', name) as LocalVolume).spec;

test('a store that is half full grows by its step, with room of the ledger', async () => {
  await add('s', 2);
  await fill('s', 1);
  await eventually(() => expect(sizeOf('s').sizeBytes).toBe(3 * GIB));
  await eventually(() => expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(7)));
  expect(events).toEqual([]);
});

test('without room for what is wanted it takes what there is; without any an Event says so, and it is tried again', async () => {
  await add('other', 7);
  await add('s', 2);
  await fill('s', 2 - 1 / 8);
  await eventually(() => expect(sizeOf('s').sizeBytes).toBe(3 * GIB));
  await fill('s', 2.5);
  await eventually(() => expect(events.length).toBeGreaterThan(0));
  expect(events[0]).toMatchObject({
    subject: { kind: 'LocalVolume', name: 's' },
    type: 'Warning',
    reason: 'StoreCannotGrow',
    message: expect.stringContaining('% full, and volume group pool-0 of node n1 has no room') as string,
  });
  await eventually(() => expect(stuck).toBe(1));
  await ours.client.delete(LOCAL_VOLUMES, { name: 'other' }, never);
  await eventually(() => expect(sizeOf('s').sizeBytes).toBeGreaterThan(3 * GIB));
  await eventually(() => expect(stuck).toBe(0));
});

test('one that cannot be grown does not keep the others from growing (D6)', async () => {
  await add('a', 2);
  await add('b', 2);
  await fill('a', 0);
  const trouble = ours.api.troubles.fail({ verb: 'patch', resource: 'localvolumes', name: 'a' }, { code: 403 }, 100);
  const status = { phase: 'Ready' as const, sizeBytes: 2 * GIB, snapshot: { usedBytes: GIB, sourceBytes: 100 * GIB } };
  const a = ours.api.stored('localvolumes', 'a') as LocalVolume;
  await ours.client.update(LOCAL_VOLUMES, { ...a, status }, never, 'status');
  await eventually(() => expect(trouble.hits()).toBeGreaterThan(0));
  await fill('b', 1);
  await eventually(() => expect(sizeOf('b').sizeBytes).toBe(3 * GIB));
  // What was taken for the one that could not be written is free again.
  await eventually(() => expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(5)));
});

test('one that overflowed is let alone', async () => {
  await add('s', 2);
  await fill('s', 2, true);
  await add('other', 2);
  await fill('other', 1);
  await eventually(() => expect(sizeOf('other').sizeBytes).toBe(3 * GIB));
  expect(sizeOf('s').sizeBytes).toBe(2 * GIB);
});
