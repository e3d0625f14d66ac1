import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES, VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import { silentLog } from '../../model/log.ts';
import { DEFAULT_DRIVER, TOPOLOGY_KEY } from '../../model/well-known.ts';
import { createInformers } from '../follow/informers.ts';
import { createTopology } from '../follow/topology.ts';
import { createAdopter } from './adopt-volumes.ts';

const never = new AbortController().signal;
let ours: OurApi;
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
});
afterEach(async () => {
  await stop();
  await ours.close();
});

/** Node `n1`, whose agent reports the logical volume `v` of 1 GiB. */
async function addNode(): Promise<void> {
  const { client } = ours;
  await client.create(NODES, { metadata: { name: 'n1', labels: { [TOPOLOGY_KEY]: 'n1' } } }, never);
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n1' }, spec: { nodeName: 'n1' } }, never);
  const logicalVolumes = [{ name: 'v', vgname: 'pool-0', total: GIB }];
  const sizes = { total: 10 * GIB, available: 9 * GIB, allocatable: 10 * GIB };
  const volumeGroups = [{ name: 'pool-0', physicalVolumes: ['/dev/sdb'], ...sizes, logicalVolumes }];
  const body = {
    status: { nodeStorageInfo: { volumeGroups }, filteredStorageInfo: { volumeGroups: ['pool-0'] }, conditions: [] },
  };
  await client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body }, never, 'status');
}

const pvOf = (name: string) => ({
  metadata: { name },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    csi: { driver: DEFAULT_DRIVER, volumeHandle: 'v', volumeAttributes: { volumeType: 'LVM', vgName: 'pool-0' } },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: TOPOLOGY_KEY, operator: 'In', values: ['n1'] }] }],
      },
    },
  },
});

test.each(['v', 'made-by-hand'])('a record that is taken away is made anew by PersistentVolume %s', async (name) => {
  const { client } = ours;
  await addNode();
  await client.create(VOLUMES, pvOf(name), never);
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const adopter = createAdopter({
    ...{ client, informers, drivers: [DEFAULT_DRIVER], mode: 'yes', log: silentLog },
    ...{ topology: createTopology(informers.nodes), events: { record: () => {} } },
  });
  stop = startFollowing(informers, (signal) => adopter.run(signal));
  const uidOfRecord = async () => (await client.list(LOCAL_VOLUMES, {}, never)).items[0]?.metadata.uid;
  await eventually(async () => expect(await uidOfRecord()).toBeDefined());
  const first = await uidOfRecord();
  await client.patch(LOCAL_VOLUMES, { name: 'v' }, { type: 'merge', body: { metadata: { finalizers: null } } }, never);
  await client.delete(LOCAL_VOLUMES, { name: 'v' }, never);
  await eventually(async () => expect([undefined, first]).not.toContain(await uidOfRecord()));
});
