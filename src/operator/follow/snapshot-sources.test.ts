import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import { createWithStatus, defineKind } from '../../../test/rig/snapshot-kinds.ts';
import { LOCAL_VOLUMES, VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS, type Resource } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { SourceFacts } from '../../model/facts.ts';
import { silentLog, type Log } from '../../model/log.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { createInformers } from './informers.ts';
import { followSnapshots } from './snapshot-sources.ts';

const never = new AbortController().signal;
let ours: OurApi;
let said: unknown[];
let sources: Map<string, SourceFacts>;
let isListed: boolean;
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  said = [];
  sources = new Map();
  isListed = false;
  const { client } = ours;
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const log: Log = { ...silentLog, info: (fields) => void said.push(fields.action) };
  const ledger = {
    sourceChanged: (source: SourceFacts) => void sources.set(`${source.namespace}/${source.name}`, source),
    sourceGone: (namespace: string, name: string) => void sources.delete(`${namespace}/${name}`),
    sourcesListed: () => void (isListed = true),
  };
  const alongside = async (): Promise<void> => {};
  const deps = {
    client,
    drivers: [DEFAULT_DRIVER],
    volumes: informers.volumes,
    ledger,
    log,
    alongside,
    lookAgainMs: 10,
  };
  stop = startFollowing(informers, (signal) => followSnapshots(deps, signal));
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const define = (resource: Resource) => defineKind(ours.client, resource);

async function addSnapshot(): Promise<void> {
  const { client } = ours;
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Snapshot' } as const;
  await client.create(
    LOCAL_VOLUMES,
    { metadata: { name: 'snap-a' }, spec: { ...spec, source: { volume: 'v' }, restore: 'Mount' } },
    never,
  );
  const snapshot = { takenAt: '2026-01-01T00:00:00Z', sourceBytes: 2 * GIB };
  const body = { status: { phase: 'Ready', sizeBytes: GIB, snapshot } };
  await client.patch(LOCAL_VOLUMES, { name: 'snap-a' }, { type: 'merge', body }, never, 'status');
  await createWithStatus(client, VOLUME_SNAPSHOT_CONTENTS, {
    metadata: { name: 'content' },
    spec: { driver: DEFAULT_DRIVER, volumeSnapshotRef: { namespace: 'default', name: 'monday' } },
    status: { snapshotHandle: 'snap-a' },
  });
  await createWithStatus(client, VOLUME_SNAPSHOTS, {
    metadata: { namespace: 'default', name: 'monday' },
    status: { boundVolumeSnapshotContentName: 'content', readyToUse: true },
  });
}

test('a cluster without snapshots is told once, and its snapshots are followed once it has them', async () => {
  await eventually(() => expect(said).toHaveLength(1));
  expect(said[0]).toContain('no volumesnapshots.snapshot.storage.k8s.io: install snapshot-controller');
  await define(VOLUME_SNAPSHOTS);
  await eventually(() => expect(said).toHaveLength(2));
  expect(said[1]).toContain('no volumesnapshotcontents.');
  expect(isListed).toBe(false);
  await define(VOLUME_SNAPSHOT_CONTENTS);
  await addSnapshot();
  const source = { namespace: 'default', name: 'monday', node: 'n1', readOnly: true, size: 2 * GIB };
  await eventually(() => expect(sources.get('default/monday')).toEqual(source));
  expect(said).toHaveLength(3);
  expect(isListed).toBe(true);
});

test('what becomes of a snapshot is told, and its end', async () => {
  await define(VOLUME_SNAPSHOTS);
  await define(VOLUME_SNAPSHOT_CONTENTS);
  await addSnapshot();
  await eventually(() => expect(sources.get('default/monday')?.node).toBe('n1'));
  const body = { status: { snapshot: { overflowed: true } } };
  await ours.client.patch(LOCAL_VOLUMES, { name: 'snap-a' }, { type: 'merge', body }, never, 'status');
  await eventually(() => expect(sources.get('default/monday')?.problem).toContain('overflowed'));
  await ours.client.delete(VOLUME_SNAPSHOTS, { namespace: 'default', name: 'monday' }, never);
  await eventually(() => expect(sources.size).toBe(0));
});

test('a snapshot that several VolumeSnapshots have is told to all of them, also when one lets it go', async () => {
  await define(VOLUME_SNAPSHOTS);
  await define(VOLUME_SNAPSHOT_CONTENTS);
  await addSnapshot();
  for (const name of ['red', 'blue']) {
    await createWithStatus(ours.client, VOLUME_SNAPSHOT_CONTENTS, {
      metadata: { name },
      spec: { driver: DEFAULT_DRIVER, volumeSnapshotRef: { namespace: 'default', name } },
      status: { snapshotHandle: 'snap-a' },
    });
    await createWithStatus(ours.client, VOLUME_SNAPSHOTS, {
      metadata: { namespace: 'default', name },
      status: { boundVolumeSnapshotContentName: name, readyToUse: true },
    });
  }
  await eventually(() =>
    expect([...sources.keys()].toSorted()).toEqual(['default/blue', 'default/monday', 'default/red']),
  );
  await ours.client.delete(VOLUME_SNAPSHOT_CONTENTS, { name: 'blue' }, never);
  await eventually(() => expect(sources.get('default/blue')?.waits).toBe(true));
  const body = { status: { snapshot: { overflowed: true } } };
  await ours.client.patch(LOCAL_VOLUMES, { name: 'snap-a' }, { type: 'merge', body }, never, 'status');
  for (const key of ['default/monday', 'default/red'])
    await eventually(() => expect(sources.get(key)?.problem).toContain('overflowed'));
});

test('a VolumeSnapshot whose content somebody deleted serves nobody, once snapshot-controller says so', async () => {
  await define(VOLUME_SNAPSHOTS);
  await define(VOLUME_SNAPSHOT_CONTENTS);
  await addSnapshot();
  await eventually(() => expect(sources.get('default/monday')?.node).toBe('n1'));
  await ours.client.delete(VOLUME_SNAPSHOT_CONTENTS, { name: 'content' }, never);
  await eventually(() => expect(sources.get('default/monday')?.waits).toBe(true));
  const body = { status: { readyToUse: false, error: { message: 'VolumeSnapshotContent is missing' } } };
  const key = { namespace: 'default', name: 'monday' };
  await ours.client.patch(VOLUME_SNAPSHOTS, key, { type: 'merge', body }, never, 'status');
  await eventually(() =>
    expect(sources.get('default/monday')?.problem).toMatch(/VolumeSnapshotContent content is gone/),
  );
});
