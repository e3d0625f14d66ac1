import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { Ledger } from '../../capacity/ledger.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import { CLAIMS, LOCAL_VOLUMES, NODE_LOCAL_STORAGES, PODS, STORAGE_CLASSES, VOLUMES } from '../../kube/resource.ts';
import { GIB, MIB } from '../../model/bytes.ts';
import { silentLog, type LogFields } from '../../model/log.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { checkLedger, type LedgerFault } from './check-ledger.ts';
import { feedLedger } from './feed-ledger.ts';
import { allSynced, createInformers, followAll, type Informers } from './informers.ts';

const never = new AbortController().signal;
const policy = { strategy: 'binpack', drivers: [DEFAULT_DRIVER], holdTtlMs: 60_000 } as const;
let ours: OurApi;
let ledger: Ledger;
let informers: Informers;
let isDeaf: boolean;
let faults: LedgerFault[];
let checked: number;
let logged: LogFields[];
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  ours = await startOurApi();
  [isDeaf, faults, checked, logged] = [false, [], 0, []];
  for (const name of ['n1', 'n2']) {
    const group = {
      name: 'pool-0',
      physicalVolumes: ['/dev/sdb'],
      total: 8 * GIB,
      available: 8 * GIB,
      extentSize: 4 * MIB,
    };
    const volumeGroups = [{ ...group, allocatable: 8 * GIB }];
    const status = { nodeStorageInfo: { volumeGroups }, filteredStorageInfo: { volumeGroups: ['pool-0'] } };
    await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, never);
    await ours.client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { status } }, never, 'status');
  }
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await ours.close();
});

/** A ledger that hears of everything but objects of these names, and nothing more once it is deaf. */
async function start(...missed: readonly string[]): Promise<void> {
  const stopping = new AbortController();
  informers = createInformers({ client: ours.client, drivers: policy.drivers, log: silentLog });
  ledger = new Ledger(policy);
  const half = <P>({ subscribe }: { subscribe: (to: Handlers<P>) => () => void }, nameOf: (view: P) => string) => ({
    subscribe: ({ changed, deleted }: Handlers<P>) =>
      subscribe({
        changed: (now, before) => !isDeaf && !missed.includes(nameOf(now)) && changed?.(now, before),
        deleted: (last) => !isDeaf && !missed.includes(nameOf(last)) && deleted?.(last),
      }),
  });
  feedLedger(
    {
      ...informers,
      volumes: half(informers.volumes, ({ metadata }) => metadata.name ?? ''),
      claims: half(informers.claims, ({ name }) => name),
      classes: half(informers.classes, ({ name }) => name),
      pvs: half(informers.pvs, ({ facts }) => facts.name),
    },
    ledger,
  );
  const following = followAll(informers, stopping.signal);
  cleanups.push(() => {
    stopping.abort();
    return following;
  });
  await allSynced(informers, stopping.signal);
}

function startChecking(): void {
  const stopping = new AbortController();
  const running = checkLedger(
    {
      ...{ ledger, policy, informers, storages: informers.storages, everyMs: 1 },
      log: { ...silentLog, error: (fields) => void logged.push(fields) },
      onChecked: (nodes, found) => {
        checked += nodes;
        faults.push(...found);
      },
    },
    stopping.signal,
  );
  cleanups.push(() => {
    stopping.abort();
    return running;
  });
}

const add = (name: string, nodeName: string) =>
  ours.client.create(
    LOCAL_VOLUMES,
    { metadata: { name }, spec: { nodeName, kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' } },
    never,
  );
const taken = (node: string): number | undefined => ledger.node(node)?.groups[0]?.taken;

test('a ledger that missed an event is told of, with both sides, and counted anew', async () => {
  await start('missed');
  await add('missed', 'n1');
  await add('heard', 'n2');
  await eventually(() => expect(informers.volumes.values.size).toBe(2));
  expect([taken('n1'), taken('n2')]).toEqual([0, GIB]);
  startChecking();
  await eventually(() => expect(taken('n1')).toBe(GIB));
  await eventually(() => expect(checked).toBeGreaterThan(6));
  expect(faults).toEqual(['number']);
  const differences = [`LVM pool-0: volume missed recorded: the ledger has 0, objects say ${GIB}`];
  expect(logged).toEqual([{ node: 'n1', count: 1, action: { differences, broken: [] } }]);
});

test('a ledger that heard of everything is never wrong, whatever comes and goes', async () => {
  await start();
  startChecking();
  for (const name of ['a', 'b', 'c']) {
    await add(name, 'n1');
    const attributes = { vgName: 'pool-0', size: '1Gi' };
    const csi = { driver: DEFAULT_DRIVER, volumeAttributes: attributes };
    const spec = { nodeName: 'n2', volumes: [{ name: 'tmp', csi }], containers: [{ name: 'c', image: 'c' }] };
    await ours.client.create(PODS, { metadata: { namespace: 'default', name }, spec }, never);
  }
  await ours.client.delete(LOCAL_VOLUMES, { name: 'a' }, never);
  await ours.client.delete(PODS, { namespace: 'default', name: 'a' }, never, { gracePeriodSeconds: 0 });
  await ours.client.delete(NODE_LOCAL_STORAGES, { name: 'n2' }, never);
  await eventually(() => expect([informers.storages.values.size, taken('n1')]).toEqual([1, 2 * GIB]));
  const before = checked;
  await eventually(() => expect(checked).toBeGreaterThan(before + 6));
  expect([faults, logged]).toEqual([[], []]);
});

const classOf = (name: string) => ({
  metadata: { name },
  provisioner: DEFAULT_DRIVER,
  parameters: { volumeType: 'LVM' },
});
/** Of 1 GiB; its pod goes to n1. */
const claimOf = (name: string, storageClassName = 'local') => ({
  metadata: { namespace: 'default', name, annotations: { 'volume.kubernetes.io/selected-node': 'n1' } },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});
const heldFor = (): number => ledger.holds().claims;

test.each([['local'], ['data']])('room is held for a claim though the event of %s got lost', async (missed) => {
  await start(missed);
  await ours.client.create(STORAGE_CLASSES, classOf('local'), never);
  await ours.client.create(CLAIMS, claimOf('data'), never);
  await eventually(() => expect([informers.claims.values.size, informers.classes.values.size]).toEqual([1, 1]));
  expect(heldFor()).toBe(0);
  startChecking();
  await eventually(() => expect(heldFor()).toBe(1));
  await eventually(() => expect(checked).toBeGreaterThan(6));
  expect(faults).toEqual(['object']);
});

test('nothing is held any more for a claim whose deletion got lost', async () => {
  await start();
  await ours.client.create(STORAGE_CLASSES, classOf('local'), never);
  await ours.client.create(CLAIMS, claimOf('data'), never);
  await eventually(() => expect(heldFor()).toBe(1));
  isDeaf = true;
  await ours.client.delete(CLAIMS, { namespace: 'default', name: 'data' }, never);
  await eventually(() => expect(informers.claims.values.size).toBe(0));
  expect(heldFor()).toBe(1);
  startChecking();
  await eventually(() => expect(heldFor()).toBe(0));
  const object = 'PersistentVolumeClaim/default/data';
  const ledgerSays = expect.objectContaining({ name: 'data', selectedNode: 'n1' });
  expect(logged).toEqual([{ object, action: { ledger: ledgerSays, objects: 'nothing' } }]);
});

test('a claim that has another driver’s volume holds nothing, though the event of that volume got lost', async () => {
  await start('nfs');
  await ours.client.create(STORAGE_CLASSES, classOf('local'), never);
  const claim = claimOf('data');
  const { metadata } = await ours.client.create(
    CLAIMS,
    { ...claim, spec: { ...claim.spec, volumeName: 'nfs' } },
    never,
  );
  const csi = { driver: 'nfs.example', volumeHandle: 'x' };
  const claimRef = { namespace: 'default', name: 'data', uid: metadata.uid ?? '' };
  const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], claimRef, csi };
  await ours.client.create(VOLUMES, { metadata: { name: 'nfs' }, spec }, never);
  await ours.client.patch(
    CLAIMS,
    claim.metadata,
    { type: 'merge', body: { status: { phase: 'Bound' } } },
    never,
    'status',
  );
  await eventually(() => expect(heldFor()).toBe(1));
  startChecking();
  await eventually(() => expect(heldFor()).toBe(0));
  expect(faults).toEqual(['object']);
});
