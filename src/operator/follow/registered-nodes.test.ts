import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import { CSI_NODES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import { silentLog } from '../../model/log.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { onRegisteredNodes } from './registered-nodes.ts';
import type { CountedStorages } from './silent-nodes.ts';
import type { StorageView } from './views.ts';

const never = new AbortController().signal;
const POOL = { name: 'pool-0', total: 10 * GIB, available: 4 * GIB, extentSize: 4, reserved: 0, volumes: [] };
const view = (name: string): StorageView =>
  ({ name, isOurs: true, storage: { name, groups: [POOL], units: [] } }) as unknown as StorageView;

let ours: OurApi;
let values: Map<string, StorageView>;
let tell: (view: StorageView) => void;
let counted: CountedStorages;
let told: string[];
let stop: () => Promise<void>;
beforeEach(async () => {
  ours = await startOurApi();
  values = new Map(['n1', 'n2'].map((name) => [name, view(name)]));
  const audience = new Set<Handlers<StorageView>>();
  tell = (one) => audience.forEach(({ changed }) => changed?.(one, undefined));
  const storages: CountedStorages = {
    get: (name) => values.get(name),
    subscribe: (handlers) => {
      audience.add(handlers);
      for (const one of values.values()) handlers.changed?.(one, undefined);
      return () => void audience.delete(handlers);
    },
    look: () => {},
    run: async () => {},
  };
  counted = onRegisteredNodes({ client: ours.client, storages, driverName: DEFAULT_DRIVER, log: silentLog });
  told = [];
  const stopping = new AbortController();
  const running = counted.run(stopping.signal);
  stop = async () => {
    stopping.abort();
    await running;
  };
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const listen = (): (() => void) =>
  counted.subscribe({
    changed: ({ name, unregistered, storage: { groups } }) =>
      void told.push(`${name} ${unregistered ? 'closed' : 'open'} ${(groups[0]?.reserved ?? 0) / GIB}`),
  });
const knows = (name: string, ...drivers: readonly string[]) =>
  ours.client.create(
    CSI_NODES,
    { metadata: { name }, spec: { drivers: drivers.map((each) => ({ name: each, nodeID: name, topologyKeys: [] })) } },
    never,
  );
const isClosed = (name: string): boolean => counted.get(name)?.unregistered === true;

test('a node gets no new volume from when its kubelet loses the driver until it has it again', async () => {
  await knows('n1', 'other', DEFAULT_DRIVER);
  const leave = listen();
  expect(told).toEqual(['n1 open 0', 'n2 open 0']);
  const drivers = async (...names: readonly string[]): Promise<void> => {
    const spec = { drivers: names.map((name) => ({ name, nodeID: 'n1', topologyKeys: [] })) };
    await ours.client.patch(CSI_NODES, { name: 'n1' }, { type: 'merge', body: { spec } }, never);
  };
  await drivers('other');
  await eventually(() => expect(isClosed('n1')).toBe(true));
  tell(view('n1'));
  await drivers('other', DEFAULT_DRIVER);
  await eventually(() => expect(isClosed('n1')).toBe(false));
  expect(told.slice(2).filter((what, at, all) => what !== all[at - 1])).toEqual(
    expect.arrayContaining(['n1 closed 10', 'n1 open 0']),
  );
  expect(told.at(-1)).toBe('n1 open 0');
  expect(told.filter((what) => what.startsWith('n2'))).toHaveLength(1);
  leave();
  const before = told.length;
  tell(view('n1'));
  expect(told).toHaveLength(before);
});

test('a node without a CSINode, or of which none was heard, is not closed', async () => {
  listen();
  await knows('n1');
  await eventually(() => expect(isClosed('n1')).toBe(true));
  expect(isClosed('n2')).toBe(false);
  await ours.client.delete(CSI_NODES, { name: 'n1' }, never);
  await eventually(() => expect(isClosed('n1')).toBe(false));
  expect(told.at(-1)).toBe('n1 open 0');
  expect(counted.get('n3')).toBeUndefined();
});
