import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import { OUR_DRIVERS } from '../../model/decode.ts';
import { silentLog } from '../../model/log.ts';
import { createInformers } from './informers.ts';

const never = new AbortController().signal;
let ours: OurApi;
beforeEach(async () => {
  ours = await startOurApi();
});
afterEach(() => ours.close());

test('a heartbeat alone is no news of a node, and its time is known all the same', async () => {
  const { storages } = createInformers({ client: ours.client, drivers: OUR_DRIVERS, log: silentLog });
  await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name: 'n1' }, spec: { nodeName: 'n1' } }, never);
  const report = async (lastHeartbeatTime: string, refused: number): Promise<void> => {
    const status = {
      nodeStorageInfo: { state: { lastHeartbeatTime } },
      summary: { total: '', free: '', refused },
    };
    await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body: { status } }, never, 'status');
  };
  const stopping = new AbortController();
  const running = storages.run(stopping.signal);
  await storages.whenSynced(never);
  const told: (number | undefined)[] = [];
  storages.subscribe({ changed: ({ refused }) => void told.push(refused) });
  for (const [time, refused] of [
    ['2026-11-28T10:00:00Z', 1],
    ['2026-11-28T10:05:00Z', 1],
    ['2026-11-28T10:10:00Z', 2],
  ] as const) {
    await report(time, refused);
    await eventually(() => expect(storages.get('n1')?.reportedAt).toBe(Date.parse(time)));
  }
  expect(told).toEqual([undefined, 1, 2]);
  stopping.abort();
  await running;
});
